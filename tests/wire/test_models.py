"""Models through AWS's client, in AWS's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from gateway.control.api import models
from tests.control_plane import ACCOUNT, ControlPlane, patch, refusal
from tests.wire.apis import MadeApi, api_with_method

SCHEMA = '{"title": "Pet", "type": "object"}'
EMPTY = "Model schema must have at least 1 property or array items defined"
INVALID = "Invalid model specified: Validation Result: warnings : [], errors : [{}]"


@pytest.fixture
def api(aws: Any) -> MadeApi:
    return api_with_method(aws)


def model(aws: Any, api: MadeApi, name: str = "Pet", schema: Any = SCHEMA) -> Any:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return aws.create_model(
        restApiId=api.id, name=name, contentType="application/json", schema=text
    )


def address(api: MadeApi, name: str) -> str:
    return f"https://apigateway.amazonaws.com/restapis/{api.id}/models/{name}"


def test_a_new_api_has_the_two_models_of_aws(aws: Any) -> None:
    api = aws.create_rest_api(name="pets")["id"]

    empty, error = aws.get_models(restApiId=api)["items"]

    assert (empty["name"], empty["description"], empty["contentType"]) == (
        "Empty",
        "This is a default empty schema model",
        "application/json",
    )
    assert json.loads(empty["schema"])["title"] == "Empty Schema"
    assert json.loads(empty["schema"])["type"] == "object"
    assert (error["name"], json.loads(error["schema"])["title"]) == ("Error", "Error Schema")
    assert json.loads(error["schema"])["properties"] == {"message": {"type": "string"}}
    assert len(empty["id"]) == len(error["id"]) == 6


def test_a_model_shows_what_was_given(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    model(aws, api)

    _, status, _, told = control.answers[-1]
    assert status == 201
    assert told == {
        "id": told["id"],
        "name": "Pet",
        "schema": SCHEMA,
        "contentType": "application/json",
    }
    assert aws.get_model(restApiId=api.id, modelName="Pet")["id"] == told["id"]
    assert control.published == []


def test_a_model_of_another_media_type_is_kept_as_it_is(aws: Any, api: MadeApi) -> None:
    made = aws.create_model(
        restApiId=api.id, name="Xml", contentType="application/xml", schema="<pet/>"
    )

    assert made["schema"] == "<pet/>"
    flat = aws.get_model(restApiId=api.id, modelName="Xml", flatten=True)
    assert flat["schema"] == "<pet/>"
    template = aws.get_model_template(restApiId=api.id, modelName="Xml")
    assert template["value"].endswith("\n{}")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ({"name": ""}, "BadRequestException", "Model name must be non-empty"),
        ({"name": "a-b"}, "BadRequestException", "Model name must be alphanumeric: a-b"),
        ({"schema": ""}, "BadRequestException", EMPTY),
        ({"contentType": "application/xml", "schema": ""}, "BadRequestException", EMPTY),
        ({"contentType": "json"}, "BadRequestException", "Invalid content type specified: json"),
        (
            {"name": "Empty"},
            "ConflictException",
            "Model name already exists for this REST API",
        ),
        (
            {"schema": "[]"},
            "BadRequestException",
            INVALID.format("Invalid model schema specified: the schema must be an object"),
        ),
        (
            {"schema": '{"type": "object", "required": []}'},
            "BadRequestException",
            INVALID.format(
                "Invalid model schema specified: required must be a list of at least one name, "
                "each once"
            ),
        ),
        (
            {"restApiId": "nothing"},
            "NotFoundException",
            f"Invalid API identifier specified {ACCOUNT}:nothing",
        ),
    ],
)
def test_a_bad_model_is_refused(
    aws: Any, api: MadeApi, arguments: dict[str, Any], code: str, message: str
) -> None:
    good = {
        "restApiId": api.id,
        "name": "Pet",
        "contentType": "application/json",
        "schema": SCHEMA,
    }

    with pytest.raises(ClientError) as error:
        aws.create_model(**{**good, **arguments})

    assert refusal(error) == (code, message)


def test_a_model_without_a_schema_is_refused(aws: Any, api: MadeApi) -> None:
    with pytest.raises(ClientError) as error:
        aws.create_model(restApiId=api.id, name="Pet", contentType="application/json")

    assert refusal(error) == ("BadRequestException", EMPTY)


def test_a_schema_that_is_no_json_is_refused(aws: Any, api: MadeApi) -> None:
    with pytest.raises(ClientError) as error:
        model(aws, api, schema="{")

    code, message = refusal(error)
    assert code == "BadRequestException"
    assert "errors : [the schema is not JSON: " in message


def test_a_model_that_is_not_there_is_named(aws: Any, api: MadeApi) -> None:
    named = {"restApiId": api.id, "modelName": "Nothing"}
    calls: list[Callable[[], Any]] = [
        lambda: aws.get_model(**named),
        lambda: aws.get_model_template(**named),
        lambda: aws.delete_model(**named),
        lambda: aws.update_model(**named, patchOperations=[]),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert refusal(error) == (
            "NotFoundException",
            "Invalid model name specified: Nothing",
        )


def test_models_of_an_unknown_api_are_not_found(aws: Any) -> None:
    named = {"restApiId": "nothing", "modelName": "Pet"}
    calls: list[Callable[[], Any]] = [
        lambda: aws.get_models(restApiId="nothing"),
        lambda: aws.get_model(**named),
        lambda: aws.delete_model(**named),
        lambda: aws.update_model(**named, patchOperations=[]),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert refusal(error) == (
            "NotFoundException",
            f"Invalid API identifier specified {ACCOUNT}:nothing",
        )


def test_models_are_patched(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    model(aws, api)

    aws.update_model(
        restApiId=api.id,
        modelName="Pet",
        patchOperations=[
            patch("replace", "/schema", '{"type": "array"}'),
            patch("replace", "/description", "many"),
        ],
    )

    told = control.answers[-1][3]
    assert (told["schema"], told["description"]) == ('{"type": "array"}', "many")


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (
            patch("add", "/wrong-path", "x"),
            (
                "Invalid patch path  '/wrong-path' specified for op 'add'. "
                "Please choose supported operations"
            ),
        ),
        (
            patch("replace", "/name", "Other"),
            (
                "Invalid patch path  '/name' specified for op 'replace'. "
                "Must be one of: [/description, /schema]"
            ),
        ),
        (patch("replace", "/schema", ""), EMPTY),
        (patch("replace", "/schema"), EMPTY),
        (
            patch("replace", "/schema", '{"type": "pet"}'),
            INVALID.format(
                "Invalid model schema specified: type must be one of array, boolean, integer, "
                "null, number, object, string, or a list of them"
            ),
        ),
    ],
)
def test_a_wrong_patch_of_a_model_is_refused(
    aws: Any, api: MadeApi, operation: dict[str, str], message: str
) -> None:
    model(aws, api)

    with pytest.raises(ClientError) as error:
        aws.update_model(restApiId=api.id, modelName="Pet", patchOperations=[operation])

    assert refusal(error) == ("BadRequestException", message)
    assert aws.get_model(restApiId=api.id, modelName="Pet")["schema"] == SCHEMA


def test_a_model_that_is_used_is_kept(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    model(aws, api)
    named = {"restApiId": api.id, "modelName": "Pet"}
    root = {"restApiId": api.id, "resourceId": api.root, "httpMethod": "ANY"}
    models_ = {"application/json": "Pet"}

    def holder() -> str:
        with pytest.raises(ClientError) as error:
            aws.delete_model(**named)
        code, message = refusal(error)
        assert code == "ConflictException"
        return message

    aws.put_method(**root, authorizationType="NONE", requestModels=models_)
    assert holder() == "Cannot delete model 'Pet', is referenced in method request: //ANY"
    aws.update_method(
        **api.method, patchOperations=[patch("add", "/requestModels/application~1json", "Pet")]
    )
    assert holder() == "Cannot delete model 'Pet', is referenced in method request: //ANY"
    aws.delete_method(**root)
    assert holder() == "Cannot delete model 'Pet', is referenced in method request: /pets/GET"
    aws.update_method(
        **api.method, patchOperations=[patch("remove", "/requestModels/application~1json")]
    )
    aws.put_method_response(**api.method, statusCode="200", responseModels=models_)
    assert holder() == (
        "Cannot delete model 'Pet', is referenced in method response: /pets/GET/200"
    )
    aws.delete_method_response(**api.method, statusCode="200")
    model(aws, api, "Pets", {"type": "array", "items": {"$ref": address(api, "Pet")}})
    assert holder() == "Cannot delete model 'Pet', is referenced in model: Pets"
    aws.delete_model(restApiId=api.id, modelName="Pets")
    aws.delete_model(**named)
    assert control.answers[-1][1] == 202
    assert [each["name"] for each in aws.get_models(restApiId=api.id)["items"]] == [
        "Empty",
        "Error",
    ]


def test_a_method_refers_to_models_that_are_there(aws: Any, api: MadeApi) -> None:
    aws.delete_model(restApiId=api.id, modelName="Empty")

    for content_type, name in (("application/json", "Empty"), ("text/plain", "pet")):
        with pytest.raises(ClientError) as error:
            aws.put_method(
                restApiId=api.id,
                resourceId=api.root,
                httpMethod="POST",
                authorizationType="NONE",
                requestModels={content_type: name},
            )
        assert refusal(error) == (
            "BadRequestException",
            f"Invalid model identifier specified: {name}",
        )


def test_flattening_brings_along_what_a_model_refers_to(aws: Any, api: MadeApi) -> None:
    model(
        aws, api, "Pet", {"type": "object", "properties": {"home": {"$ref": address(api, "Home")}}}
    )
    model(
        aws,
        api,
        "Home",
        {"type": "object", "properties": {"pets": {"items": {"$ref": address(api, "Pet")}}}},
    )

    flat = aws.get_model(restApiId=api.id, modelName="Pet", flatten=True)

    assert json.loads(flat["schema"]) == {
        "type": "object",
        "properties": {"home": {"$ref": "#/definitions/Home"}},
        "definitions": {
            "Home": {"type": "object", "properties": {"pets": {"items": {"$ref": "#"}}}}
        },
    }


def test_a_reference_is_in_canonical_form(aws: Any, api: MadeApi) -> None:
    other = address(MadeApi("other", "", ""), "Pet")
    for reference, message in (
        ("Pet", "Model reference must be in canonical form: items: write " + address(api, "NAME")),
        (
            other,
            (
                'Invalid model reference specified: items names a model of the API "other": only '
                f'those of "{api.id}" can be used'
            ),
        ),
    ):
        with pytest.raises(ClientError) as error:
            model(aws, api, "Pets", {"type": "array", "items": {"$ref": reference}})
        assert refusal(error) == ("BadRequestException", INVALID.format(message))


def test_a_template_can_start_from_a_model(aws: Any, api: MadeApi) -> None:
    model(
        aws,
        api,
        schema={
            "type": "object",
            "properties": {"id": {"type": "integer"}, "n": {"type": "string"}},
        },
    )

    template = aws.get_model_template(restApiId=api.id, modelName="Pet")["value"]

    assert template == (
        "#set($inputRoot = $input.path('$'))\n"
        '{\n  "id" : $inputRoot.id,\n  "n" : "$inputRoot.n"\n}'
    )


def test_models_come_in_pages(aws: Any, api: MadeApi) -> None:
    for number in range(3):
        model(aws, api, f"Pet{number}")

    pages = list(
        aws.get_paginator("get_models").paginate(restApiId=api.id, PaginationConfig={"PageSize": 2})
    )

    assert [[each["name"] for each in page["items"]] for page in pages] == [
        ["Empty", "Error"],
        ["Pet0", "Pet1"],
        ["Pet2"],
    ]


def test_models_are_bounded(aws: Any, api: MadeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MODELS_MAX", 2)
    with pytest.raises(ClientError) as error:
        model(aws, api)
    assert refusal(error) == ("LimitExceededException", "An API has at most 2 models")

    monkeypatch.setattr(models, "MODELS_MAX", 10)
    monkeypatch.setattr(models, "SCHEMAS_CHARACTERS", 300)
    with pytest.raises(ClientError) as error:
        model(aws, api, schema={"title": "x" * 300})
    assert refusal(error)[0] == "LimitExceededException"
    assert len(aws.get_models(restApiId=api.id)["items"]) == 2


def test_a_clone_has_models_that_refer_to_its_own(aws: Any, api: MadeApi) -> None:
    model(aws, api)
    model(aws, api, "Pets", {"type": "array", "items": {"$ref": address(api, "Pet")}})
    aws.delete_model(restApiId=api.id, modelName="Error")

    clone = aws.create_rest_api(name="copy", cloneFrom=api.id)["id"]

    found = {each["name"]: each for each in aws.get_models(restApiId=clone)["items"]}
    assert [*found] == ["Empty", "Pet", "Pets"]
    assert json.loads(found["Pets"]["schema"])["items"] == {
        "$ref": address(MadeApi(clone, "", ""), "Pet")
    }
