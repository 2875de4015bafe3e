"""Deployments in their travelling form, made and read without decoding them. Pure: no I/O.

The control process passes on what others serve. Of a deployment it asks which methods there are,
for their slots, and nothing else: so it holds *outlines*, whose methods are `UNREAD`, beside the
parts. Reading them is the workers' business: see `recorded`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from gateway.definitions.rest_api import ApiDefinition, Resource, RestApi
from gateway.definitions.stage import Deployment
from gateway.release.decode import decode_whole_part
from gateway.release.encode import deployment_part
from gateway.release.parts import Part
from gateway.release.records import UNREAD, DecodedPart, fitting

_Resources = Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]


def freeze(id_: str, api_id: str, text: str, created_date: float) -> tuple[Deployment, Part]:
    """Return the outline and the part of a deployment from its definition's JSON text.

    The part is that of the decoded deployment, byte for byte, provided that the text is how this
    version encodes a definition.

    Raises:
        ConfigurationError: the text is not a definition's.
    """
    with fitting(f"deployment/{id_}"):
        head, resources = _read(id_, api_id, text, created_date)
        outline = _outline(head, ((each, each.get("methods", {})) for each in resources))
        return outline, deployment_part(id_, head, _cut(resources))


def outline_of(id_: str, api_id: str, text: str) -> Deployment:
    """Return the outline of a deployment from its definition's JSON text.

    Raises:
        ConfigurationError: the text is not a definition's.
    """
    with fitting(f"deployment/{id_}"):
        head, resources = _read(id_, api_id, text, 0.0)
        return _outline(head, ((each, each.get("methods", {})) for each in resources))


def outline_part(part: Part) -> DecodedPart:
    """Return a part's content; of a deployment, its outline.

    Raises:
        ConfigurationError: it does not fit this version of Stagegate.
    """
    if not part.key.startswith("deployment/"):
        return decode_whole_part(part)
    with fitting(part.key):
        records = [record for frame in part.frames for record in orjson.loads(frame)]
        (head,) = (record[1] for record in records if record[0] == "deployment")
        resources = ((each[2], each[1]) for each in records if each[0] == "resource")
        return DecodedPart(deployment=_outline(head, resources))


def _outline(head: Mapping[str, Any], resources: _Resources) -> Deployment:
    return Deployment(
        id=head["id"],
        api_id=head["apiId"],
        definition=ApiDefinition(
            rest_api=RestApi(name=head["definition"]["restApi"]["name"]),
            resources=tuple(
                Resource(path=resource["path"], methods=dict.fromkeys(methods, UNREAD))
                for resource, methods in resources
            ),
        ),
        created_date=head["createdDate"],
    )


def _cut(resources: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for resource in resources:
        methods = resource.pop("methods", {})
        yield resource, methods


def _read(
    id_: str, api_id: str, text: str, created_date: float
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a deployment as JSON without its resources, and these."""
    definition = orjson.loads(text)
    resources: list[dict[str, Any]] = definition.pop("resources", [])
    head = {"id": id_, "apiId": api_id, "definition": definition, "createdDate": created_date}
    return head, resources
