"""Usage plans, their keys and their usage through AWS's client, in AWS's words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import insert, select

from gateway.store.tables import API_KEY, USAGE, USAGE_PLAN
from gateway.store.transaction import Transaction
from tests.control_plane import ControlPlane, patch, refusal
from tests.wire.apis import deployed_api

REMOVABLE = (
    "[/apiStages, /quota, /throttle, /productCode, "
    "/apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>, "
    "/apiStages/<apidId:stageName>/throttle]"
)


@pytest.fixture
def api(aws: Any) -> str:
    return deployed_api(aws)


@pytest.fixture
def plan(aws: Any) -> str:
    made: str = aws.create_usage_plan(name="gold")["id"]
    return made


def key_in(aws: Any, plan: str, name: str = "alice") -> str:
    key: str = aws.create_api_key(name=name)["id"]
    aws.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    return key


def test_a_new_plan_has_no_stages(control: ControlPlane, aws: Any) -> None:
    plan = aws.create_usage_plan(name="gold")["id"]

    assert control.answers[-1][1] == 201
    assert control.answers[-1][3] == {"id": plan, "name": "gold", "apiStages": []}
    assert len(plan) == 6
    aws.get_usage_plan(usagePlanId=plan)
    assert control.answers[-1][3]["tags"] == {}
    aws.get_usage_plans()
    assert control.answers[-1][3] == {"item": [{"id": plan, "name": "gold", "apiStages": []}]}


def test_a_plan_shows_numbers_as_aws_does(control: ControlPlane, aws: Any, api: str) -> None:
    aws.create_usage_plan(
        name="gold",
        description="d",
        throttle={"burstLimit": 1, "rateLimit": 2},
        quota={"limit": 100, "period": "MONTH"},
        apiStages=[
            {
                "apiId": api,
                "stage": "prod",
                "throttle": {
                    "/pets/GET": {"burstLimit": 10, "rateLimit": 0.5},
                    "//ANY": {"rateLimit": 1},
                },
            }
        ],
        tags={"a": "b"},
    )

    told = control.answers[-1][3]
    assert told == {
        "id": told["id"],
        "name": "gold",
        "description": "d",
        "throttle": {"burstLimit": 1, "rateLimit": 2.0},
        "quota": {"limit": 100, "offset": 0, "period": "MONTH"},
        "apiStages": [
            {
                "apiId": api,
                "stage": "prod",
                "throttle": {
                    "/pets/GET": {"burstLimit": 10, "rateLimit": 0.5},
                    "//ANY": {"rateLimit": 1.0},
                },
            }
        ],
        "tags": {"a": "b"},
    }
    assert isinstance(told["throttle"]["rateLimit"], float)
    assert control.published[-1].is_usage_changed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "Usage Plan name must have 1 to 1024 characters"),
        (
            {"quota": {"period": "DAY"}},
            "Usage Plan quota limit must be a non-negative number",
        ),
        (
            {"quota": {"limit": -1, "period": "DAY"}},
            "Usage Plan quota limit must be a non-negative number",
        ),
        (
            {"quota": {"limit": 1, "offset": -1, "period": "DAY"}},
            "Usage Plan quota offset must be a non-negative number",
        ),
        (
            {"quota": {"limit": 1, "offset": 7, "period": "WEEK"}},
            "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period",
        ),
        ({"quota": {"limit": 1}}, "Usage Plan quota period must be one of: [DAY, WEEK, MONTH]"),
        (
            {"throttle": {"rateLimit": -0.5}},
            "Usage Plan rate limit must be a number from 0 to 1000000000",
        ),
        (
            {"throttle": {"burstLimit": -1}},
            "Usage Plan burst limit must be a whole number from 0 to 2147483647",
        ),
        ({"apiStages": [{"stage": "prod"}]}, "Invalid API Stage specified"),
        ({"apiStages": [{"apiId": "a"}]}, "Invalid API Stage specified"),
    ],
)
def test_a_bad_plan_is_refused(aws: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError) as error:
        aws.create_usage_plan(**{"name": "gold", **arguments})

    assert refusal(error) == ("BadRequestException", message)
    assert aws.get_usage_plans()["items"] == []


def test_a_throttle_names_a_method(aws: Any, api: str) -> None:
    with pytest.raises(ClientError) as error:
        aws.create_usage_plan(
            name="gold",
            apiStages=[{"apiId": api, "stage": "prod", "throttle": {"pets": {"rateLimit": 1}}}],
        )

    assert refusal(error)[1].startswith("Invalid method pets specified for throttle")


def test_a_period_outside_the_enum_is_a_validation_error(control: ControlPlane) -> None:
    body = {"name": "gold", "quota": {"limit": 1, "period": "YEAR"}}

    status, type_, message = control.error("POST", "/usageplans", body)

    assert (status, type_) == (400, "ValidationException")
    assert "createUsagePlanInput.quota.period" in message


def test_an_unknown_plan_is_not_found(aws: Any) -> None:
    day = {"startDate": "2026-05-01", "endDate": "2026-05-01"}
    calls: list[Callable[[], Any]] = [
        lambda: aws.get_usage_plan(usagePlanId="nothing"),
        lambda: aws.update_usage_plan(usagePlanId="nothing", patchOperations=[]),
        lambda: aws.delete_usage_plan(usagePlanId="nothing"),
        lambda: aws.create_usage_plan_key(usagePlanId="nothing", keyId="a", keyType="API_KEY"),
        lambda: aws.get_usage_plan_key(usagePlanId="nothing", keyId="a"),
        lambda: aws.delete_usage_plan_key(usagePlanId="nothing", keyId="a"),
        lambda: aws.get_usage(usagePlanId="nothing", **day),
        lambda: aws.update_usage(usagePlanId="nothing", keyId="a", patchOperations=[]),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()

        assert refusal(error) == ("NotFoundException", "Invalid Usage Plan ID specified")


def test_an_unknown_plan_has_no_keys(aws: Any) -> None:
    assert aws.get_usage_plan_keys(usagePlanId="nothing")["items"] == []


def test_stages_come_and_go_by_patch(control: ControlPlane, aws: Any, api: str, plan: str) -> None:
    add, remove = patch("add", "/apiStages", f"{api}:prod"), patch("remove", "/apiStages")

    told = aws.update_usage_plan(usagePlanId=plan, patchOperations=[add])
    assert told["apiStages"] == [{"apiId": api, "stage": "prod"}]
    assert told["tags"] == {}
    assert control.published[-1].is_usage_changed
    with pytest.raises(ClientError) as error:
        aws.update_usage_plan(usagePlanId=plan, patchOperations=[remove])
    assert refusal(error) == ("BadRequestException", "Invalid API Stage specified")
    told = aws.update_usage_plan(
        usagePlanId=plan, patchOperations=[{**remove, "value": f"{api}:prod"}]
    )
    assert told["apiStages"] == []


@pytest.mark.parametrize("value", ["", "prod", ":", "a:", ":prod"])
def test_a_stage_without_a_colon_or_a_name_is_invalid(aws: Any, plan: str, value: str) -> None:
    for op in ("add", "remove"):
        with pytest.raises(ClientError) as error:
            aws.update_usage_plan(
                usagePlanId=plan, patchOperations=[patch(op, "/apiStages", value)]
            )
        assert refusal(error) == ("BadRequestException", "Invalid API Stage specified")


def test_a_stage_that_is_not_there_is_named_with_the_plan(aws: Any, api: str, plan: str) -> None:
    for op, stage in (("add", "other"), ("remove", "prod"), ("remove", "other")):
        with pytest.raises(ClientError) as error:
            aws.update_usage_plan(
                usagePlanId=plan, patchOperations=[patch(op, "/apiStages", f"{api}:{stage}")]
            )
        assert refusal(error) == (
            "NotFoundException",
            f"Invalid API Stage {{api: {api}, stage: {stage}}} specified for usageplan {plan}",
        )
    with pytest.raises(ClientError) as error:
        aws.create_usage_plan(name="x", apiStages=[{"apiId": "nothing", "stage": "prod"}])
    code, message = refusal(error)
    assert code == "NotFoundException"
    assert message.startswith("Invalid API Stage {api: nothing, stage: prod} specified for")


def test_limits_are_replaced_even_where_there_were_none(aws: Any, plan: str) -> None:
    told = aws.update_usage_plan(
        usagePlanId=plan,
        patchOperations=[
            patch("replace", "/quota/limit", "100"),
            patch("replace", "/quota/period", "WEEK"),
            patch("add", "/quota/offset", "3"),
            patch("replace", "/throttle/rateLimit", "1.5"),
            patch("replace", "/throttle/burstLimit", "4"),
            patch("replace", "/name", "silver"),
            patch("replace", "/description", "d"),
            patch("add", "/productCode", "p"),
        ],
    )

    assert told["quota"] == {"limit": 100, "offset": 3, "period": "WEEK"}
    assert told["throttle"] == {"rateLimit": 1.5, "burstLimit": 4}
    assert (told["name"], told["description"], told["productCode"]) == ("silver", "d", "p")
    told = aws.update_usage_plan(
        usagePlanId=plan,
        patchOperations=[
            patch("remove", "/quota"),
            patch("remove", "/throttle"),
            patch("remove", "/productCode"),
        ],
    )
    assert not {"quota", "throttle", "productCode"} & told.keys()


def test_throttles_of_methods_are_patched(aws: Any, api: str, plan: str) -> None:
    stage = f"{api}:prod"

    def patched(*operations: dict[str, str]) -> Any:
        told = aws.update_usage_plan(usagePlanId=plan, patchOperations=[*operations])
        return told["apiStages"][0].get("throttle")

    of_stage = f"/apiStages/{stage}/throttle"
    assert patched(
        patch("add", "/apiStages", stage),
        patch("replace", f"{of_stage}/~1pets/GET/rateLimit", "2"),
        # As infrastructure tools write it.
        patch("replace", f"{of_stage}//pets/GET/burstLimit", "3"),
        patch("add", f"{of_stage}/~1/ANY/rateLimit", "0"),
        patch("add", f"{of_stage}//pets/{{petId}}/GET/rateLimit", "1"),
    ) == {
        "/pets/GET": {"rateLimit": 2.0, "burstLimit": 3},
        "//ANY": {"rateLimit": 0.0},
        "/pets/{petId}/GET": {"rateLimit": 1.0},
    }
    assert patched(
        patch("remove", f"{of_stage}/~1pets/GET"),
        patch("remove", f"{of_stage}//pets/{{petId}}/GET"),
    ) == {"//ANY": {"rateLimit": 0.0}}
    assert patched(patch("remove", of_stage)) is None
    assert patched(
        patch("replace", of_stage, '{"/pets/PUT": {"burstLimit": 1, "rateLimit": 2}}')
    ) == {"/pets/PUT": {"burstLimit": 1, "rateLimit": 2.0}}


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (
            patch("remove", "/apiStages/{api}:prod"),
            (
                "Invalid patch path  '/apiStages/{api}:prod' specified for op 'remove'. "
                f"Must be one of: {REMOVABLE}"
            ),
        ),
        (
            patch("remove", "/name"),
            f"Invalid patch path  '/name' specified for op 'remove'. Must be one of: {REMOVABLE}",
        ),
        (
            patch("move", "/name", "x"),
            (
                "Invalid patch path  '/name' specified for op 'move'. "
                "Please choose supported operations"
            ),
        ),
        (
            patch("replace", "/quota/limit", "many"),
            "Usage Plan quota limit must be a non-negative number",
        ),
        (
            patch("replace", "/quota/limit", "1"),
            "Usage Plan quota period must be one of: [DAY, WEEK, MONTH]",
        ),
        (
            patch("replace", "/throttle/burstLimit", "1.5"),
            "Usage Plan burst limit must be a whole number from 0 to 2147483647",
        ),
        (
            patch("replace", "/throttle/rateLimit", "nan"),
            "Usage Plan rate limit must be a number from 0 to 1000000000",
        ),
        (patch("replace", "/name"), "Usage Plan name must have 1 to 1024 characters"),
        (
            patch("remove", "/apiStages/{api}:prod/throttle/~1pets/GET"),
            "There is no throttle for method /pets/GET",
        ),
        (
            patch("replace", "/apiStages/{api}:prod/throttle", "{"),
            (
                "Invalid throttle specified: must be a JSON object such as "
                '{"/pets/GET": {"rateLimit": 10, "burstLimit": 20}}'
            ),
        ),
    ],
)
def test_a_bad_patch_is_refused_and_changes_nothing(
    aws: Any, api: str, operation: dict[str, str], message: str
) -> None:
    plan = aws.create_usage_plan(name="gold", apiStages=[{"apiId": api, "stage": "prod"}])["id"]
    wrong = {**operation, "path": operation["path"].replace("{api}", api)}

    with pytest.raises(ClientError) as error:
        aws.update_usage_plan(
            usagePlanId=plan, patchOperations=[patch("replace", "/name", "new"), wrong]
        )

    assert refusal(error) == ("BadRequestException", message.replace("{api}", api))
    assert aws.get_usage_plan(usagePlanId=plan)["name"] == "gold"


def test_a_throttle_of_a_stage_that_the_plan_lacks_is_not_found(
    aws: Any, api: str, plan: str
) -> None:
    path = f"/apiStages/{api}:prod/throttle/~1pets/GET/rateLimit"

    with pytest.raises(ClientError) as error:
        aws.update_usage_plan(usagePlanId=plan, patchOperations=[patch("add", path, "1")])

    assert refusal(error) == (
        "NotFoundException",
        f"Invalid API Stage {{api: {api}, stage: prod}} specified for usageplan {plan}",
    )


def test_a_plan_with_stages_cannot_be_deleted(control: ControlPlane, aws: Any, api: str) -> None:
    plan = aws.create_usage_plan(
        name="gold", apiStages=[{"apiId": api, "stage": "prod"}], tags={"a": "b"}
    )["id"]

    with pytest.raises(ClientError) as error:
        aws.delete_usage_plan(usagePlanId=plan)
    assert refusal(error) == (
        "BadRequestException",
        (
            f"Cannot delete Usage Plan {plan} because there are API Stages associated with it, "
            f"including {api}:prod"
        ),
    )
    aws.update_usage_plan(
        usagePlanId=plan, patchOperations=[patch("remove", "/apiStages", f"{api}:prod")]
    )
    aws.delete_usage_plan(usagePlanId=plan)
    assert control.answers[-1][1] == 202
    with pytest.raises(ClientError):
        aws.get_tags(resourceArn=f"arn:aws:apigateway:us-east-1::/usageplans/{plan}")


def test_a_stage_that_is_deleted_leaves_its_plans(
    control: ControlPlane, aws: Any, api: str
) -> None:
    other = deployed_api(aws, name="other")
    plan = aws.create_usage_plan(
        name="gold",
        apiStages=[{"apiId": api, "stage": "prod"}, {"apiId": other, "stage": "prod"}],
    )["id"]

    aws.delete_stage(restApiId=api, stageName="prod")
    assert control.published[-1].is_usage_changed
    stages = aws.get_usage_plan(usagePlanId=plan)["apiStages"]
    assert stages == [{"apiId": other, "stage": "prod"}]
    aws.delete_rest_api(restApiId=other)
    assert control.published[-1].is_usage_changed
    assert aws.get_usage_plan(usagePlanId=plan)["apiStages"] == []


def test_keys_join_and_leave_a_plan(control: ControlPlane, aws: Any, plan: str) -> None:
    key = aws.create_api_key(name="alice")

    aws.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")

    member = {"id": key["id"], "type": "API_KEY", "value": key["value"], "name": "alice"}
    assert control.answers[-1][1] == 201
    assert control.answers[-1][3] == member
    assert control.published[-1].is_usage_changed
    aws.get_usage_plan_key(usagePlanId=plan, keyId=key["id"])
    assert control.answers[-1][1:] == (200, control.answers[-1][2], member)
    assert [each["id"] for each in aws.get_usage_plans(keyId=key["id"])["items"]] == [plan]
    assert aws.get_usage_plans(keyId="nothing")["items"] == []
    aws.delete_usage_plan_key(usagePlanId=plan, keyId=key["id"])
    assert control.answers[-1][1] == 202
    assert aws.get_usage_plan_keys(usagePlanId=plan)["items"] == []
    assert aws.get_usage_plans(keyId=key["id"])["items"] == []


def test_keys_of_a_plan_are_found_by_prefix(aws: Any, plan: str) -> None:
    for name in ("test-1", "Test-2", "a-test"):
        key_in(aws, plan, name)

    def names(**filters: str) -> list[str]:
        found = aws.get_usage_plan_keys(usagePlanId=plan, **filters)["items"]
        return [key["name"] for key in found]

    assert names() == ["test-1", "Test-2", "a-test"]
    assert names(nameQuery="test") == ["test-1"]
    assert names(nameQuery="1") == []
    pages = aws.get_paginator("get_usage_plan_keys").paginate(
        usagePlanId=plan, PaginationConfig={"PageSize": 2}
    )
    assert [len(each["items"]) for each in pages] == [2, 1]


def test_a_key_that_is_not_there_or_there_twice_is_refused(aws: Any, plan: str) -> None:
    key = key_in(aws, plan)

    with pytest.raises(ClientError) as error:
        aws.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    assert refusal(error) == (
        "ConflictException",
        f"API Key {key} is in Usage Plan {plan} already",
    )
    with pytest.raises(ClientError) as error:
        aws.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="OTHER")
    assert refusal(error) == (
        "BadRequestException",
        "Invalid Key Type specified. Must be one of: [API_KEY]",
    )
    other = aws.create_api_key()["id"]
    calls: list[Callable[[], Any]] = [
        lambda: aws.create_usage_plan_key(usagePlanId=plan, keyId="nothing", keyType="API_KEY"),
        lambda: aws.get_usage_plan_key(usagePlanId=plan, keyId=other),
        lambda: aws.delete_usage_plan_key(usagePlanId=plan, keyId=other),
        lambda: aws.update_usage(usagePlanId=plan, keyId=other, patchOperations=[]),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert refusal(error) == ("NotFoundException", "Invalid API Key identifier specified")


def test_a_key_has_one_plan_for_a_stage(aws: Any, api: str) -> None:
    stages = [{"apiId": api, "stage": "prod"}]
    gold = aws.create_usage_plan(name="gold", apiStages=stages)["id"]
    free = aws.create_usage_plan(name="free", apiStages=stages)["id"]
    later = aws.create_usage_plan(name="later")["id"]
    key = key_in(aws, gold)
    aws.create_usage_plan_key(usagePlanId=later, keyId=key, keyType="API_KEY")

    conflict = (
        "ConflictException",
        (
            f"API Key {key} has API Stage {api}:prod through Usage Plan {gold} already: only one "
            "usage plan is allowed for a key and a stage"
        ),
    )
    with pytest.raises(ClientError) as error:
        aws.create_usage_plan_key(usagePlanId=free, keyId=key, keyType="API_KEY")
    assert refusal(error) == conflict
    with pytest.raises(ClientError) as error:
        aws.update_usage_plan(
            usagePlanId=later, patchOperations=[patch("add", "/apiStages", f"{api}:prod")]
        )
    assert refusal(error) == conflict
    assert aws.get_usage_plan(usagePlanId=later)["apiStages"] == []


def test_nothing_is_used_before_the_data_plane_counts(
    control: ControlPlane, aws: Any, plan: str
) -> None:
    key = key_in(aws, plan)

    aws.get_usage(usagePlanId=plan, startDate="2026-04-30", endDate="2026-05-01")
    assert control.answers[-1][3] == {
        "usagePlanId": plan,
        "startDate": "2026-04-30",
        "endDate": "2026-05-01",
        "values": {key: [[0, -1], [0, -1]]},
    }
    aws.update_usage_plan(
        usagePlanId=plan,
        patchOperations=[
            patch("add", "/quota/limit", "10"),
            patch("add", "/quota/period", "DAY"),
        ],
    )
    told = aws.get_usage(usagePlanId=plan, startDate="2026-05-01", endDate="2026-05-01")
    assert told["items"] == {key: [[0, 10]]}


def count(control: ControlPlane, plan: str, key: str, day: str, used: int) -> None:
    """Count requests, as the data plane will."""

    def work(transaction: Transaction) -> None:
        plan_row = transaction.value(select(USAGE_PLAN.c.sequence).where(USAGE_PLAN.c.id == plan))
        key_row = transaction.value(select(API_KEY.c.sequence).where(API_KEY.c.id == key))
        row = {"usage_plan": plan_row, "api_key": key_row, "day": day, "used": used, "granted": 0}
        transaction.run(insert(USAGE).values(row))

    control.await_(control.store.run(work, is_mutation=True))


def test_usage_is_told_by_key_and_day(control: ControlPlane, aws: Any) -> None:
    plan = aws.create_usage_plan(name="gold", quota={"limit": 10, "period": "MONTH"})["id"]
    alice, bob = key_in(aws, plan, "alice"), key_in(aws, plan, "bob")
    for day, used in (("2026-03-31", 9), ("2026-04-02", 3), ("2026-04-04", 8)):
        count(control, plan, alice, day, used)

    arguments = {"usagePlanId": plan, "startDate": "2026-04-01", "endDate": "2026-04-04"}
    assert aws.get_usage(**arguments)["items"] == {
        alice: [[0, 10], [3, 7], [0, 7], [8, 0]],
        bob: [[0, 10], [0, 10], [0, 10], [0, 10]],
    }
    assert aws.get_usage(**arguments, keyId=bob)["items"].keys() == {bob}
    assert aws.get_usage(**arguments, keyId="nothing")["items"] == {}
    pages = list(
        aws.get_paginator("get_usage").paginate(**arguments, PaginationConfig={"PageSize": 1})
    )
    assert [[*page["items"]] for page in pages] == [[alice], [bob]]


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("", "2026-05-01", "Invalid startDate specified: must be a date such as 2026-05-01"),
        ("2026-05-01", "", "Invalid endDate specified: must be a date such as 2026-05-01"),
        (
            "2026-02-30",
            "2026-05-01",
            "Invalid startDate specified: must be a date such as 2026-05-01",
        ),
        (
            "20260501",
            "2026-05-01",
            "Invalid startDate specified: must be a date such as 2026-05-01",
        ),
        (
            "2026-05-02",
            "2026-05-01",
            "Invalid date range specified: startDate must not be after endDate",
        ),
        ("2026-01-01", "2026-04-01", "Invalid date range specified: at most 90 days"),
        (
            "0001-01-01",
            "0001-01-01",
            "Invalid startDate specified: must be a date such as 2026-05-01",
        ),
    ],
)
def test_a_bad_range_is_refused(aws: Any, plan: str, start: str, end: str, message: str) -> None:
    with pytest.raises(ClientError) as error:
        aws.get_usage(usagePlanId=plan, startDate=start, endDate=end)

    assert refusal(error) == ("BadRequestException", message)


def test_what_is_left_can_be_extended(control: ControlPlane, aws: Any) -> None:
    plan = aws.create_usage_plan(name="gold", quota={"limit": 10, "period": "DAY"})["id"]
    key = key_in(aws, plan)
    begin = datetime.now(UTC).date()

    def remaining(value: str) -> Any:
        return aws.update_usage(
            usagePlanId=plan,
            keyId=key,
            patchOperations=[patch("replace", "/remaining", value)],
        )

    told = remaining("25")
    assert told["usagePlanId"] == plan
    assert told["items"] == {key: [[0, 25]]}
    assert told["startDate"] == told["endDate"]
    assert told["startDate"] in {begin.isoformat(), (begin + timedelta(days=1)).isoformat()}
    assert control.published[-1].is_usage_changed
    assert remaining("5")["items"] == {key: [[0, 5]]}
    tomorrow = (begin + timedelta(days=2)).isoformat()
    later = aws.get_usage(usagePlanId=plan, startDate=tomorrow, endDate=tomorrow)
    assert later["items"] == {key: [[0, 10]]}


def test_an_extension_is_a_number_of_a_plan_with_a_quota(aws: Any, plan: str) -> None:
    key = key_in(aws, plan)

    def refused(operation: dict[str, str]) -> tuple[str, str]:
        with pytest.raises(ClientError) as error:
            aws.update_usage(usagePlanId=plan, keyId=key, patchOperations=[operation])
        return refusal(error)

    assert refused(patch("replace", "/remaining", "1")) == (
        "BadRequestException",
        f"Usage Plan {plan} has no quota that could be extended",
    )
    assert refused(patch("replace", "/remaining", "-1")) == (
        "BadRequestException",
        "Invalid remaining quota specified: must be 0 to 2147483647",
    )
    assert refused(patch("add", "/remaining", "1")) == (
        "BadRequestException",
        (
            "Invalid patch path  '/remaining' specified for op 'add'. "
            "Please choose supported operations"
        ),
    )
    assert refused(patch("replace", "/used", "1")) == (
        "BadRequestException",
        "Invalid patch path  '/used' specified for op 'replace'. Must be one of: [/remaining]",
    )


def test_an_offset_must_fit_the_period_that_a_patch_leaves(aws: Any) -> None:
    quota = {"limit": 1, "offset": 20, "period": "MONTH"}
    plan = aws.create_usage_plan(name="gold", quota=quota)["id"]

    with pytest.raises(ClientError) as error:
        aws.update_usage_plan(
            usagePlanId=plan, patchOperations=[patch("replace", "/quota/period", "DAY")]
        )

    assert refusal(error) == (
        "BadRequestException",
        "Usage Plan quota offset must be zero in the DAY period",
    )
    assert aws.get_usage_plan(usagePlanId=plan)["quota"] == quota
