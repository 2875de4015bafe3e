"""Facts about what a release becomes when it is cut into parts."""

import dataclasses

from gateway.release.decode import decode_part, salvage_release
from gateway.release.encode import encode_release
from gateway.snapshot import finish
from tests.backend_certificates import self_signed
from tests.builders import api, mock, release
from tests.unit.release.releases import whole


def test_parts_are_named_for_what_they_hold() -> None:
    assert set(encode_release(whole())) == {
        "settings", "domains", "certificates", "api/shop", "deployment/d1", "deployment/d2",
    }  # fmt: skip


def test_a_known_deployment_is_not_encoded_again() -> None:
    made = whole()
    parts = encode_release(made)

    assert encode_release(made, parts)["deployment/d1"] is parts["deployment/d1"]


def test_equal_methods_travel_once_and_are_one_object_when_they_arrive() -> None:
    many = api({f"/pets/{number}": {"GET": mock(200, "x" * 100)} for number in range(500)})
    part = encode_release(release(many))["deployment/d1"]
    deployment = finish(decode_part(part)).deployment

    assert sum(map(len, part.frames)) < 500 * 100
    assert deployment is not None
    assert deployment.definition == many
    assert len({id(each.methods["GET"]) for each in deployment.definition.resources}) == 1


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
