"""AWS's model of API Gateway, walked: every operation answers, and always in AWS's shape."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from gateway.control.api.families import REFUSALS, SERVED
from gateway.control.api.operations import OPERATIONS, V2_OPERATIONS
from gateway.control.api.shapes import Kind
from gateway.control.api.shapes import Shape as OurShape
from tests.aws_shapes import operations
from tests.control_plane import ControlPlane

OF_V2 = [model for model in operations("apigatewayv2") if model.name in V2_OPERATIONS]
MODEL = [*operations(), *OF_V2]


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One for all: most tests here change nothing."""
    plane = ControlPlane(tmp_path_factory.mktemp("control"))
    yield plane
    plane.close()


KINDS = {
    "string": Kind.TEXT,
    "integer": Kind.INTEGER,
    "double": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
}
# AWS answers for these itself, in words of its own, and not as ValidationException.
LOOSE = {"endpointConfiguration.types"}


def uri_of(model: OperationModel) -> str:
    uri: str = model.http["requestUri"]
    for name in ("restapi_id", "http_method", "status_code", "response_type"):
        value = {"http_method": "GET", "status_code": "200", "response_type": "THROTTLED"}
        uri = uri.replace("{" + name + "}", value.get(name, "nothing"))
    while "{" in uri:
        uri = uri[: uri.index("{")] + "nothing" + uri[uri.index("}") + 1 :]
    return uri


OUR_LABELS = {
    model.http["requestUri"]: model.http["requestUri"]
    .replace("{domainName}", "{domain_name}")
    .replace("{apiMappingId}", "{api_mapping_id}")
    for model in OF_V2
}
"""A file owns what a label names, by the label's name: v2's must be v1's."""


def test_the_table_is_the_model() -> None:
    ours = {each.name: (each.verb, each.uri, each.status) for each in OPERATIONS.values()}

    assert ours == {
        model.name: (
            model.http["method"],
            OUR_LABELS.get(model.http["requestUri"], model.http["requestUri"]),
            model.http.get("responseCode", 200),
        )
        for model in MODEL
    }


def test_what_is_refused_is_not_served() -> None:
    assert SERVED.keys() <= OPERATIONS.keys()
    assert not SERVED.keys() & REFUSALS.keys()


@pytest.mark.parametrize("model", MODEL, ids=lambda model: model.name)
def test_every_operation_answers_in_the_shape_of_aws(
    control: ControlPlane, model: OperationModel
) -> None:
    path, _, query = uri_of(model).partition("?")

    answer = control.send(model.http["method"], path, b"", query)

    if answer.status >= 300:
        assert answer.status < 500, answer
        assert set(json.loads(answer.body)) == {"message"}
        assert answer.headers["x-amzn-ErrorType"].endswith("Exception")
        if model.name not in SERVED:
            assert model.name in json.loads(answer.body)["message"]
    else:
        assert model.name in SERVED
        assert answer.status == model.http.get("responseCode", 200)
    assert answer.headers["x-amzn-RequestId"]


@pytest.mark.parametrize(
    "model", [model for model in MODEL if model.name in SERVED], ids=lambda model: model.name
)
def test_a_served_body_takes_every_member_of_the_model(model: OperationModel) -> None:
    served = SERVED[model.name]
    if served.is_raw:
        return
    body = {
        member.serialization.get("name", name): member
        for name, member in (model.input_shape.members.items() if model.input_shape else ())
        if "location" not in member.serialization
    }

    ours = dict(served.body.members) if served.body else {}
    assert ours.keys() == body.keys()
    assert [text for name in body for text in unlike(ours[name], body[name], name)] == []


