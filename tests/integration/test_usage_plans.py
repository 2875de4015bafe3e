"""API keys, usage plans and quotas through real sockets: two workers, definitions of both kinds."""

from __future__ import annotations

import concurrent.futures
import http.client
import math
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.control_plane import patch, refusal
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of
from tests.running_gateway import RunningGateway, pets, until
from tests.wire.apis import answer_with, api_with_method

MOBILE, SECOND = "mobile-0123456789-0123456789", "second-0123456789-0123456789"
KEYED = pets().replace("  GET:\n", "  GET:\n      apiKeyRequired: true\n")
PATH = "/_aws/execute-api/pets/prod/pets"


def usage_file(plan: str) -> str:
    return f"""
apiKeys:
  mobile: {{value: {MOBILE}}}
  second: {{value: {SECOND}}}
  "off": {{value: disabled-0123456789-0123456789, enabled: false}}
  lonely: {{value: lonely-0123456789-0123456789}}
usagePlans:
  gold: {plan}
"""


def plan_text(
    *, own: int = 1000, key: int = 1000, quota: int = 100_000, shadow: str = "false"
) -> str:
    method = f"throttle: {{/pets/GET: {{rateLimit: 0.001, burstLimit: {own}}}}}"
    return (
        f"{{apiStages: [{{apiId: pets, stage: prod, {method}}}],"
        f" throttle: {{rateLimit: 0.001, burstLimit: {key}}},"
        f" quota: {{limit: {quota}, period: MONTH}}, shadow: {shadow},"
        ' apiKeys: [mobile, second, "off"]}'
    )


def files(stage: int = 1000, **limits: Any) -> dict[str, str]:
    throttled = f"{{throttlingRateLimit: 0.001, throttlingBurstLimit: {stage}}}"
    api = KEYED.replace("prod: {}", f'prod: {{methodSettings: {{"*/*": {throttled}}}}}')
    return {"apis/pets.yaml": api, "usage.yaml": usage_file(plan_text(**limits))}


def press(gateway: RunningGateway, path: str, value: str, attempts: int) -> Counter[Any]:
    """Ask again and again, each time on a connection of its own, so that both workers are met."""

    def ask(_: int) -> tuple[int, str]:
        status, body = gateway.get(path, **{"x-api-key": value})
        return status, body.decode()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return Counter(pool.map(ask, range(attempts)))


ADMITTED = (200, "one")
THROTTLED = (429, '{"message":"Too Many Requests"}')
SPENT = (429, '{"message":"Limit Exceeded"}')
FORBIDDEN = (403, '{"message":"Forbidden"}')


def usage_of(gateway: RunningGateway, plan: str) -> dict[str, list[list[int]]]:
    today = datetime.now(UTC).date().isoformat()
    told = client_of(gateway).get_usage(usagePlanId=plan, startDate=today, endDate=today)
    items: dict[str, list[list[int]]] = told.get("items", {})
    return items


def metric(gateway: RunningGateway, name: str) -> float:
    host, _, port = gateway.admin.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def wait_metric(gateway: RunningGateway, name: str, low: float, high: float) -> None:
    """Wait until a metric is between two numbers: a request is counted after its answer is sent."""
    until(lambda: low <= metric(gateway, name) <= high, f"{name} from {low:g} to {high:g}")


def wait_shown(gateway: RunningGateway) -> None:
    """Wait until AWS's clients see what files define: they are served before they are shown."""
    aws = client_of(gateway)
    until(lambda: bool(aws.get_usage_plans()["items"]), "the file's plan to be shown")


def is_replaced(gateway: RunningGateway, before: dict[str, Any]) -> bool:
    """Whether control and every worker are other processes than before, and serve."""
    try:
        now = gateway.status()
    except (OSError, http.client.HTTPException):
        return False
    pairs = zip(
        (now["control"], *now["workers"]), (before["control"], *before["workers"]), strict=True
    )
    return gateway.is_ready() and all(one["pid"] != other["pid"] for one, other in pairs)


