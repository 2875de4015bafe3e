from __future__ import annotations

import pytest

from gateway.definitions.documentation import (
    FIELDS,
    DocumentationPart,
    DocumentationPartLocation,
    DocumentationPartType,
    check_properties,
    key_of,
    location_of,
    place_of,
    place_of_part,
)


def test_every_type_has_its_members() -> None:
    assert set(FIELDS) == set(DocumentationPartType)


def test_a_place_is_the_same_as_text_and_as_a_definition() -> None:
    place = place_of({"type": "RESPONSE", "path": "/a", "statusCode": "200"})
    part = DocumentationPart(location=location_of(place), properties="{}")

    assert place_of_part(part) == place
    assert key_of(place) == "type 'RESPONSE', path '/a', method '*', status code '200'"


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ({"type": "MODEL"}, "name is required for type MODEL"),
        ({"type": "API", "path": "/"}, "path is no member of type API"),
        ({"type": "RESOURCE", "path": "a"}, "path must begin with /"),
        ({"path": "/"}, "location type is required"),
    ],
)
def test_a_place_that_is_none_is_refused(location: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        place_of(location)


def test_a_member_that_does_not_belong_is_refused_in_a_definition_too() -> None:
    location = DocumentationPartLocation(type=DocumentationPartType.API, status_code="200")

    with pytest.raises(ValueError, match="statusCode is no member of type API"):
        place_of_part(DocumentationPart(location=location, properties="{}"))


@pytest.mark.parametrize("text", [None, "", " ", "[]", "{", "x"])
def test_properties_are_the_text_of_an_object(text: str | None) -> None:
    with pytest.raises(ValueError, match="Documentation part properties must be"):
        check_properties(text)
