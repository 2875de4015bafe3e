"""Documentation parts and versions through AWS's client, and AWS's words for what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import ACCOUNT, ControlPlane, patch, refusal
from tests.wire.apis import MadeApi, answer_with, api_with_method

SOLD = '{"description": "sold here"}'
GET_PETS = {"type": "METHOD", "path": "/pets", "method": "GET"}


@pytest.fixture
def api(aws: Any) -> MadeApi:
    made = api_with_method(aws)
    answer_with(aws, made, "pets")
    return made


def part(aws: Any, api: MadeApi, properties: str = SOLD, **location: str) -> str:
    made = aws.create_documentation_part(
        restApiId=api.id, location=location or GET_PETS, properties=properties
    )
    return str(made["id"])


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ({"type": "API"}, {"type": "API"}),
        ({"type": "MODEL", "name": "Pet"}, {"type": "MODEL", "name": "Pet"}),
        ({"type": "RESOURCE"}, {"type": "RESOURCE", "path": "/"}),
        (
            {"type": "METHOD", "path": "/pets"},
            {"type": "METHOD", "path": "/pets", "method": "*"},
        ),
        (
            {"type": "RESPONSE_HEADER", "name": "X"},
            {
                "type": "RESPONSE_HEADER",
                "path": "/",
                "method": "*",
                "statusCode": "*",
                "name": "X",
            },
        ),
    ],
)
def test_a_part_is_made_where_it_says(
    control: ControlPlane, aws: Any, api: MadeApi, location: dict[str, str], place: dict[str, str]
) -> None:
    id_ = part(aws, api, **location)

    assert control.answers[-1][1] == 201
    assert control.answers[-1][3] == {"id": id_, "location": place, "properties": SOLD}
    assert len(id_) == 6
    aws.get_documentation_part(restApiId=api.id, documentationPartId=id_)
    assert control.answers[-1][3] == {"id": id_, "location": place, "properties": SOLD}


def test_a_place_is_documented_once(aws: Any, api: MadeApi) -> None:
    part(aws, api, type="API")
    part(aws, api, type="RESOURCE", path="/pets")
    for location, told in (
        ({"type": "API"}, "type 'API'"),
        ({"type": "RESOURCE", "path": "/pets"}, "type 'RESOURCE', path '/pets'"),
    ):
        with pytest.raises(ClientError) as error:
            part(aws, api, **location)

        assert refusal(error) == (
            "ConflictException",
            f"Documentation part already exists for the specified location: {told}.",
        )


@pytest.mark.parametrize(
    ("location", "properties", "message"),
    [
        ({"type": "API"}, "", "Documentation part properties must be non-empty"),
        ({"type": "API"}, "text", "Documentation part properties must be the text of a JSON"),
        ({"type": "API"}, "[]", "Documentation part properties must be the text of a JSON"),
        ({"type": "API", "path": "/"}, SOLD, "Invalid documentation part location: path is no"),
        ({"type": "MODEL"}, SOLD, "Documentation part location name is required for type MODEL"),
        ({"type": "METHOD", "path": "pets"}, SOLD, "Invalid documentation part location: path"),
        ({"type": "METHOD", "path": "/" * 1025}, SOLD, "Invalid documentation part location"),
    ],
)
def test_a_bad_part_is_refused(
    aws: Any, api: MadeApi, location: dict[str, str], properties: str, message: str
) -> None:
    with pytest.raises(ClientError) as error:
        part(aws, api, properties, **location)

    code, told = refusal(error)
    assert (code, told[: len(message)]) == ("BadRequestException", message)


def test_an_unknown_type_is_a_validation_error(aws: Any, api: MadeApi) -> None:
    with pytest.raises(ClientError) as error:
        part(aws, api, type="WRONG")

    assert refusal(error) == (
        "ValidationException",
        (
            "1 validation error detected: Value 'WRONG' at "
            "'createDocumentationPartInput.location.type' failed to satisfy constraint: Member "
            "must satisfy enum value set: [RESPONSE_BODY, RESPONSE, METHOD, MODEL, AUTHORIZER, "
            "RESPONSE_HEADER, RESOURCE, PATH_PARAMETER, REQUEST_BODY, QUERY_PARAMETER, API, "
            "REQUEST_HEADER]"
        ),
    )


def test_an_unknown_part_is_not_found_but_may_be_deleted(
    control: ControlPlane, aws: Any, api: MadeApi
) -> None:
    for api_id in (api.id, "nothing"):
        named = {"restApiId": api_id, "documentationPartId": "nothing"}
        calls: dict[str, dict[str, Any]] = {
            "get_documentation_part": {},
            "update_documentation_part": {"patchOperations": []},
        }
        for name, arguments in calls.items():
            with pytest.raises(ClientError) as error:
                getattr(aws, name)(**named, **arguments)

            assert refusal(error) == (
                "NotFoundException",
                "Invalid Documentation part identifier specified",
            )
    aws.delete_documentation_part(restApiId=api.id, documentationPartId="nothing")
    assert control.answers[-1][1] == 202


def test_an_unknown_api_is_named_with_the_account(aws: Any) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "get_documentation_parts": {},
        "create_documentation_part": {"location": {"type": "API"}, "properties": SOLD},
        "import_documentation_parts": {"body": b"{}"},
        "get_documentation_versions": {},
    }
    for name, more in arguments.items():
        with pytest.raises(ClientError) as error:
            getattr(aws, name)(restApiId="no", **more)

        assert refusal(error) == (
            "NotFoundException",
            f"Invalid API identifier specified {ACCOUNT}:no",
        )


def test_properties_are_replaced_and_nothing_else(aws: Any, api: MadeApi) -> None:
    named = {"restApiId": api.id, "documentationPartId": part(aws, api)}

    told = aws.update_documentation_part(
        **named, patchOperations=[patch("replace", "/properties", '{"a": 1}')]
    )
    assert told["properties"] == '{"a": 1}'
    for operation, message in (
        (
            patch("replace", "/location", "x"),
            (
                "Invalid patch path  '/location' specified for op 'replace'. Must be one of: "
                "[/properties]"
            ),
        ),
        (
            patch("add", "/properties", "x"),
            (
                "Invalid patch path  '/properties' specified for op 'add'. Please choose "
                "supported operations"
            ),
        ),
        (
            patch("replace", "/properties", ""),
            "Documentation part properties must be non-empty",
        ),
    ):
        with pytest.raises(ClientError) as error:
            aws.update_documentation_part(**named, patchOperations=[operation])

        assert refusal(error) == ("BadRequestException", message)


def test_parts_are_listed_by_type_path_and_name(aws: Any, api: MadeApi) -> None:
    method = part(aws, api)
    resource = part(aws, api, type="RESOURCE", path="/pets")
    model = part(aws, api, type="MODEL", name="Pet")

    def listed(**query: Any) -> list[str]:
        told = aws.get_documentation_parts(restApiId=api.id, **query)
        return [each["id"] for each in told["items"]]

    assert listed() == [method, resource, model]
    assert listed(locationStatus="DOCUMENTED") == [method, resource, model]
    assert listed(type="METHOD") == [method]
    assert listed(path="/pets") == [method, resource]
    assert listed(nameQuery="Pet") == [model]
    assert listed(limit=1) == [method]
    with pytest.raises(ClientError) as error:
        listed(type="WRONG")
    assert refusal(error)[0] == "ValidationException"


def test_what_has_no_part_is_listed(aws: Any, api: MadeApi) -> None:
    part(aws, api)

    told = aws.get_documentation_parts(restApiId=api.id, locationStatus="UNDOCUMENTED")

    assert told["items"] == [
        {"location": {"type": "API"}},
        {"location": {"type": "RESOURCE", "path": "/pets"}},
        {"location": {"type": "RESPONSE", "path": "/pets", "method": "GET", "statusCode": "200"}},
    ]
    first = aws.get_documentation_parts(restApiId=api.id, locationStatus="UNDOCUMENTED", limit=2)
    rest = aws.get_documentation_parts(
        restApiId=api.id, locationStatus="UNDOCUMENTED", position=first["position"]
    )
    assert [*first["items"], *rest["items"]] == told["items"]
    assert "position" not in rest


DOCUMENT = """\
openapi: 3.0.1
x-amazon-apigateway-documentation:
  version: "1"
  documentationParts:
  - location: {type: API}
    properties: {info: {description: new}}
  - location: {type: METHOD, path: /pets, method: GET}
    properties: {summary: lists}
