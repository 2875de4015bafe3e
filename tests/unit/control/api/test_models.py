from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control_plane import ControlPlane


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ControlPlane]:
    plane = ControlPlane(tmp_path)
    yield plane
    plane.close()


def test_what_the_client_requires_is_required_here_too(control: ControlPlane) -> None:
    api = json.loads(control.send("POST", "/restapis", b'{"name": "pets"}').body)["id"]

    for body, message in (
        ({}, "Model name must be non-empty"),
        ({"name": "Pet"}, "Invalid content type specified: null"),
        ({"name": "Pet\n", "contentType": "a/b"}, "Model name must be alphanumeric: Pet\n"),
        (
            {"name": "x" * 129, "contentType": "a/b"},
            f"Model name must be alphanumeric: {'x' * 129}",
        ),
        (
            {"name": "Pet", "contentType": "a/b\n"},
            "Invalid content type specified: a/b\n",
        ),
    ):
        assert control.error("POST", f"/restapis/{api}/models", body) == (
            400,
            "BadRequestException",
            message,
        )


def test_a_deeply_nested_schema_is_refused_without_a_crash(control: ControlPlane) -> None:
    api = json.loads(control.send("POST", "/restapis", b'{"name": "pets"}').body)["id"]

    for levels in (300, 1000, 100_000):
        schema = '{"enum": ' + "[" * levels + "]" * levels + "}"
        body = {"name": "Pet", "contentType": "application/json", "schema": schema}
        status, type_, message = control.error("POST", f"/restapis/{api}/models", body)
        assert (status, type_) == (400, "BadRequestException")
        assert message.startswith("Invalid model specified")
