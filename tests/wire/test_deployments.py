"""Deployments, stages and canaries through AWS's client, in AWS's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import ACCOUNT, ControlPlane, patch, refusal
from tests.wire.apis import MadeApi, answer_with, api_with_method

VALID_PATHS = (
    "Must be one of: [/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, "
    "/clientCertificateId, /accessLogSettings, /accessLogSettings/destinationArn, "
    "/accessLogSettings/format, /{resourcePath}/{httpMethod}/metrics/enabled, "
    "/{resourcePath}/{httpMethod}/logging/dataTrace, "
    "/{resourcePath}/{httpMethod}/logging/loglevel, "
    "/{resourcePath}/{httpMethod}/throttling/burstLimit/{resourcePath}/{httpMethod}/throttling/"
    "rateLimit/{resourcePath}/{httpMethod}/caching/ttlInSeconds, "
    "/{resourcePath}/{httpMethod}/caching/enabled, "
    "/{resourcePath}/{httpMethod}/caching/dataEncrypted, "
    "/{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, "
    "/{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, "
    "/*/*/metrics/enabled, /*/*/logging/dataTrace, /*/*/logging/loglevel, "
    "/*/*/throttling/burstLimit /*/*/throttling/rateLimit /*/*/caching/ttlInSeconds, "
    "/*/*/caching/enabled, /*/*/caching/dataEncrypted, "
    "/*/*/caching/requireAuthorizationForCacheControl, "
    "/*/*/caching/unauthorizedCacheControlHeaderStrategy, /variables/{variable_name}, "
    "/tracingEnabled]"
)
NO_SETTING = "Cannot remove method setting {} because there is no method setting for this method "
BAD_COPY = (
    "Invalid copy operation with path: {} and from {}. Valid copy:path are "
    "[/deploymentId, /variables] and valid copy:from are "
    "[/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]"
)
DEFAULT_SETTING = {
    "metricsEnabled": False,
    "dataTraceEnabled": False,
    "throttlingBurstLimit": 5000,
    "throttlingRateLimit": 10000.0,
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}


@pytest.fixture
def api(aws: Any) -> MadeApi:
    return api_with_method(aws)


def deploy(aws: Any, api: MadeApi, **arguments: Any) -> str:
    made: str = aws.create_deployment(restApiId=api.id, **arguments)["id"]
    return made


def update(aws: Any, api: MadeApi, *operations: dict[str, str], stage: str = "prod") -> Any:
    return aws.update_stage(restApiId=api.id, stageName=stage, patchOperations=[*operations])


def stage_of(control: ControlPlane) -> Any:
    """Return the last answer's stage without its dates."""
    shown = dict(control.answers[-1][3])
    assert isinstance(shown.pop("createdDate"), int)
    assert isinstance(shown.pop("lastUpdatedDate"), int)
    return shown


def copied(path: str, source: str) -> dict[str, str]:
    return patch("copy", path, **{"from": source})


