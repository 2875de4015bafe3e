from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.definitions.domain import BasePathMapping, DomainName, MutualTlsAuthentication
from gateway.definitions.integration import Integration, IntegrationResponse, IntegrationType
from gateway.definitions.rest_api import (
    ApiDefinition,
    AuthorizationType,
    Method,
    MethodResponse,
    Resource,
    RestApi,
)
from gateway.definitions.stage import CanarySettings, Deployment, MethodSetting, Stage
from gateway.explain import (
    Explanation,
    InvalidRequestError,
    compile_alone,
    explain,
    request_of,
)
from gateway.release import ACCOUNT_BUCKET, Release, required_buckets
from gateway.settings import Limits

HOST = "petstore.execute-api.localhost"


def mock() -> Integration:
    return Integration(
        type=IntegrationType.MOCK,
        request_templates={"application/json": '{"statusCode": 200}'},
        integration_responses={"200": IntegrationResponse()},
    )


def mocked() -> Method:
    return Method(integration=mock(), method_responses={"200": MethodResponse()})


def proxy(uri: str) -> Integration:
    return Integration(
        type=IntegrationType.HTTP_PROXY,
        uri=uri,
        integration_http_method="GET",
        request_parameters={"integration.request.path.petId": "method.request.path.petId"}
        if "{petId}" in uri
        else {},
    )


PETS = ApiDefinition(
    rest_api=RestApi(name="Pet store", id="petstore"),
    resources=(
        Resource(path="/", methods={"GET": mocked()}),
        Resource(
            path="/pets/{petId}",
            methods={
                "GET": Method(
                    request_parameters={"method.request.path.petId": True},
                    integration=proxy("http://${stageVariables.backend}/animals/{petId}"),
                )
            },
        ),
        Resource(
            path="/pets/admin",
            methods={
                "GET": Method(authorization_type=AuthorizationType.AWS_IAM, integration=mock())
            },
        ),
        Resource(path="/{proxy+}", methods={"ANY": mocked()}),
    ),
)

PROD = Stage(
    stage_name="prod",
    deployment_id="one",
    variables={"backend": "127.0.0.1:9000"},
    method_settings={
        "*/*": MethodSetting(throttling_rate_limit=100, throttling_burst_limit=50),
        "pets/{petId}/GET": MethodSetting(throttling_rate_limit=7, throttling_burst_limit=3),
    },
)


def with_slots(release: Release) -> Release:
    wanted = [ACCOUNT_BUCKET, *required_buckets(release.stages, release.deployments)]
    slots = {identity: index for index, identity in enumerate(wanted)}
    return replace(release, bucket_slots=slots)


def release(stage: Stage = PROD, *, account_limit: int | None = None) -> Release:
    return with_slots(
        Release(
            revision=0,
            digest="",
            region="us-east-1",
            account="000000000000",
            stages={"petstore": {stage.stage_name: stage}},
            deployments={
                "one": Deployment(id="one", api_id="petstore", definition=PETS),
                "two": Deployment(
                    id="two",
                    api_id="petstore",
                    definition=ApiDefinition(
                        rest_api=RestApi(name="Pet store", id="petstore"),
                        resources=(Resource(path="/new", methods={"GET": mocked()}),),
                    ),
                ),
            },
            domains=(
                DomainName(
                    domain_name="api.example.com",
                    base_path_mappings=(
                        BasePathMapping(rest_api_id="petstore", base_path="v1", stage="prod"),
                    ),
                ),
            ),
            account_rate_limit=account_limit,
            account_burst_limit=account_limit,
        )
    )


def explained(
    url: str, *headers: str, method: str = "GET", served: Release | None = None
) -> Explanation:
    served = served or release()
    request = request_of(method, url, headers)
    return explain(compile_alone(served, 10_485_760), served, request, Limits())


def test_the_backend_address_is_the_one_that_would_be_called() -> None:
    (base,) = explained(f"http://{HOST}:8080/prod/pets/7?size=big").arms

    assert base.winner == "GET /pets/{petId}"
    assert base.path_parameters == {"petId": "7"}
    assert base.backend_request == "GET http://127.0.0.1:9000/animals/7?size=big"
    assert base.integration["type"] == "HTTP_PROXY"


def test_a_mock_answers_without_a_backend() -> None:
    (base,) = explained(f"http://{HOST}/prod").arms

    assert base.backend_request is None
    assert base.answer == "200, made by the gateway"


