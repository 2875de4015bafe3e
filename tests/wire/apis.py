"""Small APIs, made through AWS's client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MadeApi:
    """An API with one method."""

    id: str
    root: str
    resource: str
    """Of `/pets`."""

    @property
    def method(self) -> dict[str, str]:
        """The arguments that name `GET /pets`."""
        return {"restApiId": self.id, "resourceId": self.resource, "httpMethod": "GET"}


def api_with_method(aws: Any, name: str = "pets") -> MadeApi:
    """Make an API whose `GET /pets` is a MOCK without responses."""
    made = aws.create_rest_api(name=name)
    resource = aws.create_resource(
        restApiId=made["id"], parentId=made["rootResourceId"], pathPart="pets"
    )
    api = MadeApi(made["id"], made["rootResourceId"], resource["id"])
    aws.put_method(**api.method, authorizationType="NONE")
    aws.put_integration(**api.method, type="MOCK")
    return api


def answer_with(aws: Any, api: MadeApi, text: str) -> None:
    """Make `GET /pets` answer 200 with a text, from the next deployment on."""
    aws.put_integration(
        **api.method,
        type="MOCK",
        requestTemplates={"application/json": '{"statusCode": 200}'},
    )
    if "methodResponses" not in aws.get_method(**api.method):
        aws.put_method_response(**api.method, statusCode="200")
    aws.put_integration_response(
        **api.method, statusCode="200", responseTemplates={"application/json": text}
    )


def deployed_api(aws: Any, stage: str = "prod", name: str = "pets") -> str:
    """Make an API whose `GET /pets` is served on a stage, and return its id."""
    api = api_with_method(aws, name)
    aws.create_deployment(restApiId=api.id, stageName=stage)
    return api.id
