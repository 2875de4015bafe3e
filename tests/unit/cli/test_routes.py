from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def test_every_method_is_a_row_with_its_backend_and_limits(
    stagegate: Command, config: Path
) -> None:
    outcome = stagegate("routes")
    rows = [line.split() for line in outcome.out.splitlines()]

    assert (outcome.code, outcome.err) == (0, "")
    assert rows[0] == ["api", "stage", "method", "path", "integration", "backend", "throttle"]
    assert rows[2][:6] == [
        "petstore", "prod", "GET", "/pets", "HTTP_PROXY", "http://127.0.0.1:9000/pets",
    ]  # fmt: skip
    assert " ".join(rows[2][6:]) == "1000/s, burst 500"


def test_json_has_a_record_for_each(stagegate: Command, config: Path) -> None:
    health, pets = stagegate("routes", "--json").json

    assert health["integration"] == "MOCK"
    assert (pets["path"], pets["rate_limit"], pets["burst_limit"]) == ("/pets", 1000, 500)
    assert pets["refusal"] is None


def test_a_method_that_answers_500_says_why(stagegate: Command, config: Path) -> None:
    path = config / "apis" / "petstore.yaml"
    text = path.read_text("utf-8")
    path.write_text(
        text.replace(
            "  /pets:\n    GET:\n", "  /pets:\n    GET:\n      authorizationType: AWS_IAM\n"
        )
    )

    outcome = stagegate("routes")

    assert "answers 500" in outcome.out
    assert "authorizationType AWS_IAM" in outcome.out


def test_a_canary_has_rows_of_its_own(stagegate: Command, config: Path) -> None:
    path = config / "apis" / "petstore.yaml"
    canary = (
        "    canarySettings: {percentTraffic: 10,"
        " stageVariableOverrides: {backend: '127.0.0.1:9001'}}\n"
    )
    path.write_text(path.read_text("utf-8") + canary)

    outcome = stagegate("routes")

    assert "http://127.0.0.1:9001/pets" in outcome.out
    assert "prod (canary)" in outcome.out


def test_a_broken_file_is_named_and_fails_the_command(stagegate: Command, config: Path) -> None:
    (config / "apis" / "broken.yaml").write_text("restApi: [")

    outcome = stagegate("routes")

    assert outcome.code == 1
    assert "broken.yaml" in outcome.err
    assert "/pets" in outcome.out
