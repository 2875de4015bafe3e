"""Facts about deployments that are passed on without being decoded."""

import dataclasses

import pytest

from gateway.errors import ConfigurationError
from gateway.release.decode import decode_whole_part
from gateway.release.encode import encode_deployment, encode_release
from gateway.release.frozen import freeze, outline_part
from gateway.release.parts import Part, digest_of_frames
from gateway.release.records import UNREAD
from gateway.store.served import definition_text
from tests.builders import api, mock, proxy, release

PETS = api(
    {
        "/pets": {"GET": mock(200, "one"), "POST": mock(200, "one")},
        "/pets/{id}": {"ANY": proxy()},
    }
)
MADE = dataclasses.replace(release(PETS).deployments["d1"], created_date=12.5)
TEXT = definition_text(PETS)


def test_the_part_of_a_text_is_that_of_its_deployment() -> None:
    _, part = freeze("d1", "shop", TEXT, 12.5)

    assert part == encode_deployment(MADE)
    assert decode_whole_part(part).deployment == MADE


def test_an_outline_says_which_methods_there_are() -> None:
    outline, part = freeze("d1", "shop", TEXT, 12.5)

    assert {each.path: dict(each.methods) for each in outline.definition.resources} == {
        "/pets": {"GET": UNREAD, "POST": UNREAD},
        "/pets/{id}": {"ANY": UNREAD},
    }
    assert (outline.id, outline.api_id, outline.created_date) == ("d1", "shop", 12.5)
    assert outline.definition.rest_api.name == PETS.rest_api.name
    assert outline_part(part).deployment == outline


def test_what_is_no_deployment_is_read_whole() -> None:
    for part in encode_release(release(PETS)).values():
        if part.key != "deployment/d1":
            assert outline_part(part) == decode_whole_part(part)


def test_an_outline_cannot_be_encoded() -> None:
    outline, _ = freeze("d1", "shop", TEXT, 12.5)

    with pytest.raises(AssertionError, match="/pets is an outline"):
        encode_deployment(outline)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"restApi": {}}', '{"restApi": {"name": "a"}, "resources": [1]}']
)
def test_a_text_that_is_no_definition_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"deployment/d1.*does not fit"):
        freeze("d1", "shop", text, 0.0)


@pytest.mark.parametrize("frame", [b"", b"[]", b"[1]", b'[["deployment", {}]]', b"[[]]"])
def test_a_part_that_holds_no_deployment_is_named(frame: bytes) -> None:
    part = Part("deployment/d1", digest_of_frames([frame]), (frame,))

    with pytest.raises(ConfigurationError, match=r"deployment/d1.*does not fit"):
        outline_part(part)
