from __future__ import annotations

import dataclasses

import orjson
import pytest

from gateway.definitions import codec
from gateway.definitions.method_texts import (
    MethodTexts,
    encode_definition,
    encode_resource,
    encoded_method,
)
from gateway.definitions.rest_api import ApiDefinition, Method, Resource, RestApi
from gateway.definitions.validators import Model
from tests.builders import declared, mock

METHOD = declared(mock(200, "a"))
RESOURCES = (
    Resource(path="/", methods={"GET": METHOD, "POST": declared(mock(404))}),
    Resource(path="/empty", id="abc"),
    Resource(path="/pets", methods={"GET": METHOD}),
)
DEFINITION = ApiDefinition(
    rest_api=RestApi(name="pets", tags={"a": "b"}),
    resources=RESOURCES,
    models={"Pet": Model(schema="{}")},
)


@pytest.mark.parametrize("without_defaults", [True, False])
@pytest.mark.parametrize("definition", [DEFINITION, dataclasses.replace(DEFINITION, resources=())])
def test_a_definition_is_what_the_codec_makes_of_it(
    definition: ApiDefinition, without_defaults: bool
) -> None:
    texts = MethodTexts(
        lambda method: orjson.dumps(codec.encode(method, without_defaults=without_defaults))
    )
    encoded = encode_definition(definition, texts, without_defaults=without_defaults)

    assert orjson.dumps(encoded) == orjson.dumps(
        codec.encode(definition, without_defaults=without_defaults)
    )


def test_the_same_object_is_encoded_once() -> None:
    encoded: list[Method] = []

    def noted(method: Method) -> bytes:
        encoded.append(method)
        return encoded_method(method)

    texts = MethodTexts(noted)
    for resource in RESOURCES:
        texts.of(resource)

    assert encoded == list(RESOURCES[0].methods.values())


def test_a_resource_is_encoded_without_its_methods() -> None:
    assert encode_resource(RESOURCES[0]) == {"path": "/"}
    assert encode_resource(RESOURCES[1]) == {"path": "/empty", "id": "abc"}