def test_a_deployment_shows_little(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    made = deploy(aws, api, description="first")

    assert control.answers[-1][3] == {
        "id": made,
        "description": "first",
        "createdDate": control.answers[-1][3]["createdDate"],
    }
    assert not any(changes.apis for changes in control.published)


def test_a_deployment_tells_its_methods_when_asked(
    control: ControlPlane, aws: Any, api: MadeApi
) -> None:
    aws.get_deployment(restApiId=api.id, deploymentId=deploy(aws, api), embed=["apisummary"])

    assert control.answers[-1][3]["apiSummary"] == {
        "/pets": {"GET": {"authorizationType": "NONE", "apiKeyRequired": False}}
    }


def test_what_cannot_be_served_is_not_deployed(aws: Any) -> None:
    empty = aws.create_rest_api(name="empty")
    half = api_with_method(aws)
    aws.delete_integration(**half.method)
    private = api_with_method(aws)
    update_type = patch("replace", "/endpointConfiguration/types/EDGE", "PRIVATE")
    aws.update_rest_api(restApiId=private.id, patchOperations=[update_type])

    for api_id, message in (
        (empty["id"], "The REST API doesn't contain any methods"),
        (half.id, "No integration defined for method"),
        (private.id, "Private REST API doesn't have a resource policy attached to it"),
    ):
        with pytest.raises(ClientError) as error:
            aws.create_deployment(restApiId=api_id)
        assert refusal(error) == ("BadRequestException", message)


def test_a_stage_is_made_with_its_deployment(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    made = deploy(aws, api, stageName="prod", variables={"a": "b"}, stageDescription="text")
    assert control.published[-1].apis == {api.id}

    aws.get_stage(restApiId=api.id, stageName="prod")

    assert stage_of(control) == {
        "stageName": "prod",
        "deploymentId": made,
        "description": "text",
        "cacheClusterEnabled": False,
        "cacheClusterStatus": "NOT_AVAILABLE",
        "methodSettings": {},
        "tracingEnabled": False,
        "variables": {"a": "b"},
    }


def test_a_second_deployment_moves_the_stage_and_keeps_its_settings(aws: Any, api: MadeApi) -> None:
    deploy(aws, api, stageName="prod", variables={"a": "b"})
    update(aws, api, patch("replace", "/*/*/throttling/burstLimit", "7"))

    second = deploy(aws, api, stageName="prod", variables={"c": "d"})

    stage = aws.get_stage(restApiId=api.id, stageName="prod")
    assert stage["deploymentId"] == second
    assert stage["variables"] == {"a": "b", "c": "d"}
    assert stage["methodSettings"]["*/*"]["throttlingBurstLimit"] == 7


def test_a_deployment_in_use_stays(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    first = deploy(aws, api, stageName="prod")
    canary = deploy(aws, api, stageName="prod", canarySettings={"percentTraffic": 10.0})

    for used in (first, canary):
        with pytest.raises(ClientError) as error:
            aws.delete_deployment(restApiId=api.id, deploymentId=used)
        assert refusal(error) == (
            "BadRequestException",
            "Active stages pointing to this deployment must be moved or deleted",
        )
    aws.delete_stage(restApiId=api.id, stageName="prod")
    assert control.answers[-1][1] == 202
    aws.delete_deployment(restApiId=api.id, deploymentId=first)
    assert control.answers[-1][1] == 202
    with pytest.raises(ClientError) as error:
        aws.get_deployment(restApiId=api.id, deploymentId=first)
    assert refusal(error) == ("NotFoundException", "Invalid Deployment identifier specified")


def test_only_a_deployments_description_changes(aws: Any, api: MadeApi) -> None:
    made = deploy(aws, api)
    named = {"restApiId": api.id, "deploymentId": made}

    told = aws.update_deployment(
        **named, patchOperations=[patch("replace", "/description", "text")]
    )
    assert told["description"] == "text"
    assert "tags" not in told
    with pytest.raises(ClientError) as error:
        aws.update_deployment(**named, patchOperations=[patch("replace", "/id", "x")])
    assert refusal(error)[0] == "BadRequestException"


def test_a_stage_needs_a_deployment_and_a_free_name(aws: Any, api: MadeApi) -> None:
    made = deploy(aws, api)
    aws.create_stage(restApiId=api.id, stageName="prod", deploymentId=made)
    for arguments, code, message in (
        (("prod", made), "ConflictException", "Stage already exists"),
        (("test", "nothing"), "BadRequestException", "Deployment id does not exist"),
        (("a b", made), "BadRequestException", "Stage name only allows a-zA-Z0-9_-"),
        (("a" * 129, made), "BadRequestException", "Stage name only allows a-zA-Z0-9_-"),
    ):
        with pytest.raises(ClientError) as error:
            aws.create_stage(restApiId=api.id, stageName=arguments[0], deploymentId=arguments[1])
        assert refusal(error) == (code, message)


def test_stages_are_listed_by_deployment(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    first, second = deploy(aws, api, stageName="a"), deploy(aws, api, stageName="b")

    aws.get_stages(restApiId=api.id)
    assert control.answers[-1][3].keys() == {"item"}
    listed = aws.get_stages(restApiId=api.id, deploymentId=second)["item"]

    assert [stage["stageName"] for stage in listed] == ["b"]
    assert first != second


def test_unknown_stages_and_apis(aws: Any, api: MadeApi) -> None:
    calls: list[tuple[Callable[[], Any], str]] = [
        (
            lambda: aws.get_stage(restApiId=api.id, stageName="x"),
            "Invalid stage identifier specified",
        ),
        (
            lambda: aws.flush_stage_cache(restApiId=api.id, stageName="x"),
            "Invalid stage identifier specified",
        ),
        (
            lambda: aws.get_stages(restApiId="nothing"),
            f"Invalid API identifier specified {ACCOUNT}:nothing",
        ),
        (
            lambda: aws.create_deployment(restApiId="nothing"),
            f"Invalid API identifier specified {ACCOUNT}:nothing",
        ),
    ]
    for call, message in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert refusal(error) == ("NotFoundException", message)


def test_caches_are_flushed(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    deploy(aws, api, stageName="prod")

    aws.flush_stage_cache(restApiId=api.id, stageName="prod")
    assert control.answers[-1][1] == 202
    aws.flush_stage_authorizers_cache(restApiId=api.id, stageName="prod")
    assert control.answers[-1][1] == 202


class TestUpdateStage:
    @pytest.fixture(autouse=True)
    def stage(self, aws: Any, api: MadeApi) -> None:
        deploy(aws, api, stageName="prod", variables={"a": "b"})

    def test_plain_members(self, control: ControlPlane, aws: Any, api: MadeApi) -> None:
        aws.create_documentation_version(restApiId=api.id, documentationVersion="1")
        update(
            aws,
            api,
            patch("replace", "/description", "text"),
            patch("replace", "/cacheClusterEnabled", "true"),
            patch("replace", "/cacheClusterSize", "1.6"),
            patch("replace", "/tracingEnabled", "TRUE"),
            patch("replace", "/documentationVersion", "1"),
            patch("replace", "/variables/c", "d"),
            patch("remove", "/variables/a"),
            patch("add", "/accessLogSettings/format", "$context.requestId"),
            patch("replace", "/accessLogSettings/destinationArn", "arn:aws:logs:r:a:log-group:g:*"),
        )

        shown = stage_of(control)
        del shown["deploymentId"]
        assert shown == {
            "stageName": "prod",
            "description": "text",
            "cacheClusterEnabled": True,
            "cacheClusterSize": "1.6",
            "cacheClusterStatus": "AVAILABLE",
            "tracingEnabled": True,
            "documentationVersion": "1",
            "variables": {"c": "d"},
            "methodSettings": {},
            "accessLogSettings": {
                "format": "$context.requestId",
                "destinationArn": "arn:aws:logs:r:a:log-group:g",
            },
        }

    def test_rollback_is_a_pointer_move(self, aws: Any, api: MadeApi) -> None:
        first = aws.get_stage(restApiId=api.id, stageName="prod")["deploymentId"]
        deploy(aws, api, stageName="prod")

        told = update(aws, api, patch("replace", "/deploymentId", first))

        assert told["deploymentId"] == first

    def test_one_setting_fills_in_all_others(
        self, control: ControlPlane, aws: Any, api: MadeApi
    ) -> None:
        update(aws, api, patch("replace", "/*/*/throttling/burstLimit", "123"))

        assert stage_of(control)["methodSettings"] == {
            "*/*": {**DEFAULT_SETTING, "throttlingBurstLimit": 123}
        }

    def test_an_override_is_a_copy_that_goes_its_own_way(self, aws: Any, api: MadeApi) -> None:
        update(
            aws,
            api,
            patch("replace", "/*/*/throttling/burstLimit", "123"),
            patch("replace", "/*/*/logging/loglevel", "INFO"),
            patch("replace", "/~1pets~1{id}/GET/caching/enabled", "true"),
            patch("replace", "/pets/GET/throttling/rateLimit", "0.5"),
            patch("replace", "/*/*/throttling/burstLimit", "100"),
            patch("replace", "/~1/GET/caching/ttlInSeconds", "3600"),
        )

        settings = aws.get_stage(restApiId=api.id, stageName="prod")["methodSettings"]
        copied_from = {**DEFAULT_SETTING, "loggingLevel": "INFO"}
        assert settings == {
            "*/*": {**copied_from, "throttlingBurstLimit": 100},
            "pets/{id}/GET": {**copied_from, "throttlingBurstLimit": 123, "cachingEnabled": True},
            "pets/GET": {**copied_from, "throttlingBurstLimit": 123, "throttlingRateLimit": 0.5},
            "//GET": {**copied_from, "throttlingBurstLimit": 100, "cacheTtlInSeconds": 3600},
        }

    def test_settings_are_removed(self, aws: Any, api: MadeApi) -> None:
        update(aws, api, patch("replace", "/*/*/metrics/enabled", "true"))
        told = update(aws, api, patch("remove", "/*/*"))

        assert told["methodSettings"] == {}
        with pytest.raises(ClientError) as error:
            update(aws, api, patch("remove", "/*/*"))
        assert refusal(error) == ("BadRequestException", NO_SETTING.format("*/*"))

    @pytest.mark.parametrize(
        ("operation", "message"),
        [
            (
                patch("replace", "/wrong", "x"),
                f"Invalid method setting path: /wrong. {VALID_PATHS}",
            ),
            (
                patch("replace", "/documentation_version", "x"),
                f"Invalid method setting path: /documentation_version. {VALID_PATHS}",
            ),
            (
                patch("replace", "/tags/x", "x"),
                f"Invalid method setting path: /tags/x. {VALID_PATHS}",
            ),
            (
                patch("replace", "/canarySettings", "x"),
                f"Invalid method setting path: /canarySettings. {VALID_PATHS}",
            ),
            (
                patch("replace", "/canarySettings/wrong", "x"),
                f"Invalid method setting path: /canarySettings/wrong. {VALID_PATHS}",
            ),
            (
                patch("replace", "/pets/GET/throttling/wrong", "x"),
                f"Invalid method setting path: /pets/GET/throttling/wrong. {VALID_PATHS}",
            ),
            (
                patch("replace", "/accessLogSettings/wrong", "x"),
                (
                    "Invalid accessLogSettings path. Must be one of : "
                    "[/accessLogSettings/destinationArn, /accessLogSettings/format]"
                ),
            ),
            (
                patch("add", "/accessLogSettings/wrong", "x"),
                (
                    "Invalid accessLogSettings path. Must be one of : "
                    "[/accessLogSettings/destinationArn, /accessLogSettings/format]"
                ),
            ),
            (
                patch("add", "/accessLogSettings/format", ""),
                "Access Log value must not be empty",
            ),
            (
                patch("replace", "/accessLogSettings/destinationArn", ""),
                "Access Log value must not be empty",
            ),
            (
                patch("add", "/accessLogSettings/destinationArn", "/root/.ssh/authorized_keys"),
                (
                    "Invalid ARN specified in the request. Access log destination must be "
                    "arn:aws:logs:REGION:ACCOUNT:log-group:NAME, or a delivery stream "
                    "arn:aws:firehose:REGION:ACCOUNT:deliverystream/amazon-apigateway-NAME"
                ),
            ),
            (
                patch("replace", "/accessLogSettings/format", "$context.status"),
                (
                    "Invalid access log format specified: the format must name $context.requestId "
                    "or $context.extendedRequestId, or be one of the presets json, clf, xml, csv; "
                    "it is '$context.status'."
                ),
            ),
            (
                patch("remove", "/accessLogSettings/destinationArn"),
                NO_SETTING.format("accessLogSettings/destinationArn"),
            ),
            (
                patch("remove", "/accessLogSettings/*"),
                NO_SETTING.format("accessLogSettings/*"),
            ),
            (
                patch("remove", "/canarySettings/stageVariableOverrides"),
                NO_SETTING.format("canarySettings/stageVariableOverrides"),
            ),
            (
                patch("add", "/canarySettings/deploymentId", "x"),
                "Invalid add operation with path: /canarySettings/deploymentId",
            ),
            (patch("replace", "/deploymentId", "nothing"), "Deployment id does not exist"),
            (
                patch("replace", "/canarySettings/deploymentId", "nothing"),
                "Deployment id does not exist",
            ),
            (
                copied("/deploymentId", "/canarySettings/deploymentId"),
                "Promotion not available. Canary does not exist.",
            ),
            (
                copied("/description", "/canarySettings/deploymentId"),
                BAD_COPY.format("/description", "/canarySettings/deploymentId"),
            ),
            (
                copied("/deploymentId", "/variables"),
                BAD_COPY.format("/deploymentId", "/variables"),
            ),
        ],
    )
    def test_a_bad_patch_is_refused_and_changes_nothing(
        self, aws: Any, api: MadeApi, operation: dict[str, str], message: str
    ) -> None:
        before = aws.get_stage(restApiId=api.id, stageName="prod")
        del before["ResponseMetadata"]

        with pytest.raises(ClientError) as error:
            update(aws, api, patch("replace", "/description", "new"), operation)

        assert refusal(error) == ("BadRequestException", message)
        after = aws.get_stage(restApiId=api.id, stageName="prod")
        del after["ResponseMetadata"]
        assert after == before

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("/*/*/throttling/rateLimit", "x"),
            ("/*/*/throttling/rateLimit", "nan"),
            ("/*/*/throttling/rateLimit", "-2"),
            ("/*/*/throttling/burstLimit", "1.5"),
            ("/*/*/caching/ttlInSeconds", "3601"),
            ("/*/*/logging/loglevel", "LOUD"),
            ("/*/*/caching/unauthorizedCacheControlHeaderStrategy", "x"),
            ("/cacheClusterSize", "2"),
            ("/variables/a", "<>"),
            ("/variables/a-b", "x"),
            ("/canarySettings/percentTraffic", "101"),
            ("/canarySettings/percentTraffic", "x"),
        ],
    )
    def test_a_bad_value_is_refused(self, aws: Any, api: MadeApi, path: str, value: str) -> None:
        with pytest.raises(ClientError) as error:
            update(aws, api, patch("replace", path, value))

        assert refusal(error)[0] == "BadRequestException"


class TestCanary:
    @pytest.fixture(autouse=True)
    def base(self, aws: Any, api: MadeApi) -> str:
        return deploy(aws, api, stageName="prod", variables={"kept": "1", "both": "base"})

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                {},
                (
                    "Non null and non empty stageName must be provided for canary deployment. "
                    "Provided value is null"
                ),
            ),
            (
                {"stageName": ""},
                (
                    "Non null and non empty stageName must be provided for canary deployment. "
                    "Provided value is "
                ),
            ),
            (
                {"stageName": "other"},
                "Stage other must already be created before making a canary release deployment",
            ),
        ],
    )
    def test_a_canary_needs_a_stage(
        self, aws: Any, api: MadeApi, arguments: dict[str, str], message: str
    ) -> None:
        with pytest.raises(ClientError) as error:
            deploy(aws, api, canarySettings={"percentTraffic": 10.0}, **arguments)

        assert refusal(error) == (
            "BadRequestException",
            f"Invalid deployment content specified.{message}",
        )

    def test_a_canary_leaves_the_stage_where_it_is(
        self, control: ControlPlane, aws: Any, api: MadeApi, base: str
    ) -> None:
        settings = {"percentTraffic": 50.0, "stageVariableOverrides": {"both": "canary"}}
        made = deploy(aws, api, stageName="prod", canarySettings=settings)

        aws.get_stage(restApiId=api.id, stageName="prod")

        assert stage_of(control)["deploymentId"] == base
        assert stage_of(control)["canarySettings"] == {
            "deploymentId": made,
            "percentTraffic": 50.0,
            "stageVariableOverrides": {"both": "canary"},
            "useStageCache": False,
        }

    def test_percent_traffic_alone_makes_a_canary_of_the_stages_own_deployment(
        self, aws: Any, api: MadeApi, base: str
    ) -> None:
        told = update(aws, api, patch("replace", "/canarySettings/percentTraffic", "5"))

        assert told["canarySettings"] == {
            "deploymentId": base,
            "percentTraffic": 5.0,
            "useStageCache": False,
        }

    def test_a_deployment_alone_makes_a_canary_without_traffic(
        self, aws: Any, api: MadeApi
    ) -> None:
        other = deploy(aws, api)

        told = update(aws, api, patch("replace", "/canarySettings/deploymentId", other))

        assert told["canarySettings"] == {
            "deploymentId": other,
            "percentTraffic": 0.0,
            "useStageCache": False,
        }

    def test_promotion_copies_and_merges_and_leaves_the_canary(
        self, aws: Any, api: MadeApi
    ) -> None:
        settings = {
            "percentTraffic": 50.0,
            "stageVariableOverrides": {"both": "canary", "new": "2"},
        }
        made = deploy(aws, api, stageName="prod", canarySettings=settings)

        told = update(
            aws,
            api,
            patch("replace", "/canarySettings/percentTraffic", "0.0"),
            copied("/variables", "/canarySettings/stageVariableOverrides"),
            copied("/deploymentId", "/canarySettings/deploymentId"),
        )

        assert told["deploymentId"] == made
        assert told["variables"] == {"kept": "1", "both": "canary", "new": "2"}
        assert told["canarySettings"] == {
            "deploymentId": made,
            "percentTraffic": 0.0,
            "stageVariableOverrides": {"both": "canary", "new": "2"},
            "useStageCache": False,
        }

    def test_a_patch_that_makes_the_canary_may_promote_it(self, aws: Any, api: MadeApi) -> None:
        other = deploy(aws, api)

        told = update(
            aws,
            api,
            patch("replace", "/canarySettings/deploymentId", other),
            copied("/deploymentId", "/canarySettings/deploymentId"),
        )

        assert told["deploymentId"] == other

    def test_removing_the_canary_leaves_the_stage(self, aws: Any, api: MadeApi, base: str) -> None:
        deploy(aws, api, stageName="prod", canarySettings={"percentTraffic": 10.0})

        told = update(aws, api, patch("remove", "/canarySettings"))

        assert "canarySettings" not in told
        assert told["deploymentId"] == base

    def test_a_stage_is_made_with_a_canary(self, aws: Any, api: MadeApi, base: str) -> None:
        other = deploy(aws, api)
        arguments = {"restApiId": api.id, "stageName": "test", "deploymentId": base}

        told = aws.create_stage(
            **arguments, canarySettings={"deploymentId": other, "percentTraffic": 1.0}
        )
        assert told["canarySettings"]["deploymentId"] == other
        with pytest.raises(ClientError) as error:
            aws.create_stage(**arguments, canarySettings={"deploymentId": "nothing"})
        assert refusal(error) == ("BadRequestException", "Deployment id does not exist")


