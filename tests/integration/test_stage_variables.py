"""Stage variables of a whole gateway: in every place that may hold one, by files and by clients."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import patch, refusal
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of
from tests.running_gateway import RunningGateway, until
from tests.sample_backend import running_backend

TEMPLATE: Final = (
    "$stageVariables.mood|${stageVariables.mood}|$stageVariables['mood']|"
    "${stageVariables['mood']}|$stageVariables.nothing|"
)
PARTS: Final = (
    "http://${stageVariables.host}:${stageVariables.port}/${stageVariables.path}/{id}"
    "?from=${stageVariables.query}"
)
HEADERS: Final = {
    "integration.request.header.X-Mood": "stageVariables.mood",
    "integration.request.header.X-Nothing": "stageVariables.nothing",
}
RESPONSE: Final = {"method.response.header.X-Mood": "stageVariables.mood"}
LOST: Final = '{"mood":"$stageVariables.mood"}'

Variables = Mapping[str, str]


def variables_of(backend: str) -> dict[str, str]:
    """Return the stage's variables; `nothing` is none of them."""
    host, _, port = backend.rpartition(":")
    return {
        "host": host,
        "port": port,
        "path": "deep/down",
        "query": "here",
        "url": f"{backend}/whole?x=1",
        "mood": "calm",
    }


@dataclass(frozen=True, slots=True)
class Door:
    """An API with the stage `prod`, made one way or the other."""

    gateway: RunningGateway
    api: str
    change: Callable[[Variables], None]
    """Makes these the stage's variables."""
    overlay: Callable[[Variables], None]
    """Gives the stage a canary with all of the traffic, the stage's deployment, and these
    overrides."""

    def get(self, path: str) -> tuple[int, str, dict[str, str]]:
        url = f"{self.gateway.url}/_aws/execute-api/{self.api}/prod{path}"
        try:
            with urllib.request.urlopen(url) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), dict(error.headers)

    def seen(self, path: str) -> dict[str, Any]:
        """Return what the backend has echoed, names of headers in lower case."""
        status, body, _ = self.get(path)
        assert status == 200, body
        told: dict[str, Any] = json.loads(body)
        return {**told, "headers": {name.lower(): value for name, value in told["headers"]}}

    def mood(self) -> str:
        return self.get("/told")[1].partition("|")[0]

    def deployment(self) -> str:
        return str(client_of(self.gateway).get_stage(**self.stage)["deploymentId"])

    @property
    def stage(self) -> dict[str, str]:
        return {"restApiId": self.api, "stageName": "prod"}


def file_text(variables: Variables, **more: object) -> str:
    """Return the API file; JSON is YAML."""
    ok = {"200": {"responseParameters": dict.fromkeys(RESPONSE, False)}}
    mock = {
        "type": "MOCK",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "integrationResponses": {
            "200": {
                "responseParameters": RESPONSE,
                "responseTemplates": {"application/json": TEMPLATE},
            }
        },
    }
    resources = {
        "/parts/{id}": {"type": "HTTP_PROXY", "uri": PARTS, "requestParameters": HEADERS},
        "/whole": {"type": "HTTP_PROXY", "uri": "http://${stageVariables.url}"},
        "/lost": {"type": "HTTP_PROXY", "uri": "http://${stageVariables.nothing}/"},
    }
    return json.dumps(
        {
            "restApi": {"name": "Variables"},
            "resources": {
                "/told": {"GET": {"integration": mock, "methodResponses": ok}},
                **{path: {"GET": {"integration": one}} for path, one in resources.items()},
            },
            "gatewayResponses": {
                "MISSING_AUTHENTICATION_TOKEN": {"responseTemplates": {"application/json": LOST}}
            },
            "stages": {"prod": {"variables": variables, **more}},
        }
    )


def by_files(start_gateway: StartGateway, variables: Variables) -> Door:
    gateway = start_gateway({"apis/api.yaml": file_text(variables)}, "--workers", "2")

    def write(text: str) -> None:
        revision = gateway.status()["revision"]
        gateway.write("apis/api.yaml", text)
        gateway.wait_revision(revision + 1)

    return Door(
        gateway,
        "api",
        lambda changed: write(file_text(changed)),
        lambda overrides: write(
            file_text(
                variables,
                canarySettings={"percentTraffic": 100, "stageVariableOverrides": overrides},
            )
        ),
    )


