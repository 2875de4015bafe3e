"""The JSON Schemas (draft 4) of models: what may be kept, and which models they refer to.

Where AWS has a message for a mistake, ours begins with it. Nothing is validated against a schema
here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson

from gateway.definitions.codec import shown
from gateway.definitions.validators import Model

MODEL_NAME: Final = re.compile(r"[a-zA-Z0-9]{1,128}")
SCHEMA_BYTES: Final = 400 * 1024
JSON_DEPTH: Final = 64
"""Levels of a schema's JSON: what follows it may recurse."""

EMPTY_SCHEMA: Final = "Model schema must have at least 1 property or array items defined"
_REFERENCE: Final = re.compile(
    r"https://apigateway\.amazonaws\.com/restapis/([a-z0-9-]+)/models/([a-zA-Z0-9]+)"
)
_JSON: Final = re.compile(r"[^/;]+/(?:[^;]+\+)?json\s*(?:;.*)?", re.IGNORECASE | re.DOTALL)

_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")


def fault_of_model(model: Model, api_id: str) -> str:
    """Return what is wrong with a model's schema, in the API of this id; empty: nothing."""
    if not model.schema.strip():
        return EMPTY_SCHEMA
    if len(model.schema.encode("utf-8", "surrogatepass")) > SCHEMA_BYTES:
        return f"Invalid model specified: a schema has at most {SCHEMA_BYTES} bytes"
    if not is_json(model.content_type):
        return ""
    try:
        schema = orjson.loads(model.schema)
    except orjson.JSONDecodeError as error:
        return _invalid(f"the schema is not JSON: {error}")
    if _is_deeper(schema, JSON_DEPTH):
        return _invalid(f"Invalid model schema specified: it has more than {JSON_DEPTH} levels")
    found = next(_Walk(api_id).faults(schema, ""), None)
    return "" if found is None else _invalid(found)


def is_json(content_type: str) -> bool:
    """Whether a media type's bodies are JSON: models of others are kept, not read."""
    return _JSON.fullmatch(content_type) is not None


def model_address(api_id: str, name: str) -> str:
    """Return the text of a `$ref` that means a model."""
    return f"https://apigateway.amazonaws.com/restapis/{api_id}/models/{name}"


def referred_model(reference: object) -> str | None:
    """Return the name of the model that a `$ref` means; None: it means none."""
    found = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    return None if found is None else found[2]


def models_in(schema: object) -> Iterator[str]:
    """Yield the name of every model that a parsed schema refers to, as often as it does."""
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            name = referred_model(each.get("$ref"))
            if name is not None:
                yield name
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def for_other_api(schema: str, source_id: str, target_id: str) -> str:
    """Return a schema whose references mean the models of another API, where it is copied to."""
    return schema.replace(model_address(source_id, ""), model_address(target_id, ""))


def _invalid(fault: str) -> str:
    return f"Invalid model specified: Validation Result: warnings : [], errors : [{fault}]"


def _is_deeper(value: object, levels: int) -> bool:
    """Whether JSON is nested deeper than so many levels."""
    row = [value]
    for _ in range(levels + 1):
        below: list[object] = []
        for each in row:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
        row = below
    return bool(row)


class _Walk:
    """Finds what in a schema is none of draft 4."""

    def __init__(self, api_id: str) -> None:
        self._api_id = api_id

    def faults(self, schema: object, path: str) -> Iterator[str]:
        """Yield the faults of a schema and of what stands below it."""
        if not isinstance(schema, dict):
            yield f"Invalid model schema specified: {path or 'the schema'} must be an object"
            return
        if "$ref" in schema:
            yield from self._faults_of_reference(schema["$ref"], path)
        for keyword, value in schema.items():
            here = f"{path}.{keyword}" if path else keyword
            rule = _VALUES.get(keyword)
            if rule is not None and not rule[0](value):
                yield f"Invalid model schema specified: {here} must be {rule[1]}"
            elif keyword in _SCHEMA_MAPS:
                yield from self._faults_of_map(keyword, value, here)
            elif keyword in _SCHEMA_LISTS or (keyword == "items" and isinstance(value, list)):
                for index, each in enumerate(value):
                    yield from self.faults(each, f"{here}[{index}]")
            elif keyword in _SCHEMAS and not (
                keyword.startswith("additional") and isinstance(value, bool)
            ):
                yield from self.faults(value, here)

    def _faults_of_map(self, keyword: str, value: dict[str, Any], path: str) -> Iterator[str]:
        for name, each in value.items():
            if keyword == "dependencies" and isinstance(each, list):
                continue
            yield from self.faults(each, f"{path}.{name}")

    def _faults_of_reference(self, reference: object, path: str) -> Iterator[str]:
        found = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
        if found is None:
            if not (isinstance(reference, str) and reference.startswith("#")):
                form = model_address(self._api_id, "NAME")
                yield f"Model reference must be in canonical form: {path or '$ref'}: write {form}"
        elif found[1] != self._api_id:
            yield (
                f"Invalid model reference specified: {path or '$ref'} names a model of the API "
                f"{shown(found[1])}: only those of {shown(self._api_id)} can be used"
            )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_unique_list(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    texts = {orjson.dumps(each, option=orjson.OPT_SORT_KEYS) for each in value}
    return len(texts) == len(value)


def _is_texts(value: Any) -> bool:
    return _is_unique_list(value) and all(isinstance(each, str) for each in value)


def _is_schemas(value: object) -> bool:
    return isinstance(value, list) and bool(value)


def _is_type(value: Any) -> bool:
    if isinstance(value, str):
        return value in _TYPES
    return _is_texts(value) and all(each in _TYPES for each in value)


_NUMBER: Final = (_is_number, "a number")
_COUNT: Final = (_is_count, "a whole number, 0 or more")
_BOOLEAN: Final = (_is_boolean, "true or false")
_TEXT: Final = (_is_text, "a text")
_OBJECT: Final = (_is_object, "an object")
_LIST: Final = (_is_schemas, "a list of at least one schema")

_VALUES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "$ref": _TEXT,
    "$schema": _TEXT,
    "title": _TEXT,
    "description": _TEXT,
    "pattern": _TEXT,
    "format": _TEXT,
    "type": (_is_type, f"one of {', '.join(_TYPES)}, or a list of them"),
    "enum": (_is_unique_list, "a list of at least one value, each once"),
    "required": (_is_texts, "a list of at least one name, each once"),
    "multipleOf": (_is_positive, "a number above 0"),
    "minimum": _NUMBER,
    "maximum": _NUMBER,
    "exclusiveMinimum": _BOOLEAN,
    "exclusiveMaximum": _BOOLEAN,
    "uniqueItems": _BOOLEAN,
    "minLength": _COUNT,
    "maxLength": _COUNT,
    "minItems": _COUNT,
    "maxItems": _COUNT,
    "minProperties": _COUNT,
    "maxProperties": _COUNT,
    "properties": _OBJECT,
    "patternProperties": _OBJECT,
    "definitions": _OBJECT,
    "dependencies": _OBJECT,
    "allOf": _LIST,
    "anyOf": _LIST,
    "oneOf": _LIST,
}
"""Keyword to what its value must be, and how that is said."""

_SCHEMA_MAPS: Final = frozenset({"properties", "patternProperties", "definitions", "dependencies"})
_SCHEMA_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf"})
_SCHEMAS: Final = frozenset({"items", "not", "additionalItems", "additionalProperties"})