def test_every_candidate_that_lost_has_a_reason() -> None:
    (base,) = explained(f"http://{HOST}/prod/pets/7").arms
    chosen = [one for one in base.candidates if one.is_chosen]
    lost = [one for one in base.candidates if not one.is_chosen]

    assert [(one.http_method, one.resource_path) for one in chosen] == [("GET", "/pets/{petId}")]
    assert "/{proxy+}" in {one.resource_path for one in lost}
    assert all(one.outcome for one in lost)


def test_the_methods_own_settings_beat_those_for_all() -> None:
    (own,) = explained(f"http://{HOST}/prod/pets/7").arms
    (shared,) = explained(f"http://{HOST}/prod/other").arms

    assert (own.setting_key, shared.setting_key) == ("pets/{petId}/GET", "*/*")
    assert [bucket.rate_limit for bucket in own.buckets] == [7]


def test_buckets_are_named_narrowest_first() -> None:
    (base,) = explained(f"http://{HOST}/prod/pets/7", served=release(account_limit=9)).arms

    assert [bucket.identity for bucket in base.buckets] == [
        "petstore/prod/pets/{petId}#GET",
        "account",
    ]


def test_a_limit_of_zero_is_named_as_what_blocks() -> None:
    (base,) = explained(f"http://{HOST}/prod/pets/7", served=release(account_limit=0)).arms

    assert base.answer == "429: bucket account has a limit of 0, which blocks"


def test_both_arms_of_a_canary_are_followed() -> None:
    stage = Stage(
        stage_name="prod",
        deployment_id="one",
        variables={"backend": "127.0.0.1:9000"},
        canary_settings=CanarySettings(
            percent_traffic=10,
            deployment_id="two",
            stage_variable_overrides={"backend": "127.0.0.1:9001"},
        ),
    )

    base, canary = explained(f"http://{HOST}/prod/new", served=release(stage)).arms

    assert (base.percent, canary.percent) == (90, 10)
    assert (base.winner, canary.winner) == ("ANY /{proxy+}", "GET /new")
    assert canary.stage_variables == {"backend": "127.0.0.1:9001"}


@pytest.mark.parametrize(
    ("headers", "arm"), [((), None), (("X-Arm: canary",), "canary"), (("X-Arm: base",), "base")]
)
def test_the_arm_of_a_request_is_told(headers: tuple[str, ...], arm: str | None) -> None:
    canary = CanarySettings(percent_traffic=10, deployment_id="two", force_header="X-Arm")
    stage = Stage(stage_name="prod", deployment_id="one", canary_settings=canary)

    explanation = explained(f"http://{HOST}/prod/new", *headers, served=release(stage))

    assert explanation.chosen_arm == arm
    assert explanation.arm_reason
    assert explained(f"http://{HOST}/prod/new").arm_reason is None


@pytest.mark.parametrize("url", [f"http://{HOST}/ping", "http://api.example.com/sping"])
def test_a_health_check_is_told_as_one(url: str) -> None:
    assert (explained(url).answer or "").startswith("200, a health check")


def test_what_is_not_enforced_is_told_as_the_500_that_it_is() -> None:
    (base,) = explained(f"http://{HOST}/prod/pets/admin").arms

    assert base.answer.startswith("500 ")
    assert "AWS_IAM" in base.answer


def test_no_method_is_a_403() -> None:
    stage = Stage(stage_name="prod", deployment_id="two")

    (base,) = explained(f"http://{HOST}/prod/nowhere", served=release(stage)).arms

    assert base.winner is None
    assert base.answer == "403 Missing Authentication Token: no method for GET /nowhere"


def test_a_custom_domain_is_read_before_all_else() -> None:
    explanation = explained("http://localhost:8080/v1/pets/7", "Host: API.example.com:8080")

    assert explanation.base_path == "v1"
    assert explanation.path_below_stage == "/pets/7"
    assert "base path v1" in explanation.addressing


def test_https_stands_for_all_that_a_domain_asks_for() -> None:
    served = release()
    (domain,) = served.domains
    mutual = MutualTlsAuthentication(truststore_uri="t.pem")
    served = replace(served, domains=(replace(domain, mutual_tls_authentication=mutual),))

    by_tls = explained("https://api.example.com/v1/pets/7", served=served)
    assert by_tls.path_below_stage == "/pets/7"
    assert "with a client certificate that its trust store accepts only" in by_tls.addressing
    plain = explained("http://api.example.com/v1/pets/7", served=served)
    assert plain.answer is not None
    assert plain.answer.startswith("403 Forbidden")


