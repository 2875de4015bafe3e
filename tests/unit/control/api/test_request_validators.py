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


def test_flags_are_booleans(control: ControlPlane) -> None:
    api = json.loads(control.send("POST", "/restapis", b'{"name": "pets"}').body)["id"]
    path = f"/restapis/{api}/requestvalidators"

    assert control.error("POST", path, {"name": "all", "validateRequestBody": "true"}) == (
        400,
        "SerializationException",
        "STRING_VALUE can not be converted to a Boolean",
    )
    assert json.loads(control.send("GET", path).body) == {"item": []}
