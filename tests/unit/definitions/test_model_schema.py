from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.definitions.model_schema import (
    EMPTY_SCHEMA,
    SCHEMA_BYTES,
    fault_of_model,
    for_other_api,
    is_json,
    model_address,
    models_in,
    referred_model,
)
from gateway.definitions.validators import Model


def fault(schema: Any) -> str:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return fault_of_model(Model(schema=text), "pets")


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"type": {"type": ["string", "null"]}}},
        {"$ref": model_address("pets", "Pet")},
        {"properties": {"self": {"$ref": "#"}, "pet": {"$ref": "#/definitions/pet"}}},
        {"items": [{"type": "string"}, {}], "additionalItems": False},
        {"additionalProperties": {"enum": [1, "1", None]}, "not": {"minimum": 1.5}},
        {"dependencies": {"a": ["b"], "c": {"required": ["d"]}}},
        {"oneOf": [{"type": "integer", "exclusiveMinimum": True, "minimum": 0}]},
        {"required": ["a", "b"], "multipleOf": 0.1, "maxLength": 0, "x-anything": [[]]},
    ],
)
def test_what_draft_4_knows_is_kept(schema: dict[str, Any]) -> None:
    assert fault(schema) == ""


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        ("", EMPTY_SCHEMA),
        (" \n", EMPTY_SCHEMA),
        ("{", "the schema is not JSON"),
        ("[]", "the schema must be an object"),
        ("1", "the schema must be an object"),
        ("[" * 100_000, "the schema is not JSON"),
        ({"type": "pet"}, "type must be one of array"),
        ({"type": []}, "type must be one of"),
        ({"type": {}}, "type must be one of"),
        ({"properties": []}, "properties must be an object"),
        ({"properties": {"a": 1}}, "properties.a must be an object"),
        ({"properties": {"a": {"items": [{"type": 1}]}}}, "properties.a.items[0].type must"),
        ({"required": []}, "required must be a list of at least one name"),
        ({"required": ["a", "a"]}, "required must be"),
        ({"required": True}, "required must be"),
        ({"enum": []}, "enum must be"),
        ({"enum": ["a", "a"]}, "enum must be"),
        ({"allOf": []}, "allOf must be a list of at least one schema"),
        ({"anyOf": [True]}, "anyOf[0] must be an object"),
        ({"not": True}, "not must be an object"),
        ({"items": True}, "items must be an object"),
        ({"additionalProperties": "no"}, "additionalProperties must be an object"),
        ({"dependencies": {"a": 1}}, "dependencies.a must be an object"),
        ({"exclusiveMinimum": 1}, "exclusiveMinimum must be true or false"),
        ({"minimum": "1"}, "minimum must be a number"),
        ({"minimum": True}, "minimum must be a number"),
        ({"multipleOf": 0}, "multipleOf must be a number above 0"),
        ({"minLength": -1}, "minLength must be a whole number"),
        ({"minLength": 1.5}, "minLength must be a whole number"),
        ({"pattern": 1}, "pattern must be a text"),
        ({"$ref": 1}, "Model reference must be in canonical form"),
        ({"$ref": "Pet"}, "Model reference must be in canonical form"),
        ({"items": {"$ref": model_address("other", "Pet")}}, "Invalid model reference specified"),
    ],
)
def test_what_is_none_is_named(schema: Any, part: str) -> None:
    assert part in fault(schema)


def test_a_schema_has_few_levels() -> None:
    schema: dict[str, Any] = {}
    for _ in range(60):
        schema = {"not": schema}
    assert fault(schema) == ""
    for _ in range(10):
        schema = {"default": schema}
    assert "more than 64 levels" in fault(schema)
    nested: Any = 1
    for _ in range(500):
        nested = [nested]
    assert "more than 64 levels" in fault({"enum": [nested]})


def test_a_schema_is_not_long() -> None:
    assert f"at most {SCHEMA_BYTES} bytes" in fault('{"title": "' + "x" * SCHEMA_BYTES + '"}')
    assert fault_of_model(Model(content_type="text/xml", schema="x" * (SCHEMA_BYTES + 1)), "a")


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("application/vnd.pets+json", True),
        ("APPLICATION/JSON", True),
        ("application/xml", False),
        ("application/jsonp", False),
        ("json", False),
    ],
)
def test_only_json_is_read(content_type: str, expected: bool) -> None:
    assert is_json(content_type) is expected
    assert (fault_of_model(Model(content_type=content_type, schema="<"), "a") == "") is not expected


def test_references_are_found_wherever_they_stand() -> None:
    schema = {
        "$ref": model_address("a", "One"),
        "properties": {"$ref": {"items": [{"$ref": model_address("a", "Two")}]}},
        "enum": [{"$ref": "#"}],
    }

    assert sorted(models_in(schema)) == ["One", "Two"]
    others: list[object] = [None, 1, "#", "Pet", {}]
    assert [referred_model(each) for each in others] == [None] * 5


def test_a_copy_refers_to_its_own_api() -> None:
    other = model_address("b", "Pet")
    schema = json.dumps({"items": [{"$ref": model_address("a", "Pet")}, {"$ref": other}]})

    copied = json.loads(for_other_api(schema, "a", "c"))

    assert copied["items"] == [{"$ref": model_address("c", "Pet")}, {"$ref": other}]
