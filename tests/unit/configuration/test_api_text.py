"""APIs out: what is written loads back as the same stages and deployments."""

from __future__ import annotations

from pathlib import Path

from gateway import configuration
from gateway.configuration.api_text import ApiText, api_text
from gateway.definitions.identity import deployment_id
from gateway.definitions.integration import Integration, IntegrationResponse, IntegrationType
from gateway.definitions.responses import GatewayResponse
from gateway.definitions.rest_api import ApiDefinition, Method, MethodResponse, Resource, RestApi
from gateway.definitions.stage import (
    AccessLogSettings,
    CanarySettings,
    LoggingLevel,
    MethodSetting,
    Stage,
)

ID = "abc"


def definition(text: str = "one") -> ApiDefinition:
    method = Method(
        method_responses={"200": MethodResponse()},
        integration=Integration(
            type=IntegrationType.MOCK,
            cache_namespace="r1",
            request_templates={"application/json": '{"statusCode": 200}'},
            integration_responses={
                "200": IntegrationResponse(response_templates={"application/json": text})
            },
        ),
    )
    return ApiDefinition(
        rest_api=RestApi(name="Pets", id=ID, description="say: yes"),
        resources=(Resource(path="/pets", id="r1", methods={"GET": method}),),
        gateway_responses={"DEFAULT_4XX": GatewayResponse(status_code="404")},
    )


DEFINITIONS = {"one": definition(), "two": definition("two"), "same": definition()}


def written(directory: Path, **stages: Stage) -> ApiText:
    text = api_text(ID, stages, DEFINITIONS, working_copy=definition("working"), tags={"team": "1"})
    for name, content in text.files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    loaded = configuration.load(directory)
    assert [problem for problem in loaded.problems if problem.severity == "error"] == []
    assert loaded.apis[ID].stages == text.stages
    for each in text.stages.values():
        back = loaded.apis[ID].deployments[each.deployment_id].definition
        assert back.resources[0].id == "r1"
    return text


def stage(name: str, deployment: str, **members: object) -> Stage:
    return Stage(stage_name=name, deployment_id=deployment, **members)  # type: ignore[arg-type]


def test_one_content_is_one_file(tmp_path: Path) -> None:
    text = written(tmp_path, a=stage("a", "one"), b=stage("b", "same"))

    assert list(text.files) == ["apis/abc.yaml"]
    assert {each.deployment_id for each in text.stages.values()} == {
        deployment_id(ID, definition())
    }


def test_the_definition_of_most_stages_is_the_api_s_own(tmp_path: Path) -> None:
    text = written(tmp_path, a=stage("a", "two"), b=stage("b", "one"), c=stage("c", "same"))

    two = deployment_id(ID, DEFINITIONS["two"])
    assert list(text.files) == ["apis/abc.yaml", f"apis/versions/abc-{two}.yaml"]
    assert "two" not in text.files["apis/abc.yaml"].replace(two, "")


def test_a_canary_names_its_definition_where_it_differs(tmp_path: Path) -> None:
    def canary(id_: str) -> CanarySettings:
        return CanarySettings(percent_traffic=1.5, deployment_id=id_)

    text = written(
        tmp_path,
        a=stage("a", "one", canary_settings=canary("two")),
        b=stage("b", "one", canary_settings=canary("same")),
        c=stage("c", "one", canary_settings=canary("")),
        d=stage("d", "two", canary_settings=canary("one")),
    )

    # The own definition cannot be named by another stage but as a version.
    assert len(text.files) == 3


def test_settings_say_how_they_differ(tmp_path: Path) -> None:
    everywhere = MethodSetting(throttling_rate_limit=5.0, metrics_enabled=True)
    settings = {
        "pets/GET": MethodSetting(metrics_enabled=True, logging_level=LoggingLevel.INFO),
        "*/*": everywhere,
    }

    text = written(
        tmp_path,
        a=stage(
            "a",
            "one",
            description="text",
            variables={"v": "1"},
            tags={"t": "true"},
            method_settings=settings,
            access_log_settings=AccessLogSettings(),
        ),
    )

    assert (
        "    methodSettings:\n      '*/*':\n        metricsEnabled: true\n"
        "        throttlingRateLimit: 5.0\n      pets/GET:\n        loggingLevel: INFO\n"
        "        throttlingRateLimit: 10000.0\n"
    ) in text.files["apis/abc.yaml"]


def test_without_stages_the_working_copy_is_written() -> None:
    text = api_text(ID, {}, {}, working_copy=definition("working"), tags={})

    assert "working" in text.files["apis/abc.yaml"]
    assert "stages" not in text.files["apis/abc.yaml"]
