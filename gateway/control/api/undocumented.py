"""Every place of an API that could be documented, for GetDocumentationParts' UNDOCUMENTED."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.definitions.rest_api import ApiDefinition, Method

_PARAMETERS: Final = {
    "path": "PATH_PARAMETER",
    "querystring": "QUERY_PARAMETER",
    "header": "REQUEST_HEADER",
}


def places_of(definition: ApiDefinition) -> Iterator[dict[str, str]]:
    """Yield the places of an API's working copy, in the order of its resources."""
    yield {"type": "API"}
    for resource in definition.resources:
        yield {"type": "RESOURCE", "path": resource.path}
        for verb, method in resource.methods.items():
            yield from _of_method({"path": resource.path, "method": verb}, method)


def _of_method(where: dict[str, str], method: Method) -> Iterator[dict[str, str]]:
    yield {"type": "METHOD", **where}
    for key in method.request_parameters:
        _, _, kind, name = key.split(".", 3)
        yield {"type": _PARAMETERS[kind], **where, "name": name}
    if method.request_models:
        yield {"type": "REQUEST_BODY", **where}
    for status, response in method.method_responses.items():
        answer = {**where, "statusCode": status}
        yield {"type": "RESPONSE", **answer}
        for key in response.response_parameters:
            yield {"type": "RESPONSE_HEADER", **answer, "name": key.split(".", 3)[3]}
        if response.response_models:
            yield {"type": "RESPONSE_BODY", **answer}
