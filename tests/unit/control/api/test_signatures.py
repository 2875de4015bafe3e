"""Over the wire, and across a restart: tests/wire/test_signatures.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.control.api.signatures import use_signature
from gateway.errors import ControlError
from gateway.store.database import FILE_NAME, Store
from tests.builders import FakeClock


def outcome_of(store: Store, mark: str) -> BaseException | None:
    return store.run(lambda transaction: use_signature(transaction, mark)).error


def test_a_signature_counts_once_until_it_would_not_be_accepted(tmp_path: Path) -> None:
    clock = FakeClock()
    store = Store(tmp_path / FILE_NAME, clock)

    assert outcome_of(store, "a") is None
    store.close()
    store = Store(tmp_path / FILE_NAME, clock)
    clock.time += 600
    refused = outcome_of(store, "a")
    assert isinstance(refused, ControlError)
    assert refused.code == "InvalidSignatureException"
    clock.time += 0.1
    assert outcome_of(store, "b") is None
    assert store.run(lambda each: each.execute("SELECT mark FROM signature")).value == [("b",)]
    store.close()


@pytest.mark.parametrize("times", [1, 2])
def test_an_unsigned_call_leaves_nothing(tmp_path: Path, times: int) -> None:
    store = Store(tmp_path / FILE_NAME, FakeClock())

    assert [outcome_of(store, "") for _ in range(times)] == [None] * times
    assert store.run(lambda each: each.execute("SELECT * FROM signature")).value == []
    store.close()
