from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.control_plane import ControlPlane

ISSUER = {"issuer": "https://a", "audiences": ["b"]}


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ControlPlane]:
    plane = ControlPlane(tmp_path)
    yield plane
    plane.close()


@pytest.mark.parametrize(
    ("body", "type_", "part"),
    [
        (
            {"type": "TOKEN"},
            "ValidationException",
            (
                "1 validation error detected: Value null at 'createAuthorizerInput.name' failed to "
                "satisfy constraint: Member must not be null"
            ),
        ),
        ({"name": "a"}, "ValidationException", "createAuthorizerInput.type"),
        (
            {"name": "a", "type": "NOBODY"},
            "ValidationException",
            (
                "Value 'NOBODY' at 'createAuthorizerInput.type' failed to satisfy constraint: "
                "Member must satisfy enum value set: [TOKEN, REQUEST, COGNITO_USER_POOLS, JWT]"
            ),
        ),
        (
            {"name": "a", "type": "JWT", "jwtConfiguration": {"issuers": [{}]}},
            "BadRequestException",
            "Invalid request input: authorizer",
        ),
        (
            {"name": "a", "type": "JWT", "jwtConfiguration": {"issuers": [{"jwksUri": "x"}]}},
            "BadRequestException",
            "Unknown member",
        ),
        (
            {
                "name": "a",
                "type": "JWT",
                "jwtConfiguration": {"issuers": [ISSUER], "defaultAlgorithms": ["none"]},
            },
            "ValidationException",
            "RS256",
        ),
        (
            {"name": "a", "type": "TOKEN", "authorizerResultTtlInSeconds": 1.5},
            "SerializationException",
            "NUMBER_VALUE",
        ),
    ],
)
def test_what_no_client_sends_is_refused(
    control: ControlPlane, body: dict[str, Any], type_: str, part: str
) -> None:
    api = json.loads(control.send("POST", "/restapis", b'{"name": "pets"}').body)["id"]

    status, found, message = control.error("POST", f"/restapis/{api}/authorizers", body)

    assert (status, found) == (400, type_)
    assert part in message
