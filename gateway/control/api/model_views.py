"""Other views of models: with what they refer to, and as a mapping template to start from.

Models may refer to each other in circles: whatever is made of them is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from gateway.definitions.model_schema import models_in, referred_model

TEMPLATE_DEPTH: Final = 10
"""Levels of a sample template; below stands `{}`."""
TEMPLATE_VALUES: Final = 1000
"""Values of a sample template; later ones are `{}`."""

_IDENTIFIER: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]*")


def flattened(schemas: Mapping[str, Any], name: str) -> str:
    """Return a model's schema as JSON text that needs no other model.

    The models that it refers to, directly or not, stand once each under `definitions`; one that is
    not there stays a reference.
    """
    root = schemas[name]
    needed = _needed(schemas, name)
    own = root.get("definitions", {}) if isinstance(root, dict) else {}
    places = {name: "#"}
    taken = set(own)
    for each in needed:
        key = each
        while key in taken:
            key += "Model"
        taken.add(key)
        places[each] = f"#/definitions/{key}"
    if not needed:
        return orjson.dumps(_moved(root, "#", places)).decode()
    flat = _moved(root, "#", places)
    flat["definitions"] = {
        **flat.get("definitions", {}),
        **{
            places[each].rpartition("/")[2]: _moved(schemas[each], places[each], places)
            for each in needed
        },
    }
    return orjson.dumps(flat).decode()


def _needed(schemas: Mapping[str, Any], name: str) -> list[str]:
    found = {name}
    waiting = [name]
    while waiting:
        for each in models_in(schemas[waiting.pop()]):
            if each in schemas and each not in found:
                found.add(each)
                waiting.append(each)
    return sorted(found - {name})


def _moved(schema: Any, place: str, places: Mapping[str, str]) -> Any:
    """Return a schema that stands at `place`, with references that hold from there."""
    if isinstance(schema, list):
        return [_moved(each, place, places) for each in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {key: _moved(each, place, places) for key, each in schema.items()}
    reference = schema.get("$ref")
    named = referred_model(reference)
    if named is not None and named in places:
        moved["$ref"] = places[named]
    elif isinstance(reference, str) and reference.startswith("#"):
        moved["$ref"] = place + reference[1:]
    return moved


def sample_template(schemas: Mapping[str, Any], name: str) -> str:
    """Return a mapping template that writes a body of the model's shape from one like it."""
    body = _Template(schemas).value(schemas.get(name), "$inputRoot", "", 0, name)
    return f"#set($inputRoot = $input.path('$'))\n{body}"


class _Template:
    """Writes one sample template."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas
        self._values = 0

    def value(self, schema: Any, source: str, indent: str, depth: int, model: str) -> str:
        """Return the text for a value that stands at `source` in the input.

        `model` is the one whose part the schema is.
        """
        schema, model = self._resolved(schema, model)
        self._values += 1
        if depth > TEMPLATE_DEPTH or self._values > TEMPLATE_VALUES or schema is None:
            return "{}"
        type_ = schema.get("type")
        properties = schema.get("properties")
        if isinstance(properties, dict) and properties:
            inner = f"{indent}  "
            lines = [
                f"{inner}{_quoted(key)} : "
                + self.value(each, _member(source, key), inner, depth + 1, model)
                for key, each in properties.items()
            ]
            return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
        if type_ == "array" or "items" in schema:
            return self._array(schema.get("items"), source, indent, depth, model)
        if type_ == "string":
            return f'"{source}"'
        return "{}" if type_ == "object" else source

    def _array(self, items: Any, source: str, indent: str, depth: int, model: str) -> str:
        if not isinstance(items, dict):
            return "[]"
        inner = f"{indent}  "
        element = "$elem" if depth == 0 else f"$elem{depth}"
        text = self.value(items, element, inner, depth + 1, model)
        return (
            f"[\n#foreach({element} in {source})\n{inner}{text}"
            f"#if($foreach.hasNext),#end\n#end\n{indent}]"
        )

    def _resolved(self, schema: Any, model: str) -> tuple[dict[str, Any] | None, str]:
        """Follow a reference; return the schema, None: there is none, and whose part it is."""
        found = schema
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if isinstance(reference, str):
            named = referred_model(reference)
            if named is None:
                found = _pointed(self._schemas.get(model), reference)
            else:
                found, model = self._schemas.get(named), named
            if isinstance(found, dict) and "$ref" in found:
                found = None
        return (found if isinstance(found, dict) else None), model


def _pointed(root: Any, reference: str) -> Any:
    """Return what a reference such as `#/definitions/pet` means; None: nothing."""
    found = root
    for part in reference.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _member(source: str, key: str) -> str:
    if _IDENTIFIER.fullmatch(key):
        return f"{source}.{key}"
    escaped = key.replace("'", "''")
    return f"{source}.get('{escaped}')"


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()