"""


def test_parts_are_imported_and_replace_those_of_their_place(
    control: ControlPlane, aws: Any, api: MadeApi
) -> None:
    method = part(aws, api)
    model = part(aws, api, type="MODEL", name="Pet")

    told = aws.import_documentation_parts(restApiId=api.id, body=DOCUMENT.encode())

    assert control.answers[-1][1] == 200
    assert told["ids"][1] == method
    assert "warnings" not in told
    parts = {each["id"]: each for each in aws.get_documentation_parts(restApiId=api.id)["items"]}
    assert parts.keys() == {method, model, told["ids"][0]}
    assert json.loads(parts[method]["properties"]) == {"summary": "lists"}

    told = aws.import_documentation_parts(
        restApiId=api.id, mode="overwrite", body=DOCUMENT.encode()
    )
    listed = aws.get_documentation_parts(restApiId=api.id)["items"]
    assert [each["id"] for each in listed] == told["ids"]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"openapi: 3.0.1",
        b'{"x-amazon-apigateway-documentation": []}',
        b'{"x-amazon-apigateway-documentation": {"documentationParts": {}}}',
    ],
)
def test_a_bad_document_is_refused(control: ControlPlane, api: MadeApi, document: bytes) -> None:
    answer = control.send("PUT", f"/restapis/{api.id}/documentation/parts", document)

    assert answer.status == 400
    assert json.loads(answer.body) == {"message": "Unable to build importer with provided input."}


def test_bad_parts_are_left_out_or_fail_the_import(aws: Any, api: MadeApi) -> None:
    parts: list[Any] = [
        {"location": {"type": "API"}, "properties": {"a": 1}},
        {"location": {"type": "WRONG"}, "properties": {}},
        {"properties": {}},
        {"location": {"type": "MODEL"}, "properties": {}},
    ]
    document = json.dumps({"x-amazon-apigateway-documentation": {"documentationParts": parts}})

    told = aws.import_documentation_parts(restApiId=api.id, body=document.encode())
    assert len(told["ids"]) == 1
    assert len(told["warnings"]) == 3
    with pytest.raises(ClientError) as error:
        aws.import_documentation_parts(
            restApiId=api.id, mode="overwrite", failOnWarnings=True, body=document.encode()
        )
    assert refusal(error)[0] == "BadRequestException"
    assert [each["id"] for each in aws.get_documentation_parts(restApiId=api.id)["items"]] == (
        told["ids"]
    )


def test_a_version_is_made_shown_and_deleted(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    aws.create_deployment(restApiId=api.id, stageName="prod")
    part(aws, api)

    made = aws.create_documentation_version(
        restApiId=api.id, documentationVersion="v1.0", stageName="prod", description="first"
    )
    assert control.answers[-1][1] == 201
    assert (made["version"], made["description"]) == ("v1.0", "first")
    assert aws.get_stage(restApiId=api.id, stageName="prod")["documentationVersion"] == "v1.0"
    aws.create_documentation_version(restApiId=api.id, documentationVersion="2")
    listed = aws.get_documentation_versions(restApiId=api.id)["items"]
    assert [each["version"] for each in listed] == ["v1.0", "2"]
    told = aws.update_documentation_version(
        restApiId=api.id,
        documentationVersion="v1.0",
        patchOperations=[patch("replace", "/description", "better")],
    )
    assert told["description"] == "better"
    aws.delete_documentation_version(restApiId=api.id, documentationVersion="v1.0")
    assert control.answers[-1][1] == 202
    assert "documentationVersion" not in aws.get_stage(restApiId=api.id, stageName="prod")


def test_a_bad_version_is_refused(aws: Any, api: MadeApi) -> None:
    aws.create_documentation_version(restApiId=api.id, documentationVersion="1")
    for arguments, told in (
        (
            {"documentationVersion": "1"},
            ("ConflictException", "Documentation version already exists"),
        ),
        (
            {"documentationVersion": "a b"},
            (
                "BadRequestException",
                "Invalid Documentation version specified: 1 to 64 of a-zA-Z0-9._-",
            ),
        ),
        (
            {"documentationVersion": "2", "stageName": "no"},
            ("NotFoundException", "Invalid stage identifier specified"),
        ),
    ):
        with pytest.raises(ClientError) as error:
            aws.create_documentation_version(restApiId=api.id, **arguments)

        assert refusal(error) == told
    for name in (
        "get_documentation_version",
        "delete_documentation_version",
        "update_documentation_version",
    ):
        with pytest.raises(ClientError) as error:
            getattr(aws, name)(restApiId=api.id, documentationVersion="9")

        assert refusal(error) == (
            "NotFoundException",
            "Invalid Documentation version specified",
        )
    with pytest.raises(ClientError) as error:
        aws.update_documentation_version(
            restApiId=api.id,
            documentationVersion="1",
            patchOperations=[patch("add", "/description", "x")],
        )
    assert refusal(error)[1] == "Invalid patch operation specified. Must be one of: [replace]"
