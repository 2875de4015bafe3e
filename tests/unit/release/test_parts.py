"""Facts about releases in their travelling form."""

import dataclasses

import orjson

from gateway.release.decode import decode_part
from gateway.release.encode import encode_release
from gateway.release.parts import FRAME_BYTES, Part, diff, digests_of
from tests.builders import api, mock, release
from tests.unit.release.releases import STAGE, whole


def test_frames_have_no_line_breaks() -> None:
    made = release(api({"/pets": {"GET": mock(200, "a\nb\r\n\u2028")}}))

    assert not any(
        b"\n" in frame or b"\r" in frame
        for part in encode_release(made).values()
        for frame in part.frames
    )


def test_a_moved_stage_changes_its_api_part_alone() -> None:
    made = whole()
    parts = encode_release(made)
    moved = dataclasses.replace(STAGE, deployment_id="d2")
    after = encode_release(dataclasses.replace(made, stages={"shop": {"dev": moved}}))

    assert [part.key for part in diff(digests_of(parts), after)] == ["api/shop"]
    assert diff(digests_of(after), after) == []


def test_large_parts_travel_in_frames_that_are_decoded_record_by_record() -> None:
    many = api({f"/pets/{number}": {"GET": mock(200, f"{number:0100}")} for number in range(500)})
    part = encode_release(release(many))["deployment/d1"]
    steps = 0
    for _ in decode_part(part):
        steps += 1

    assert len(part.frames) > 3
    assert all(len(frame) < 2 * FRAME_BYTES for frame in part.frames)
    assert steps == 1001


def test_the_digest_tells_damage() -> None:
    part = encode_release(whole())["api/shop"]

    assert part.is_intact
    assert not Part(part.key, part.digest, (part.frames[0].replace(b"dev", b"pro"),)).is_intact


def test_records_are_plain_json() -> None:
    (frame,) = encode_release(whole())["settings"].frames

    assert orjson.loads(frame)[0][0] == "settings"
