"""What `check` says beyond the files' grammar."""

import pytest

from gateway.definitions.integration import (
    ConnectionType,
    ContentHandling,
    Integration,
    IntegrationType,
)
from gateway.definitions.rest_api import ApiDefinition, AuthorizationType, Method, RestApi
from gateway.definitions.stage import AccessLogSettings, CanarySettings, Deployment, Stage
from gateway.errors import Problem
from gateway.snapshot import problems_of_deployment, problems_of_stage
from gateway.snapshot.check import checking_context
from tests.builders import api, mock, proxy


def of_deployment(definition: ApiDefinition) -> list[Problem]:
    return problems_of_deployment(Deployment(id="d1", api_id="shop", definition=definition))[1]


def of_stage(definition: ApiDefinition, **fields: object) -> list[Problem]:
    deployment = Deployment(id="d1", api_id="shop", definition=definition)
    compiled, _ = problems_of_deployment(deployment)
    stage = Stage(stage_name="dev", deployment_id="d1", **fields)  # type: ignore[arg-type]
    return problems_of_stage(stage, {"d1": compiled})


def test_a_sound_api_has_no_problems() -> None:
    assert of_deployment(api({"/pets": {"GET": mock(), "POST": proxy()}})) == []


@pytest.mark.parametrize(
    ("method", "field"),
    [
        (
            Method(integration=mock(), authorization_type=AuthorizationType.AWS_IAM),
            "authorizationType",
        ),
        (Method(integration=mock(), request_validator_id="v"), "requestValidatorId"),
        (Method(integration=Integration(type=IntegrationType.AWS_PROXY)), "integration.type"),
        (
            Method(integration=proxy(content_handling=ContentHandling.CONVERT_TO_TEXT)),
            "integration.contentHandling",
        ),
    ],
)
def test_what_is_not_enforced_is_a_warning_that_names_it(method: Method, field: str) -> None:
    problems = of_deployment(api({"/pets": {"GET": method}}))

    assert [(one.path, one.severity) for one in problems] == [
        (f"resources./pets.GET.{field}", "warning")
    ]


def test_an_api_without_methods_and_a_method_without_integration_are_errors() -> None:
    empty = of_deployment(api({"/pets": {}}))
    bare = of_deployment(api({"/pets": {"GET": Method()}}))

    assert "doesn't contain any methods" in empty[0].message
    assert "No integration defined for method" in bare[0].message
    assert {empty[0].severity, bare[0].severity} == {"error"}


def test_every_problem_of_an_api_is_reported() -> None:
    problems = of_deployment(
        api({"/a": {"GET": proxy("ftp://x")}, "/b": {"GET": mock(200, "#set($x = 1)")}})
    )

    assert {one.path.split(".")[1] for one in problems} == {"/a", "/b"}


def test_compression_is_said_not_to_be_there() -> None:
    problems = of_deployment(
        api({"/a": {"GET": mock()}}, rest_api=RestApi(name="x", minimum_compression_size=0))
    )

    assert problems[0].path == "restApi.minimumCompressionSize"


def test_an_undefined_stage_variable_is_a_warning_with_its_name() -> None:
    definition = api({"/a": {"GET": proxy("http://${stageVariables.backend}/")}})
    problems = of_stage(definition)

    assert [(one.path, one.severity) for one in problems] == [("stages.dev.variables", "warning")]
    assert "backend" in problems[0].message


def test_a_stage_variable_that_spoils_the_address_is_an_error() -> None:
    definition = api({"/a": {"GET": proxy("http://${stageVariables.backend}/")}})
    problems = of_stage(definition, variables={"backend": "a:b:c"})

    assert [one.severity for one in problems] == ["error"]


def test_the_canarys_variables_are_checked_too() -> None:
    definition = api({"/a": {"GET": proxy("http://${stageVariables.backend}/")}})
    problems = of_stage(
        definition,
        variables={"backend": "h"},
        canary_settings=CanarySettings(stage_variable_overrides={"backend": "//"}),
    )

    assert [one.severity for one in problems] == ["error"]


def test_a_bad_log_format_is_an_error() -> None:
    problems = of_stage(
        api({"/a": {"GET": mock()}}),
        access_log_settings=AccessLogSettings(format="$context.nope"),
    )

    assert {one.path.split(".")[2] for one in problems if one.severity == "error"} == {
        "accessLogSettings"
    }


def of_connections(definition: ApiDefinition, certificate_id: str | None) -> list[Problem]:
    deployment = Deployment(id="d1", api_id="shop", definition=definition)
    compiled, _ = problems_of_deployment(deployment)
    stage = Stage(stage_name="dev", deployment_id="d1", client_certificate_id=certificate_id)
    context = checking_context(certificate_id, None, {"known": ("10.0.0.1",)})
    return problems_of_stage(stage, {"d1": compiled}, context)


def test_a_client_certificate_that_is_not_there_is_one_warning_for_all_https_backends() -> None:
    secure, plain = proxy("https://backend.test/"), proxy("http://backend.test/")
    (problem,) = of_connections(api({"/a": {"GET": secure, "POST": secure}}), "partner")

    assert (problem.path, problem.severity) == ("stages.dev.clientCertificateId", "warning")
    assert "client certificate partner is not there" in problem.message
    assert "until then every method with an HTTPS backend answers 500" in problem.message
    assert of_connections(api({"/a": {"GET": plain}}), "partner") == []


def test_a_vpc_link_that_leads_nowhere_is_a_warning_that_names_the_method() -> None:
    def through(link: str) -> Integration:
        return proxy(connection_type=ConnectionType.VPC_LINK, connection_id=link)

    (problem,) = of_connections(
        api({"/a": {"GET": through("known"), "POST": through("lost")}}), None
    )

    assert (problem.path, problem.severity) == ("stages.dev", "warning")
    assert "VPC link 'lost' leads nowhere" in problem.message
    assert "until then POST /a answers 500" in problem.message
