from __future__ import annotations

import json
from typing import Any

from gateway.control.api.model_views import TEMPLATE_VALUES, flattened, sample_template
from gateway.definitions.model_schema import model_address


def ref(name: str) -> dict[str, Any]:
    return {"$ref": model_address("pets", name)}


def flat(schemas: dict[str, Any], name: str) -> Any:
    return json.loads(flattened(schemas, name))


def body(schemas: dict[str, Any], name: str = "Pet") -> str:
    head, _, text = sample_template(schemas, name).partition("\n")
    assert head == "#set($inputRoot = $input.path('$'))"
    return text


def test_a_model_that_refers_to_none_stays_as_it_is() -> None:
    schema = {"type": "object", "properties": {"a": {"$ref": "#/definitions/b"}}}

    assert flat({"Pet": schema}, "Pet") == schema


def test_references_of_references_stand_once_each() -> None:
    schemas = {
        "Pet": {"properties": {"a": ref("Home"), "b": ref("Home")}},
        "Home": {"properties": {"street": ref("Street"), "pet": ref("Pet")}},
        "Street": {"items": ref("Home")},
        "Unused": {},
    }

    assert flat(schemas, "Pet") == {
        "properties": {"a": {"$ref": "#/definitions/Home"}, "b": {"$ref": "#/definitions/Home"}},
        "definitions": {
            "Home": {
                "properties": {"street": {"$ref": "#/definitions/Street"}, "pet": {"$ref": "#"}}
            },
            "Street": {"items": {"$ref": "#/definitions/Home"}},
        },
    }


def test_local_references_of_a_model_keep_their_meaning() -> None:
    schemas = {
        "Pet": {"items": ref("Home"), "definitions": {"Home": {"type": "null"}}},
        "Home": {
            "not": {"$ref": "#/definitions/a"},
            "definitions": {"a": {"items": {"$ref": "#"}}},
        },
    }

    assert flat(schemas, "Pet") == {
        "items": {"$ref": "#/definitions/HomeModel"},
        "definitions": {
            "Home": {"type": "null"},
            "HomeModel": {
                "not": {"$ref": "#/definitions/HomeModel/definitions/a"},
                "definitions": {"a": {"items": {"$ref": "#/definitions/HomeModel"}}},
            },
        },
    }


def test_a_model_that_is_not_there_stays_a_reference() -> None:
    schemas = {"Pet": {"items": ref("Nothing")}}

    assert flat(schemas, "Pet") == schemas["Pet"]


def test_a_template_follows_the_schema() -> None:
    schemas = {
        "Pet": {
            "properties": {
                "id": {"type": "integer"},
                "name": {"type": "string"},
                "is-good": {"type": "boolean"},
                "it's": {},
                "tags": {"type": "array", "items": {"type": "string"}},
                "any": {"type": "array"},
                "free": {"type": "object"},
                "home": {"$ref": "#/definitions/home"},
                "lost": {"$ref": "#/definitions/lost"},
            },
            "definitions": {"home": {"properties": {"no": {"type": "number"}}}},
        }
    }

    assert body(schemas) == (
        "{\n"
        '  "id" : $inputRoot.id,\n'
        '  "name" : "$inputRoot.name",\n'
        '  "is-good" : $inputRoot.is-good,\n'
        "  \"it's\" : $inputRoot.get('it''s'),\n"
        '  "tags" : [\n'
        "#foreach($elem1 in $inputRoot.tags)\n"
        '    "$elem1"#if($foreach.hasNext),#end\n'
        "#end\n"
        "  ],\n"
        '  "any" : [],\n'
        '  "free" : {},\n'
        '  "home" : {\n'
        '    "no" : $inputRoot.home.no\n'
        "  },\n"
        '  "lost" : {}\n'
        "}"
    )


def test_a_list_is_written_by_a_loop() -> None:
    assert body({"Pet": {"type": "array", "items": ref("One")}, "One": {"type": "integer"}}) == (
        "[\n#foreach($elem in $inputRoot)\n  $elem#if($foreach.hasNext),#end\n#end\n]"
    )


def test_what_goes_in_circles_ends() -> None:
    assert body({"Pet": {"properties": {"a": {"$ref": "#"}}}}).count("{") == 12
    assert body({"Pet": ref("Pet")}) == "{}"
    assert body({}) == "{}"
    wide = {"Pet": {"properties": {f"p{number}": {"$ref": "#"} for number in range(50)}}}
    assert body(wide).count("\n") < 3 * 50 * TEMPLATE_VALUES
