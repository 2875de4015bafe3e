"""Facts about ids and clocks."""

import itertools
import re
import uuid

import pytest

from gateway.clock import IdMinter, SystemClock, draw, id_lines


def counting_bytes(size: int) -> bytes:
    return bytes(itertools.islice(itertools.cycle(range(256)), size))


def test_request_ids_are_version_4_uuids_and_differ() -> None:
    ids = IdMinter()
    minted = {ids.request_id() for _ in range(1000)}

    assert len(minted) == 1000
    assert all(uuid.UUID(one).version == 4 for one in minted)
    assert all(uuid.UUID(one).variant == uuid.RFC_4122 for one in minted)


def test_extended_request_ids_have_sixteen_characters_and_end_with_an_equals_sign() -> None:
    ids = IdMinter(counting_bytes)

    assert re.fullmatch(r"[A-Za-z0-9+/]{15}=", ids.request_ids()[1])


def test_ids_come_with_the_header_lines_that_tell_them() -> None:
    request_id, extended_id, lines = IdMinter().request_ids()

    assert lines == id_lines(request_id, extended_id)
    assert lines.decode() == f"x-amzn-RequestId: {request_id}\r\nx-amz-apigw-id: {extended_id}"


def test_every_random_digit_of_an_id_may_be_any() -> None:
    ids = IdMinter()
    minted = [ids.request_ids() for _ in range(2000)]
    for texts, count in (([one[0] for one in minted], 36), ([one[1] for one in minted], 16)):
        kinds = [len({text[place] for text in texts}) for place in range(count)]
        fixed = {8: 1, 13: 1, 14: 1, 18: 1, 19: 4, 23: 1} if count == 36 else {15: 1}

        assert kinds == [fixed.get(place, 16 if count == 36 else 64) for place in range(count)]


def test_a_trace_begins_with_the_epoch_in_hexadecimal() -> None:
    ids = IdMinter()
    rest = "-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0"

    assert re.fullmatch(f"Root=1-5f5e1000{rest}", ids.trace_id(0x5F5E1000 + 0.7))
    assert re.fullmatch(f"Root=1-5f5e1001{rest}", ids.trace_id(0x5F5E1001))
    assert re.fullmatch("[0-9a-f]{16}", ids.parent_id())


def test_random_bytes_are_fetched_in_batches() -> None:
    calls: list[int] = []

    def counted(size: int) -> bytes:
        calls.append(size)
        return bytes(size)

    ids = IdMinter(counted)
    for _ in range(100):
        ids.request_ids()

    assert len(calls) == 2


def test_ids_go_on_when_the_source_of_chance_has_failed_once() -> None:
    failures = [OSError("no chance"), MemoryError()]

    def failing(size: int) -> bytes:
        if failures:
            raise failures.pop()
        return bytes(size)

    ids = IdMinter(failing)
    with pytest.raises(MemoryError):
        ids.request_ids()
    with pytest.raises(OSError, match="no chance"):
        ids.trace_id(0.0)

    assert ids.request_id() == "00000000-0000-4000-8000-000000000000"
    assert ids.trace_id(0.0).startswith("Root=1-00000000-000")
    ids.request_id()


def test_the_system_clock_does_not_go_back_and_draws_are_fractions() -> None:
    clock = SystemClock()
    first = clock.now()

    assert clock.now() >= first
    assert clock.epoch() > 1_600_000_000
    assert all(0 <= draw() < 1 for _ in range(100))
