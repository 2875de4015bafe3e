"""A release to be cut into parts, damaged in places and put together again."""

import dataclasses
from collections.abc import Mapping

from gateway.definitions.served_certificate import ServedCertificate
from gateway.definitions.stage import AccessLogSettings, CanarySettings, Stage
from gateway.release import Release
from gateway.release.decode import decode_part, join_release
from gateway.release.encode import encode_release, with_digest
from gateway.release.parts import Part, digest_of_frames, digest_of_parts, digests_of
from gateway.snapshot import finish
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