def test_a_deployment_is_frozen(control: ControlPlane, aws: Any, api: MadeApi) -> None:
    answer_with(aws, api, "one")
    made = deploy(aws, api)

    answer_with(aws, api, "two")
    aws.delete_resource(restApiId=api.id, resourceId=api.resource)

    named = {"restApiId": api.id, "deploymentId": made}
    summary = aws.get_deployment(**named, embed=["apisummary"])["apiSummary"]
    assert summary.keys() == {"/pets"}


def test_tags_of_a_stage(aws: Any, api: MadeApi) -> None:
    made = deploy(aws, api)
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api.id}/stages/prod"
    aws.create_stage(restApiId=api.id, stageName="prod", deploymentId=made, tags={"team": "a"})

    aws.tag_resource(resourceArn=arn, tags={"cost": "1"})
    aws.untag_resource(resourceArn=arn, tagKeys=["team"])

    assert aws.get_tags(resourceArn=arn)["tags"] == {"cost": "1"}
    assert aws.get_stage(restApiId=api.id, stageName="prod")["tags"] == {"cost": "1"}
    assert "tags" not in update(aws, api, patch("replace", "/description", "x"))


def test_the_account(control: ControlPlane, aws: Any) -> None:
    aws.get_account()

    assert control.answers[-1][3] == {
        "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
        "features": ["UsagePlans"],
        "apiKeyVersion": "4",
    }
    told = aws.update_account(
        patchOperations=[patch("replace", "/cloudwatchRoleArn", "arn:aws:iam::1:role/x")]
    )
    assert told["cloudwatchRoleArn"] == "arn:aws:iam::1:role/x"
