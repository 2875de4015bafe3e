"""A configuration directory and a way to run commands in this process."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main

PETSTORE = """\
restApi: {name: Pet store}
resources:
  /pets:
    GET:
      integration: {type: HTTP_PROXY, httpMethod: GET, uri: "http://${stageVariables.backend}/pets"}
  /health:
    GET:
      integration:
        type: MOCK
        requestTemplates: {application/json: '{"statusCode": 200}'}
        integrationResponses: {"200": {}}
      methodResponses: {"200": {}}
stages:
  prod:
    variables: {backend: "127.0.0.1:9000"}
    methodSettings:
      "*/*": {throttlingRateLimit: 1000, throttlingBurstLimit: 500}
"""

DOMAINS = """\
api.example.com:
  basePathMappings:
    - {basePath: shop, restApiId: petstore, stage: prod}
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting leaks in from the machine; relative paths lead nowhere else."""
    monkeypatch.chdir(tmp_path)
    for name in ("STAGEGATE_CONFIG", "STAGEGATE_DATA", "STAGEGATE_ADMIN", "STAGEGATE_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    directory = tmp_path / "config"
    (directory / "apis").mkdir(parents=True)
    (directory / "apis" / "petstore.yaml").write_text(PETSTORE)
    return directory


@pytest.fixture
def stagegate(capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: str) -> Outcome:
        code = main(list(words))
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody else can take and on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
