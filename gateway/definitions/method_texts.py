"""Methods as JSON text, each object encoded once.

A file's equal methods are one object, and a text is put into another without being read again: a
definition of thousands of methods costs what its different ones do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from gateway.definitions import codec
from gateway.definitions.rest_api import ApiDefinition, Method, Resource

Texts = Mapping[str, orjson.Fragment]
"""Methods by HTTP method, as JSON."""


def encoded_method(method: Method) -> bytes:
    """Return a method as AWS's JSON."""
    return orjson.dumps(codec.encode(method))


class MethodTexts:
    """The texts of methods. Lives no longer than the definition that holds them."""

    __slots__ = ("_encode", "_texts")

    def __init__(self, encode: Callable[[Method], bytes] = encoded_method) -> None:
        """Take what encodes a method."""
        self._encode = encode
        self._texts: dict[int, orjson.Fragment] = {}

    def of(self, resource: Resource) -> Texts:
        """Return the methods of a resource."""
        return {verb: self._text(method) for verb, method in resource.methods.items()}

    def _text(self, method: Method) -> orjson.Fragment:
        text = self._texts.get(id(method))
        if text is None:
            text = self._texts[id(method)] = orjson.Fragment(self._encode(method))
        return text


def encode_definition(
    definition: ApiDefinition, texts: MethodTexts, *, without_defaults: bool = False
) -> dict[str, Any]:
    """Return what `codec.encode` returns, with texts in place of methods."""
    head = codec.encode(definition, without_defaults=without_defaults, omit="resources")
    resources = [
        {**encode_resource(resource), **({"methods": methods} if methods else {})}
        for resource, methods in ((each, texts.of(each)) for each in definition.resources)
    ]
    if not resources:
        return dict(head)
    # In the order in which the codec writes them.
    return {"restApi": head.pop("restApi"), "resources": resources, **head}


def encode_resource(resource: Resource) -> dict[str, Any]:
    """Return a resource as AWS's JSON, without its methods."""
    shape: dict[str, Any] = codec.encode(resource, omit="methods")
    return shape
