"""Identifiers that follow from content, so that the same thing has the same id everywhere.

A reverted file returns to its old deployment, and a resource keeps its id through every edit.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any, Final

import orjson

from gateway.definitions import codec
from gateway.definitions.method_texts import MethodTexts, encode_definition
from gateway.definitions.rest_api import ApiDefinition, Method

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_DEPLOYMENT_CHARACTERS: Final = 10
"""36^10 ids: ten thousand deployments collide with probability 1.4e-8."""
_RESOURCE_CHARACTERS: Final = 6
_PART_CHARACTERS: Final = 10
_ROOT_CHARACTERS: Final = 10
_RESOURCES_KNOWN: Final = 16_384
"""Paths whose ids are remembered: each is asked for several times in a reload."""
_KNOWN_CHARACTERS: Final = 256
"""A longer path's id is worked out each time, so that what is remembered stays small."""


def deployment_id(api_id: str, definition: ApiDefinition) -> str:
    """Return 10 characters `[a-z0-9]` that stand for an API's frozen content.

    The order of maps does not count, except that of integration responses: the first whose pattern
    matches is used. Tags and the endpoint configuration do not count: they are not served, and
    change without a deployment.
    """
    texts = MethodTexts(_canonical_method)
    content = encode_definition(definition, texts, without_defaults=True)
    for name in ("tags", "endpointConfiguration"):
        content["restApi"].pop(name, None)
    content["resources"] = sorted(content.get("resources", ()), key=_path_of)
    canonical = orjson.dumps([api_id, content], option=orjson.OPT_SORT_KEYS)
    return _characters(canonical, _DEPLOYMENT_CHARACTERS)


def _canonical_method(method: Method) -> bytes:
    content = codec.encode(method, without_defaults=True)
    integration = content.get("integration", {})
    responses = integration.get("integrationResponses", {})
    integration["integrationResponses"] = list(responses.items())
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def resource_id(path: str) -> str:
    """Return the id of a path: 6 characters `[a-z0-9]`, 10 for the root, as AWS's look.

    Unique enough to be shown and logged; whoever needs a key uses the path.
    """
    return _resource_id(path) if len(path) <= _KNOWN_CHARACTERS else _resource_id.__wrapped__(path)


@functools.lru_cache(maxsize=_RESOURCES_KNOWN)
def _resource_id(path: str) -> str:
    length = _ROOT_CHARACTERS if path == "/" else _RESOURCE_CHARACTERS
    return _characters(path.encode("utf-8", "surrogatepass"), length)


def documentation_part_id(key: str) -> str:
    """Return the id of what a file says about a place: 10 characters `[a-z0-9]`."""
    return _characters(key.encode("utf-8", "surrogatepass"), _PART_CHARACTERS)


def _path_of(resource: dict[str, Any]) -> str:
    return str(resource["path"])


def _characters(content: bytes, length: int) -> str:
    number = int.from_bytes(hashlib.sha256(content).digest(), "big")
    characters = []
    for _ in range(length):
        number, index = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[index])
    return "".join(characters)