@pytest.mark.parametrize(
    ("limits", "admitted"),
    [
        ({"own": 31, "key": 40, "stage": 50}, 31),
        ({"own": 40, "key": 17, "stage": 50}, 17),
        ({"own": 40, "key": 50, "stage": 23}, 23),
    ],
)
def test_two_workers_and_three_layers_admit_what_arithmetic_says(
    start_gateway: StartGateway, limits: dict[str, int], admitted: int
) -> None:
    """Rates of one token in a quarter of an hour: what is admitted is what the buckets held."""
    gateway = start_gateway(files(**limits))

    seen = press(gateway, PATH, MOBILE, 70)
    # One token too many at most: two workers that saw the last one at once.
    assert admitted <= seen[ADMITTED] <= admitted + 1
    assert set(seen) == {ADMITTED, THROTTLED}
    others = press(gateway, PATH, SECOND, 70)
    left = limits["stage"] - seen[ADMITTED]
    expected = min(limits["own"], limits["key"], left)
    assert expected <= others[ADMITTED] <= expected + 1
    refused = seen[THROTTLED] + others[THROTTLED]
    wait_metric(gateway, "stagegate_throttled_requests_total", refused, refused)


def test_the_rate_of_a_key_holds_over_two_workers(start_gateway: StartGateway) -> None:
    """Compared with the time that really passed, so that a busy machine does not matter."""
    rate, burst, seconds = 10, 50, 3.0
    plan = (
        "{apiStages: [{apiId: pets, stage: prod}], apiKeys: [mobile],"
        f" throttle: {{rateLimit: {rate}, burstLimit: {burst}}}}}"
    )
    gateway = start_gateway({"apis/pets.yaml": KEYED, "usage.yaml": usage_file(plan)})
    host, _, port = gateway.listen.rpartition(":")

    def hammer(end: float) -> list[tuple[float, bool, float]]:
        """Ask until the end; return when was asked, whether it was admitted, when it was told."""
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        seen = []
        while time.monotonic() < end:
            asked = time.monotonic()
            connection.request("GET", PATH, headers={"x-api-key": MOBILE})
            answer = connection.getresponse()
            answer.read()
            seen.append((asked, answer.status == 200, time.monotonic()))
        connection.close()
        return seen

    # From an empty bucket on: it is not full again before the end, so that nothing is lost.
    emptying = time.monotonic()
    while THROTTLED not in press(gateway, PATH, MOBILE, burst):
        emptying = time.monotonic()
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(hammer, [begin + seconds] * 4))
    seen = sorted(one for report in reports for one in report)
    admitted = [one for one in seen if one[1]]
    emptied = max((one for one in seen if not one[1]), default=(begin, False, begin))

    assert len(admitted) <= 1.01 * rate * (max(one[2] for one in seen) - emptying) + 2
    if not seen[0][1]:
        # Empty at the first question: what came since was let in until it was empty again.
        until_then = sum(one[2] <= emptied[2] for one in admitted)
        assert until_then >= 0.99 * rate * (emptied[0] - seen[0][2]) - 5


@pytest.mark.parametrize(
    "value", [None, "", "unknown", "disabled-0123456789-0123456789", "lonely-0123456789-0123456789"]
)
def test_every_other_key_is_forbidden(start_gateway: StartGateway, value: str | None) -> None:
    gateway = start_gateway(files())
    headers = {} if value is None else {"x-api-key": value}

    status, body = gateway.get(PATH, **headers)
    assert (status, body.decode()) == FORBIDDEN
    assert gateway.get(PATH, **{"X-API-KEY": MOBILE})[0] == 200


