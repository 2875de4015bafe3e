"""Facts about emptying the caches of stages."""

from __future__ import annotations

from gateway.definitions.stage import Stage
from gateway.release.decode import decode_whole_part
from gateway.release.encode import encode_release, with_digest
from gateway.reload.flushes import flushed
from tests.builders import api, mock, release

SERVED = release(
    api({"/a": {"GET": mock()}}),
    Stage(stage_name="dev"),
    Stage(stage_name="prod"),
    revision=7,
    cache_flushes={"shop/prod": 3, "shop/gone": 4, "gone/dev": 5},
)


def test_a_flush_is_a_release_that_differs_in_that_alone() -> None:
    parts = encode_release(SERVED)
    before = with_digest(SERVED, parts)
    made = flushed(before, parts, [("shop", "dev")])

    assert made is not None
    after, amended = made
    assert after.revision == 8
    assert after.digest != before.digest
    assert after.stages is before.stages
    assert {key for key in amended if amended[key] != parts.get(key)} == {"flushes"}
    decoded = decode_whole_part(amended["flushes"])
    assert decoded.cache_flushes == after.cache_flushes == {"shop/prod": 3, "shop/dev": 8}


def test_stages_that_are_not_there_are_passed_over() -> None:
    assert flushed(SERVED, encode_release(SERVED), [("shop", "nope"), ("nope", "dev")]) is None
