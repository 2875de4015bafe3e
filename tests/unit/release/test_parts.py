"""Facts about releases in their travelling form."""

import dataclasses
from collections.abc import Mapping

import orjson
import pytest

from gateway.definitions.served_certificate import ServedCertificate
from gateway.definitions.stage import AccessLogSettings, CanarySettings, Stage
from gateway.errors import ConfigurationError
from gateway.release import Release
from gateway.release.parts import (
    FRAME_BYTES,
    Part,
    decode_part,
    diff,
    digest_of_frames,
    digest_of_parts,
    digests_of,
    encode_release,
    join_release,
    salvage_release,
    with_digest,
)
from gateway.snapshot import finish
from tests.backend_certificates import self_signed
from tests.builders import api, domain, mock, proxy, release, settings

PETS = api({"/pets": {"GET": mock(200, "one"), "POST": proxy()}})
OTHER = api({"/pets": {"GET": mock(200, "two")}})
STAGE = Stage(
    stage_name="dev",
    deployment_id="d1",
    variables={"a": "b"},
    method_settings=settings(all_={"metricsEnabled": True}, pets__GET={"throttlingRateLimit": 5}),
    access_log_settings=AccessLogSettings(),
    canary_settings=CanarySettings(percent_traffic=12.5, deployment_id="d2"),
)


def whole() -> Release:
    made = release(
        {"d1": PETS, "d2": OTHER},
        STAGE,
        domains=(domain("api.example.com", none="dev", v1_x="dev"),),
        revision=7,
        account=(100.0, 50),
    )
    name = "api.example.com"
    served = ServedCertificate(domain_name=name, certificate="ab", not_after=1.5e9, truststore="cd")
    made = dataclasses.replace(made, files={"shop": "shop.yaml"}, certificates={name: served})
    return with_digest(made, encode_release(made))


def decoded(parts: Mapping[str, Part]) -> Release:
    """Put a release together as a worker does."""
    content = {key: finish(decode_part(part)) for key, part in parts.items()}
    return finish(join_release(7, digest_of_parts(digests_of(parts)), content))


def broken(part: Part, frames: tuple[bytes, ...]) -> Part:
    return Part(part.key, digest_of_frames(frames), frames)


def test_a_release_survives_the_journey() -> None:
    made = whole()

    assert decoded(encode_release(made)) == made


def test_parts_are_named_for_what_they_hold() -> None:
    assert set(encode_release(whole())) == {
        "settings", "domains", "certificates", "api/shop", "deployment/d1", "deployment/d2",
    }  # fmt: skip


def test_a_moved_stage_changes_its_api_part_alone() -> None:
    made = whole()
    parts = encode_release(made)
    moved = dataclasses.replace(STAGE, deployment_id="d2")
    after = encode_release(dataclasses.replace(made, stages={"shop": {"dev": moved}}))

    assert [part.key for part in diff(digests_of(parts), after)] == ["api/shop"]
    assert diff(digests_of(after), after) == []


def test_a_known_deployment_is_not_encoded_again() -> None:
    made = whole()
    parts = encode_release(made)

    assert encode_release(made, parts)["deployment/d1"] is parts["deployment/d1"]


def test_large_parts_travel_in_frames_that_are_decoded_record_by_record() -> None:
    many = api({f"/pets/{number}": {"GET": mock(200, f"{number:0100}")} for number in range(500)})
    part = encode_release(release(many))["deployment/d1"]
    steps = 0
    for _ in decode_part(part):
        steps += 1

    assert len(part.frames) > 3
    assert all(len(frame) < 2 * FRAME_BYTES for frame in part.frames)
    assert steps == 1001


def test_frames_have_no_line_breaks() -> None:
    made = release(api({"/pets": {"GET": mock(200, "a\nb\r\n\u2028")}}))

    assert not any(
        b"\n" in frame or b"\r" in frame
        for part in encode_release(made).values()
        for frame in part.frames
    )


def test_the_digest_tells_damage() -> None:
    part = encode_release(whole())["api/shop"]

    assert part.is_intact
    assert not Part(part.key, part.digest, (part.frames[0].replace(b"dev", b"pro"),)).is_intact


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"{", "is not JSON"),
        (b'[["surprise", 1]]', "unknown kind"),
        (b'[["stage", "dev", {"surprise": 1}]]', "unknown key"),
    ],
)
def test_what_does_not_fit_this_version_is_refused(frame: bytes, message: str) -> None:
    parts = encode_release(whole())
    parts["api/shop"] = broken(parts["api/shop"], (frame,))

    with pytest.raises(ConfigurationError, match=message):
        decoded(parts)


def test_a_stage_without_its_deployment_is_refused() -> None:
    parts = encode_release(whole())
    del parts["deployment/d2"]

    with pytest.raises(ConfigurationError, match="deployment d2 is missing"):
        decoded(parts)


def test_what_is_left_of_a_damaged_release_is_salvaged() -> None:
    made = whole()
    parts = encode_release(made)
    parts["api/shop"] = broken(parts["api/shop"], (b"?",))
    salvaged, problems = salvage_release(7, parts)

    assert (salvaged.revision, salvaged.stages) == (7, {})
    assert salvaged.domains == made.domains
    assert len(problems) == 1


def test_an_api_with_a_lost_deployment_is_not_salvaged() -> None:
    parts = encode_release(whole())
    del parts["deployment/d2"]
    salvaged, problems = salvage_release(7, parts)

    assert salvaged.stages == {}
    assert [str(problem) for problem in problems] == ["api/shop: deployments are missing: d2"]


def test_records_are_plain_json() -> None:
    (frame,) = encode_release(whole())["settings"].frames

    assert orjson.loads(frame)[0][0] == "settings"


def test_equal_methods_travel_once_and_are_one_object_when_they_arrive() -> None:
    many = api({f"/pets/{number}": {"GET": mock(200, "x" * 100)} for number in range(500)})
    part = encode_release(release(many))["deployment/d1"]
    deployment = finish(decode_part(part)).deployment

    assert sum(map(len, part.frames)) < 500 * 100
    assert deployment is not None
    assert deployment.definition == many
    assert len({id(each.methods["GET"]) for each in deployment.definition.resources}) == 1


@pytest.mark.parametrize("number", [-1, 7])
def test_a_reference_to_a_method_that_is_not_there_is_refused(number: int) -> None:
    parts = encode_release(whole())
    record = orjson.dumps([["resource", {"GET": number}, {"path": "/pets"}]])
    parts["deployment/d1"] = broken(parts["deployment/d1"], (record,))

    with pytest.raises(ConfigurationError, match="a method that is not there"):
        decoded(parts)


def test_what_connections_need_travels_in_a_part_of_its_own_while_there_is_any() -> None:
    plain = release(api({"/pets": {"GET": mock()}}))
    shown = self_signed().client("partner")
    rich = dataclasses.replace(
        plain, client_certificates={"partner": shown}, vpc_links={"shop": ("10.0.0.5:8080", "a")}
    )
    parts = encode_release(rich)
    found, problems = salvage_release(1, parts)

    assert "connections" not in encode_release(plain)
    assert problems == []
    assert found.client_certificates == {"partner": shown}
    assert found.vpc_links == {"shop": ("10.0.0.5:8080", "a")}
    assert [part.key for part in parts.values() if b"PRIVATE KEY" in b"".join(part.frames)] == [
        "connections"
    ]