def by_client(start_gateway: StartGateway, variables: Variables) -> Door:
    gateway = start_gateway({}, "--workers", "2")
    aws = client_of(gateway)
    made = aws.create_rest_api(name="Variables")
    api, root = made["id"], made["rootResourceId"]

    def put(parent: str, part: str, **integration: Any) -> tuple[str, dict[str, str]]:
        resource = aws.create_resource(restApiId=api, parentId=parent, pathPart=part)["id"]
        method = {"restApiId": api, "resourceId": resource, "httpMethod": "GET"}
        if integration:
            parameters = {"method.request.path.id": True} if part == "{id}" else {}
            aws.put_method(**method, authorizationType="NONE", requestParameters=parameters)
            aws.put_integration(**method, **integration)
        return resource, method

    ready = {"requestTemplates": {"application/json": '{"statusCode": 200}'}}
    _, told = put(root, "told", type="MOCK", **ready)
    aws.put_method_response(
        **told, statusCode="200", responseParameters=dict.fromkeys(RESPONSE, False)
    )
    aws.put_integration_response(
        **told,
        statusCode="200",
        responseParameters=RESPONSE,
        responseTemplates={"application/json": TEMPLATE},
    )
    proxy = {"type": "HTTP_PROXY", "integrationHttpMethod": "GET"}
    parameters = {**HEADERS, "integration.request.path.id": "method.request.path.id"}
    put(put(root, "parts")[0], "{id}", uri=PARTS, requestParameters=parameters, **proxy)
    put(root, "whole", uri="http://${stageVariables.url}", **proxy)
    put(root, "lost", uri="http://${stageVariables.nothing}/", **proxy)
    aws.put_gateway_response(
        restApiId=api,
        responseType="MISSING_AUTHENTICATION_TOKEN",
        responseTemplates={"application/json": LOST},
    )
    aws.create_deployment(restApiId=api, stageName="prod", variables=variables)
    stage = {"restApiId": api, "stageName": "prod"}

    def change(wanted: Variables) -> None:
        present = aws.get_stage(**stage)["variables"]
        aws.update_stage(
            **stage,
            patchOperations=[
                *(patch("remove", f"/variables/{name}") for name in present.keys() - wanted.keys()),
                *(patch("replace", f"/variables/{name}", value) for name, value in wanted.items()),
            ],
        )

    def overlay(overrides: Variables) -> None:
        path = "/canarySettings/stageVariableOverrides"
        aws.update_stage(
            **stage,
            patchOperations=[
                patch("replace", "/canarySettings/percentTraffic", "100"),
                *(patch("replace", f"{path}/{name}", value) for name, value in overrides.items()),
            ],
        )

    return Door(gateway, api, change, overlay)


@pytest.fixture(scope="module")
def variables() -> Iterator[Variables]:
    with running_backend() as backend:
        yield variables_of(backend)


@pytest.fixture(params=[by_files, by_client], ids=["by files", "by an AWS client"])
def door(request: pytest.FixtureRequest, start_gateway: StartGateway, variables: Variables) -> Door:
    made: Door = request.param(start_gateway, variables)
    return made


def test_a_variable_is_read_wherever_it_may_stand(door: Door) -> None:
    seen = door.seen("/parts/7")
    assert (seen["path"], seen["query"]) == ("/deep/down/7", "from=here")
    assert seen["headers"]["x-mood"] == "calm"
    # A mapping of what is not there maps nothing.
    assert "x-nothing" not in seen["headers"]
    whole = door.seen("/whole")
    assert (whole["path"], whole["query"]) == ("/whole", "x=1")

    status, body, headers = door.get("/told")
    assert (status, body, headers["X-Mood"]) == (200, "calm|calm|calm|calm||", "calm")
    assert door.get("/nowhere")[:2] == (403, '{"mood":"calm"}')
    assert door.get("/lost")[:2] == (500, '{"message":"Internal server error"}')


def test_a_change_acts_at_once_and_makes_no_deployment(door: Door, variables: Variables) -> None:
    before = door.deployment()
    changed = {**variables, "mood": "bold", "path": "up", "nothing": variables["url"]}
    door.change(changed)
    seen = door.seen("/parts/7")
    assert (seen["path"], seen["headers"]["x-mood"]) == ("/up/7", "bold")
    assert {door.mood() for _ in range(20)} == {"bold"}
    # Empty it was no address; now it is one.
    assert door.seen("/lost")["path"] == "/whole"
    door.change({name: value for name, value in changed.items() if name != "mood"})

    assert {door.mood() for _ in range(20)} == {""}
    assert "x-mood" not in door.seen("/parts/7")["headers"]
    until(lambda: door.deployment() == before, "the store to show the deployment")


def test_overrides_of_a_canary_lie_on_top(door: Door) -> None:
    door.overlay({"mood": "bold", "nothing": "something"})

    assert door.get("/told")[1] == "bold|bold|bold|bold|something|"
    seen = door.seen("/parts/7")
    assert seen["path"] == "/deep/down/7"
    assert (seen["headers"]["x-mood"], seen["headers"]["x-nothing"]) == ("bold", "something")


BAD: Final = {
    "name": ({"mo-od": "calm"}, "a-zA-Z0-9_"),
    "long name": ({"m" * 65: "calm"}, "64"),
    "value": ({"mood": "calm {now}"}, "A-Za-z0-9"),
    "empty": ({"mood": ""}, "512"),
    "long value": ({"mood": "c" * 513}, "512"),
    "too many": ({f"name{number}": "x" for number in range(101)}, "100"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_variables_are_refused_at_both_doors(
    running_gateway: RunningGateway, name: str
) -> None:
    bad, expected = BAD[name]
    aws = client_of(running_gateway)
    api = aws.create_rest_api(name="bad")
    method = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    aws.put_method(**method, authorizationType="NONE")
    aws.put_integration(**method, type="MOCK")
    with pytest.raises(ClientError) as error:
        aws.create_deployment(restApiId=api["id"], stageName="prod", variables=bad)
    running_gateway.write("apis/bad.yaml", file_text(bad))

    assert refusal(error)[0] in {"BadRequestException", "LimitExceededException"}
    problems = until(running_gateway.reload_problems, "the file to be refused")
    assert any("stages.prod.variables" in each and expected in each for each in problems), problems
    assert running_gateway.get("/_aws/execute-api/bad/prod/told")[0] == 403
