from __future__ import annotations

from gateway.control.api.documentation_rows import place_of
from gateway.control.api.undocumented import places_of
from gateway.definitions.rest_api import ApiDefinition, Method, MethodResponse, Resource, RestApi


def test_every_place_is_one_that_a_part_may_have() -> None:
    method = Method(
        request_parameters={
            "method.request.path.id": True,
            "method.request.querystring.a.b": False,
            "method.request.header.X": False,
        },
        request_models={"application/json": "Pet"},
        method_responses={
            "200": MethodResponse(
                response_parameters={"method.response.header.Y": False},
                response_models={"application/json": "Pet"},
            )
        },
    )
    resource = Resource(path="/{id}", methods={"GET": method})

    places = list(places_of(ApiDefinition(rest_api=RestApi(name="a"), resources=(resource,))))

    assert [place_of(place) for place in places] == places
    assert [(place["type"], place.get("name", "")) for place in places] == [
        ("API", ""),
        ("RESOURCE", ""),
        ("METHOD", ""),
        ("PATH_PARAMETER", "id"),
        ("QUERY_PARAMETER", "a.b"),
        ("REQUEST_HEADER", "X"),
        ("REQUEST_BODY", ""),
        ("RESPONSE", ""),
        ("RESPONSE_HEADER", "Y"),
        ("RESPONSE_BODY", ""),
    ]
