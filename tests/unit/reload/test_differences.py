"""Facts about what one release changes about another."""

import dataclasses
from datetime import UTC, datetime

from gateway.definitions.stage import Stage
from gateway.definitions.usage_plan import (
    ApiKey,
    ApiStage,
    ThrottleSettings,
    UsageDefinitions,
    UsagePlan,
)
from gateway.release import Release
from gateway.reload import differences
from tests.backend_certificates import self_signed
from tests.builders import api, domain, mock, release

PETS = api({"/pets": {"GET": mock(200, "one")}})
OTHER = api({"/pets": {"GET": mock(200, "two"), "POST": mock()}})
BOTH = {"d1": PETS, "d2": OTHER}


def stage(deployment_id: str = "d1", **fields: object) -> Stage:
    return Stage(stage_name="dev", deployment_id=deployment_id, **fields)  # type: ignore[arg-type]


def test_everything_is_new_to_a_gateway_that_served_nothing() -> None:
    told = [str(each) for each in differences(None, release(PETS, domains=(domain("a.b"),)))]

    assert told == [
        "api shop made",
        "deployment d1 made: of shop, 1 method",
        "stage shop/dev made: serves deployment d1",
        "domain a.b made",
    ]


def test_equal_releases_have_no_differences() -> None:
    assert differences(release(PETS), release(PETS, revision=2)) == []


def test_a_stage_moves_to_a_new_deployment() -> None:
    told = differences(release({"d1": PETS}, stage()), release({"d2": OTHER}, stage("d2")))

    assert [str(each) for each in told] == [
        "deployment d2 made: of shop, 2 methods",
        "deployment d1 removed: of shop",
        "stage shop/dev moved: from deployment d1 to d2",
    ]


def test_a_deployment_that_is_there_already_is_reused() -> None:
    told = differences(release(BOTH, stage()), release(BOTH, stage("d2")))

    assert "deployment d2 reused: of shop, 2 methods" in map(str, told)


def test_changed_settings_are_named_with_both_values() -> None:
    told = differences(
        release(PETS, stage(variables={"backend": "a", "old": "x"})),
        release(PETS, stage(variables={"backend": "b"}, tracing_enabled=True)),
    )

    assert [str(each) for each in told] == [
        "stage shop/dev changed: tracingEnabled: False → True",
        'stage shop/dev changed: variables.backend: "a" → "b"',
        'stage shop/dev changed: variables.old: "x" → unset',
    ]


def test_removed_stages_apis_and_domains_are_told() -> None:
    two = release(PETS, stage(), Stage(stage_name="prod"), domains=(domain("a.b"),))
    one = release(PETS, stage())

    assert [str(each) for each in differences(two, one)] == [
        "stage shop/prod removed",
        "domain a.b removed",
    ]
    assert [str(each) for each in differences(one, dataclasses.replace(one, stages={}))] == [
        "api shop removed"
    ]


def test_a_changed_domain_shows_its_mappings() -> None:
    before = release(PETS, domains=(domain("a.b", none="dev"),))
    after = release(PETS, domains=(domain("a.b", v1="dev"),))

    assert [str(each) for each in differences(before, after)] == [
        "domain a.b changed: (none) to shop/dev → v1 to shop/dev"
    ]


def test_changed_process_settings_are_told() -> None:
    before, after = release(PETS), release(PETS, account=(5.0, 10))

    assert [str(each) for each in differences(before, after)] == [
        "settings accountRateLimit changed: unset → 5.0",
        "settings accountBurstLimit changed: unset → 10",
    ]


def test_certificates_and_links_are_told_without_their_secrets() -> None:
    old, new = self_signed().client("a"), self_signed().client("a")
    ends = datetime.fromtimestamp(new.expiration_epoch, UTC).date()
    empty = Release(revision=1, digest="", region="r", account="a")
    one = dataclasses.replace(empty, client_certificates={"a": old}, vpc_links={"l": ("10.0.0.5",)})
    two = dataclasses.replace(
        empty, client_certificates={"a": new}, vpc_links={"l": ("10.0.0.6", "b")}
    )

    assert [str(each) for each in differences(one, two)] == [
        f"client certificate a changed: valid until {ends}",
        "VPC link l changed: to 10.0.0.6, b",
    ]
    assert [str(each) for each in differences(two, empty)] == [
        "client certificate a removed",
        "VPC link l removed",
    ]
    assert [each.change for each in differences(empty, one)] == ["made", "made"]


def usage(plan: UsagePlan, **keys: ApiKey) -> UsageDefinitions:
    return UsageDefinitions(
        api_keys={id_: dataclasses.replace(key, id=id_) for id_, key in keys.items()},
        usage_plans={plan.id: dataclasses.replace(plan, api_keys=tuple(keys))},
    )


def test_usage_plans_and_keys_are_named_and_values_are_not() -> None:
    opened = (ApiStage(api_id="shop", stage="dev"),)
    plan = UsagePlan(id="gold", name="Gold", api_stages=opened)
    slower = dataclasses.replace(plan, throttle=ThrottleSettings(rate_limit=5.0))
    one, two = ApiKey(value="1" * 20), ApiKey(value="2" * 20)
    before = release(PETS, usage=usage(plan, a=one, b=two))
    off = dataclasses.replace(two, enabled=False)
    after = release(PETS, usage=usage(slower, a=ApiKey(value="3" * 20), b=off, c=one))
    gone = release(PETS)

    assert [str(each) for each in differences(gone, before)] == [
        "usage plan gold made: opens shop/dev",
        "API key a made: in gold",
        "API key b made: in gold",
    ]
    assert [str(each) for each in differences(before, after)] == [
        "usage plan gold changed: throttle.rateLimit: unset → 5.0",
        "API key a changed: another value",
        "API key b changed: in gold → in gold, disabled",
        "API key c made: in gold",
    ]
    assert [each.change.value for each in differences(before, gone)] == ["removed"] * 3
