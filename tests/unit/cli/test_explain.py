from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

PETS = "http://petstore.execute-api.localhost:8080/prod/pets"


def test_the_way_of_a_request_is_told(stagegate: Command, config: Path) -> None:
    outcome = stagegate("explain", "GET", f"{PETS}?size=1")

    assert (outcome.code, outcome.err) == (0, "")
    assert "names API petstore" in outcome.out
    assert "GET http://127.0.0.1:9000/pets?size=1" in outcome.out
    assert "petstore/prod/pets#GET: 1000 requests per second, burst 500" in outcome.out


def test_a_header_may_name_the_host(stagegate: Command, config: Path) -> None:
    outcome = stagegate(
        "explain", "GET", "/prod/health", "-H", "Host: petstore.execute-api.localhost"
    )

    assert "200, made by the gateway" in outcome.out


def test_json_has_every_candidate(stagegate: Command, config: Path) -> None:
    explanation = stagegate("explain", "GET", PETS, "--json").json

    (arm,) = explanation["arms"]
    assert arm["winner"] == "GET /pets"
    assert [one["resource_path"] for one in arm["candidates"] if one["is_chosen"]] == ["/pets"]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("X-Arm: canary", "arm          canary: the header X-Arm says so"),
        ("X-Arm: no", "arm          base or canary: each request draws for itself"),
    ],
)
def test_the_arm_of_a_request_is_told(
    stagegate: Command, config: Path, header: str, told: str
) -> None:
    api = config / "apis/petstore.yaml"
    text = api.read_text()
    assert "  prod:\n" in text
    api.write_text(
        text.replace(
            "  prod:\n",
            "  prod:\n    canarySettings: {percentTraffic: 10, forceHeader: X-Arm}\n",
        )
    )

    outcome = stagegate("explain", "GET", PETS, "-H", header)

    assert told in outcome.out


@pytest.mark.parametrize("words", [("GET", "ftp://x/"), ("GET", "/", "-H", "nonsense")])
def test_what_is_no_request_is_wrong_usage(
    stagegate: Command, config: Path, words: tuple[str, ...]
) -> None:
    outcome = stagegate("explain", *words)

    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: ")