def test_an_unmapped_base_path_reaches_no_stage() -> None:
    explanation = explained("/v2/pets", "Host: api.example.com")

    assert explanation.arms == ()
    assert explanation.answer is not None
    assert explanation.answer.startswith("403 Forbidden")


@pytest.mark.parametrize(
    "path",
    ["/_aws/execute-api/petstore/prod/pets/7", "/restapis/petstore/prod/_user_request_/pets/7"],
)
def test_both_path_forms_name_the_api(path: str) -> None:
    explanation = explained(f"http://localhost:8080{path}")

    assert (explanation.api_id, explanation.stage) == ("petstore", "prod")
    assert "the path names API petstore" in explanation.addressing


def test_an_unknown_stage_is_named() -> None:
    explanation = explained(f"http://{HOST}/test/pets/7")

    assert explanation.answer is not None
    assert "no stage test" in explanation.answer


def test_a_host_that_names_nothing_is_told_how_to_name_something() -> None:
    explanation = explained("http://localhost:8080/pets")

    assert "names no API" in explanation.addressing
    assert "/_aws/execute-api/" in explanation.addressing


@pytest.mark.parametrize(
    ("method", "url", "header", "complaint"),
    [
        ("GE T", "/", "", "no HTTP method"),
        ("GET", "localhost/x", "", "no URL"),
        ("GET", "ftp://localhost/x", "", "no URL"),
        ("GET", "http://localhost:port/", "", "no URL"),
        ("GET", "http://[::1/", "", "no URL"),
        ("GET", "/a b", "", "percent-encoded"),
        ("GET", "/ä", "", "percent-encoded"),
        ("GET", "/", "no colon", "no header"),
        ("GET", "/", "two words: x", "no header"),
        ("GET", "/", "X-Price: 5 €", "Latin-1"),
    ],
)
def test_a_request_that_is_none_is_told_how_to_be_one(
    method: str, url: str, header: str, complaint: str
) -> None:
    with pytest.raises(InvalidRequestError, match=complaint):
        request_of(method, url, [header] if header else [])


def test_a_path_may_begin_with_two_slashes() -> None:
    request = request_of("GET", "//prod//pets", [])

    assert (request.host, request.path) == ("localhost", "//prod//pets")


def test_the_host_header_replaces_the_urls() -> None:
    request = request_of("GET", "http://localhost:8080/x", ["host: Api.Example.com.:8080"])

    assert request.host == "api.example.com"


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", f"http://{HOST}/prod/../secret", "400"),
        ("GET", f"http://{HOST}/prod/%2e%2e/secret", "400"),
        ("TRACE", f"http://{HOST}/prod/pets", "405"),
        ("get", f"http://{HOST}/prod/pets", "400"),
    ],
)
def test_what_the_edge_refuses_is_told_as_refused(method: str, url: str, status: str) -> None:
    explanation = explained(url, method=method)

    assert explanation.arms == ()
    assert explanation.answer is not None
    assert explanation.answer.startswith(status)


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ("X: " + "x" * 20_480, '431 {"message":"Request Header Fields Too Large"}'),
        ("Expect: 200-ok", '417 {"message":"Expectation Failed"}'),
        ("Content-Length: 10485761", "413 HTTP content length exceeded 10485760 bytes."),
        ("Content-Length: many", '400 {"message":"Bad Request"}'),
        ("Host: other.example.com", '400 {"message":"Bad Request"}'),
        ("X: a\x01b", '400 {"message":"Bad Request"}'),
    ],
)
def test_headers_that_the_edge_refuses_are_told_too(header: str, answer: str) -> None:
    explanation = explained(
        "/prod/pets/7", f"Host: {HOST}", "Expect: 100-continue", header, method="POST"
    )

    assert explanation.answer is not None
    assert explanation.answer.startswith(f"{answer}: refused by the edge (")


def test_what_the_edge_lets_through_goes_on() -> None:
    explanation = explained(f"http://{HOST}/prod/pets/7", "Content-Length: 3", method="PUT")

    assert (explanation.answer, len(explanation.arms)) == (None, 1)


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="no host"):
        request_of("GET", "/", ["Host: a b"])