def test_a_quota_holds_over_two_workers_and_a_restart(start_gateway: StartGateway) -> None:
    gateway = start_gateway(files(quota=30))
    seen = press(gateway, PATH, MOBILE, 20)
    assert seen == {ADMITTED: 20}
    wait_shown(gateway)
    assert usage_of(gateway, "gold")["mobile"] == [[20, 10]]

    gateway.close()
    gateway.start()
    assert usage_of(gateway, "gold")["mobile"] == [[20, 10]]
    seen = press(gateway, PATH, MOBILE, 25)
    assert 10 <= seen[ADMITTED] <= 11
    assert seen[ADMITTED] + seen[SPENT] == 25
    assert press(gateway, PATH, SECOND, 5) == {ADMITTED: 5}
    wait_metric(gateway, "stagegate_quota_exceeded_requests_total", seen[SPENT], seen[SPENT])


def test_a_quota_survives_the_death_of_workers_and_control(start_gateway: StartGateway) -> None:
    gateway = start_gateway(files(quota=30))
    press(gateway, PATH, MOBILE, 20)
    # It says which counters are whose; without it the store does, which a second may be missing in.
    manifest = gateway.data / "release" / "manifest.json"
    until(manifest.exists, "the release to be on disk")
    before = gateway.status()
    for process in (before["control"], *before["workers"]):
        os.kill(process["pid"], signal.SIGKILL)
    until(lambda: is_replaced(gateway, before), "every process to be replaced")
    seen = press(gateway, PATH, MOBILE, 25)

    assert 10 <= seen[ADMITTED] <= 11
    wait_shown(gateway)
    assert usage_of(gateway, "gold")["mobile"][0][0] == 20 + seen[ADMITTED]


def test_a_plan_in_shadow_refuses_nothing(start_gateway: StartGateway) -> None:
    gateway = start_gateway(files(key=5, shadow="true"))

    assert press(gateway, PATH, MOBILE, 20) == {ADMITTED: 20}
    assert press(gateway, PATH, "unknown", 2) == {FORBIDDEN: 2}
    name = 'stagegate_shadow_refused_requests_total{api="pets",stage="prod",canary="false",'
    wait_metric(gateway, name + 'reason="throttled"}', 14, 15)
    gateway.write("usage.yaml", usage_file(plan_text(key=5)))
    until(lambda: gateway.get(PATH, **{"x-api-key": MOBILE})[0] == 429, "the plan to be enforced")


def test_a_gateway_in_shadow_refuses_nothing(start_gateway: StartGateway) -> None:
    settings = {"gateway.toml": "[throttle]\nshadow = true\n"}
    gateway = start_gateway({**files(key=5, stage=3, quota=1), **settings})

    assert press(gateway, PATH, MOBILE, 20) == {ADMITTED: 20}
    wait_metric(gateway, "stagegate_shadow_refused_requests_total", 18, math.inf)


def test_edits_count_at_once_and_keep_what_was_used(start_gateway: StartGateway) -> None:
    gateway = start_gateway(files(quota=3))
    assert press(gateway, PATH, MOBILE, 6)[SPENT] >= 2
    gateway.write("usage.yaml", usage_file(plan_text(quota=5)))
    until(lambda: gateway.get(PATH, **{"x-api-key": MOBILE})[0] == 200, "the larger quota")
    assert gateway.get(PATH, **{"x-api-key": MOBILE})[0] in (200, 429)
    assert gateway.get(PATH, **{"x-api-key": MOBILE})[0] == 429

    gateway.write("usage.yaml", "usagePlans: {gold: {apiKeys: [nobody]}}")
    until(gateway.reload_problems, "the broken file to be told")
    assert gateway.get(PATH, **{"x-api-key": SECOND})[0] == 200
    gateway.write("usage.yaml", "")
    until(lambda: gateway.get(PATH, **{"x-api-key": SECOND})[0] == 403, "the plan to go")


