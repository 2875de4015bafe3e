from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from loadtests.bench import rows_cost
from loadtests.bench.anchors import NGINX, Server
from loadtests.bench.lab import QUICK, Lab, Loop
from loadtests.bench.lines import ITSELF, Verdict
from loadtests.bench.machine import ROOT
from loadtests.bench.rows_cost import short_answers

COMPILED = Path("/somewhere/build/compiled")
COSTS = {ROOT: 100.0, COMPILED: 60.0, None: 40.0}


class FakeLab:
    """Everyone's loops cost what `COSTS` says by the tree that was started."""

    def __init__(self, directory: Path, compiled: Path | None) -> None:
        self.directory = directory
        self.compiled = compiled
        self.cores = None
        self.pace = QUICK
        self.meter = type("Meter", (), {"unit": "kcycles"})
        self.origin = type("Origin", (), {"port": 1})
        self.started: list[str] = []

    def say(self, _text: str) -> None:
        pass

    def closed(self, server: Any, _path: str, _status: int, *, connections: int) -> Loop:
        assert connections == 64
        return Loop(requests=9, seconds=1.0, cost=COSTS[server], parts={}, unexpected=())


@pytest.fixture
def nobody_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def gateway(_directory: Path, _cores: Any, _config: Path, **given: Any) -> Iterator[Any]:
        assert given["name"] in {"gateway", "gateway-compiled"}
        yield given["tree"]

    @contextlib.contextmanager
    def nginx(*_given: Any) -> Iterator[Server | None]:
        yield None

    monkeypatch.setattr(rows_cost, "gateway", gateway)
    anchor = type(NGINX)(name="nginx", requires=None, start=cast("Any", nginx))
    monkeypatch.setattr(rows_cost, "NGINX", anchor)


@pytest.mark.usefixtures("nobody_starts")
def test_without_a_compiled_build_each_answer_has_one_line(tmp_path: Path) -> None:
    lines = short_answers(cast("Lab", FakeLab(tmp_path, None)))

    assert [(line.build, line.anchor, line.value) for line in lines] == [
        ("", "nginx return 403", 2.5)
    ] * 3


@pytest.mark.usefixtures("nobody_starts")
def test_a_compiled_build_is_shown_beside_the_default_one_and_the_anchor(tmp_path: Path) -> None:
    lines = short_answers(cast("Lab", FakeLab(tmp_path, COMPILED)))
    compiled = [line for line in lines if line.build == "compiled"]

    assert len(lines) == 9
    assert [(line.anchor, line.value) for line in compiled] == [
        (ITSELF, 0.6), ("nginx return 403", 1.5)
    ] * 3  # fmt: skip
    assert {line.verdict for line in compiled} == {Verdict.SHOWN}