def unlike(ours: OurShape, shape: Shape, path: str) -> list[str]:
    match shape:
        case StructureShape():
            members = {
                each.serialization.get("name", name): each for name, each in shape.members.items()
            }
            if ours.kind is not Kind.MEMBERS or ours.members.keys() != members.keys():
                return [f"{path}: {ours.kind}, {[*ours.members]} instead of {[*members]}"]
            return [
                text
                for name, each in members.items()
                for text in unlike(ours.members[name], each, f"{path}.{name}")
            ]
        case ListShape():
            return unlike(ours.item, shape.member, path) if ours.item else [f"{path}: no list"]
        case MapShape():
            return unlike(ours.item, shape.value, path) if ours.item else [f"{path}: no map"]
        case _:
            enum = tuple(getattr(shape, "enum", None) or ())
            if ours.kind is not KINDS[shape.type_name]:
                return [f"{path}: {ours.kind} instead of {shape.type_name}"]
            return [f"{path}: {ours.enum}"] if set(ours.enum) != set(enum) else []


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("GET", "//restapis"),
        ("PUT", "/restapis"),
        ("BREW", "/restapis"),
        ("GET", "/restapis/a/b/c/d/e/f/g/h"),
        ("GET", "/restapis/../../etc/passwd"),
        ("GET", "/" + "a/" * 4000),
    ],
)
def test_what_is_no_operation_is_told_so(control: ControlPlane, verb: str, path: str) -> None:
    status, type_, message = control.error(verb, path)

    assert (status, type_) == (404, "UnknownOperationException")
    assert message.startswith("No operation of API Gateway is ")


@pytest.mark.parametrize("label", ["%FF", "%00", "a%0Ab", "%C3%28"])
def test_a_label_that_is_no_text_is_refused(control: ControlPlane, label: str) -> None:
    assert control.error("GET", f"/restapis/{label}")[:2] == (400, "BadRequestException")


@pytest.mark.parametrize("label", ["..", "%2E%2E", "a%2Fb", "' OR 1=1 --", "%25", "x" * 5000])
def test_a_strange_label_names_nothing(control: ControlPlane, label: str) -> None:
    assert control.error("GET", f"/restapis/{label}")[:2] == (404, "NotFoundException")


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (b"{", "SerializationException"),
        (b"\xff", "SerializationException"),
        (b"[" * 100_000, "SerializationException"),
        (b"[]", "SerializationException"),
        (b"null", "SerializationException"),
        (b'"text"', "SerializationException"),
        (b'{"name": 1}', "SerializationException"),
        (b'{"name": ["a"]}', "SerializationException"),
        (b'{"name": "a", "binaryMediaTypes": "a"}', "SerializationException"),
        (b'{"name": "a", "binaryMediaTypes": [null]}', "SerializationException"),
        (b'{"name": "a", "minimumCompressionSize": "1"}', "SerializationException"),
        (b'{"name": "a", "minimumCompressionSize": 1.5}', "SerializationException"),
        (b'{"name": "a", "minimumCompressionSize": 99999999999999}', "SerializationException"),
        (b'{"name": "a", "disableExecuteApiEndpoint": "true"}', "SerializationException"),
        (b'{"name": "a", "tags": {"a": 1}}', "SerializationException"),
        (b'{"name": "a", "apiKeySource": "NOWHERE"}', "ValidationException"),
        (b'{"name": "a", "unknown": 1}', "BadRequestException"),
        (b'{"name": ""}', "BadRequestException"),
        (b"{}", "BadRequestException"),
        (b"", "BadRequestException"),
        (b'{"name": null}', "BadRequestException"),
    ],
)
def test_a_bad_body_is_an_error_of_aws(control: ControlPlane, body: bytes, type_: str) -> None:
    answer = control.send("POST", "/restapis", body)

    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (400, type_)
    assert set(json.loads(answer.body)) == {"message"}


def test_a_huge_body_is_refused_without_reading_it_all(control: ControlPlane) -> None:
    length = 7 * 2**20
    head = f"POST /restapis HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", control.port), timeout=20) as connection:
        # Of seven megabytes nothing comes: whoever waited for them would not answer.
        connection.sendall(head.encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        told = json.loads(answer.read())

    assert answer.status == 413
    assert answer.headers["x-amzn-ErrorType"] == "RequestEntityTooLargeException"
    assert told == {"message": "The body has more than 6291456 bytes"}


def test_a_mutation_and_its_refusal_are_audited(control: ControlPlane, aws: Any) -> None:
    api = aws.create_rest_api(name="pets")["id"]
    made = control.last_audit()

    assert made["eventName"] == "CreateRestApi"
    assert made["requestParameters"] == {"name": "pets"}
    assert made["responseElements"]["id"] == api
    assert made["stagegateRevision"] > 0
    assert "errorCode" not in made
    control.error("DELETE", "/restapis/nothing")
    refused = control.last_audit()
    assert refused["eventName"] == "DeleteRestApi"
    assert refused["errorCode"] == "NotFoundException"
    assert refused["stagegateRevision"] is None
