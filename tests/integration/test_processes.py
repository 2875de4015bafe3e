from __future__ import annotations

from tests.running_gateway import RunningGateway


def test_starts_and_answers(running_gateway: RunningGateway) -> None:
    assert running_gateway.pets() == b"one"