def test_what_files_define_is_read_only_but_for_grants(start_gateway: StartGateway) -> None:
    gateway = start_gateway(files(quota=1))
    aws = client_of(gateway)
    assert press(gateway, PATH, MOBILE, 5)[SPENT] >= 3

    wait_shown(gateway)
    assert aws.get_api_key(apiKey="mobile", includeValue=True)["value"] == MOBILE
    assert aws.get_usage_plan(usagePlanId="gold")["quota"]["limit"] == 1
    arn = "arn:aws:apigateway:us-east-1::/apikeys/mobile"
    mutations: list[Callable[[], Any]] = [
        partial(aws.delete_api_key, apiKey="mobile"),
        partial(aws.update_usage_plan, usagePlanId="gold", patchOperations=[]),
        partial(aws.create_usage_plan_key, usagePlanId="gold", keyId="lonely", keyType="API_KEY"),
        partial(aws.tag_resource, resourceArn=arn, tags={"a": "b"}),
    ]
    for mutation in mutations:
        with pytest.raises(ClientError) as error:
            mutation()
        assert refusal(error)[0] == "ConflictException"
        assert "usage.yaml" in refusal(error)[1]
    rows = f"name,key\nx,{MOBILE}\n".encode()
    imported = aws.import_api_keys(body=rows, format="csv")
    assert imported["ids"] == []
    assert "managed by the file" in imported["warnings"][0]

    granted = [patch("replace", "/remaining", "4")]
    aws.update_usage(usagePlanId="gold", keyId="mobile", patchOperations=granted)
    assert 4 <= press(gateway, PATH, MOBILE, 8)[ADMITTED] <= 5


def made_by_clients(aws: Any, **plan: Any) -> tuple[str, str, str]:
    """Make a keyed API, a plan and a key; return the path and the plan's and the key's ids."""
    api = api_with_method(aws)
    answer_with(aws, api, "one")
    aws.update_method(**api.method, patchOperations=[patch("replace", "/apiKeyRequired", "true")])
    aws.create_deployment(restApiId=api.id, stageName="prod")
    stages = [{"apiId": api.id, "stage": "prod", **plan.pop("stage", {})}]
    plan_id = aws.create_usage_plan(name="gold", apiStages=stages, **plan)["id"]
    key_id = aws.create_api_key(name="mobile", value=MOBILE, enabled=True)["id"]
    aws.create_usage_plan_key(usagePlanId=plan_id, keyId=key_id, keyType="API_KEY")
    return f"/_aws/execute-api/{api.id}/prod/pets", plan_id, key_id


def test_clients_make_keys_plans_and_quotas_that_count_at_once(
    start_gateway: StartGateway,
) -> None:
    gateway = start_gateway({})
    aws = client_of(gateway)
    path, plan_id, key_id = made_by_clients(
        aws,
        stage={"throttle": {"/pets/GET": {"rateLimit": 0.001, "burstLimit": 9}}},
        throttle={"rateLimit": 0.001, "burstLimit": 12},
        quota={"limit": 20, "period": "DAY"},
    )
    seen = press(gateway, path, MOBILE, 15)
    assert 9 <= seen[ADMITTED] <= 10
    assert seen[ADMITTED] + seen[THROTTLED] == 15
    assert press(gateway, path, "unknown-0123456789-0123", 2) == {FORBIDDEN: 2}

    stage = f"{path.split('/')[3]}:prod"
    aws.update_usage_plan(
        usagePlanId=plan_id,
        patchOperations=[
            patch("remove", f"/apiStages/{stage}/throttle"),
            patch("remove", "/throttle"),
        ],
    )
    more = press(gateway, path, MOBILE, 15)
    total = seen[ADMITTED] + more[ADMITTED]
    assert 20 <= total <= 21
    assert more[SPENT] == 15 - more[ADMITTED]
    assert usage_of(gateway, plan_id) == {key_id: [[total, 0]]}

    granted = [patch("replace", "/remaining", "3")]
    told = aws.update_usage(usagePlanId=plan_id, keyId=key_id, patchOperations=granted)
    assert told["items"] == {key_id: [[total, 3]]}
    assert 3 <= press(gateway, path, MOBILE, 6)[ADMITTED] <= 4

    disabled = [patch("replace", "/enabled", "false")]
    aws.update_api_key(apiKey=key_id, patchOperations=disabled)
    assert press(gateway, path, MOBILE, 2) == {FORBIDDEN: 2}
    aws.update_api_key(apiKey=key_id, patchOperations=[patch("replace", "/enabled", "true")])
    aws.update_usage_plan(usagePlanId=plan_id, patchOperations=[patch("remove", "/quota")])
    assert press(gateway, path, MOBILE, 2) == {ADMITTED: 2}
    aws.delete_usage_plan_key(usagePlanId=plan_id, keyId=key_id)
    assert press(gateway, path, MOBILE, 2) == {FORBIDDEN: 2}


def test_keys_that_an_authorizer_would_give_are_not_served_yet(start_gateway: StartGateway) -> None:
    gateway = start_gateway({})
    aws = client_of(gateway)
    path, _, _ = made_by_clients(aws)
    api = path.split("/")[3]
    source = [patch("replace", "/apiKeySource", "AUTHORIZER")]
    aws.update_rest_api(restApiId=api, patchOperations=source)
    assert press(gateway, path, MOBILE, 2) == {ADMITTED: 2}
    aws.create_deployment(restApiId=api, stageName="prod")

    assert {status for status, _ in press(gateway, path, MOBILE, 2)} == {500}


def test_a_quota_of_clients_survives_a_restart(start_gateway: StartGateway) -> None:
    gateway = start_gateway({})
    path, plan_id, key_id = made_by_clients(
        client_of(gateway), quota={"limit": 12, "period": "WEEK"}
    )
    assert press(gateway, path, MOBILE, 8) == {ADMITTED: 8}
    gateway.close()
    gateway.start()

    assert 4 <= press(gateway, path, MOBILE, 8)[ADMITTED] <= 5
    assert usage_of(gateway, plan_id)[key_id][0][1] == 0


def test_no_key_s_value_lies_in_the_release(start_gateway: StartGateway) -> None:
    gateway = start_gateway(files())
    press(gateway, PATH, MOBILE, 2)
    gateway.close()
    lying = [
        path
        for path in gateway.data.rglob("*")
        if path.is_file() and MOBILE.encode() in path.read_bytes()
    ]

    assert [path.name for path in lying] == ["store.sqlite"]
    assert [path.stat().st_mode & 0o077 for path in lying] == [0]


def test_a_connection_that_stays_does_not_keep_what_its_key_was_let_in_to(
    start_gateway: StartGateway,
) -> None:
    """Each request repeats the headers of the one before: what they led to is at hand, and old."""
    gateway = start_gateway({"apis/pets.yaml": KEYED}, "--workers", "1")
    aws = client_of(gateway)
    key = aws.create_api_key(name="stored", enabled=True, value=MOBILE)["id"]
    plan = aws.create_usage_plan(name="gold", apiStages=[{"apiId": "pets", "stage": "prod"}])["id"]
    host, _, port = gateway.listen.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)

    def ask() -> int:
        connection.request("GET", PATH, headers={"x-api-key": MOBILE})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    assert ask() == 403
    aws.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    assert [ask(), ask()] == [200, 200]
    aws.update_api_key(apiKey=key, patchOperations=[patch("replace", "/enabled", "false")])
    assert ask() == 403
    aws.update_api_key(apiKey=key, patchOperations=[patch("replace", "/enabled", "true")])
    assert ask() == 200
    quota = [patch("add", "/quota/limit", "3"), patch("add", "/quota/period", "MONTH")]
    aws.update_usage_plan(usagePlanId=plan, patchOperations=quota)
    assert ask() == 429
    aws.update_usage_plan(usagePlanId=plan, patchOperations=[patch("remove", "/quota")])
    assert ask() == 200
    aws.delete_usage_plan_key(usagePlanId=plan, keyId=key)
    assert ask() == 403
    connection.close()
