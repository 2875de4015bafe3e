"""Canaries on live traffic: shares, callers that stay, testers that choose, promotion."""

from __future__ import annotations

import http.client
import socket
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pytest

from tests.control_plane import patch
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of, deployed, redeployed
from tests.integration.test_processes import Load
from tests.running_gateway import PATIENCE_SECONDS, RunningGateway, pets, until
from tests.wire.apis import answer_with

REQUESTS: Final = 20_000
BATCH: Final = 100
SIGMA: Final = (REQUESTS * 0.1 * 0.9) ** 0.5

ARMS: Final = (b"base", b"next")


def staged(canary: str) -> dict[str, str]:
    """Return the files of an API with a canary that has these settings."""
    stage = f"  prod:\n    canarySettings: {{definition: versions/next.yaml, {canary}}}\n"
    version = pets("next").partition("stages:")[0]
    return {
        "apis/pets.yaml": pets("base").replace("  prod: {}\n", stage),
        "apis/versions/next.yaml": version,
    }


def arms(
    gateway: RunningGateway, path: str, headers: Iterable[dict[str, str]], api: str = "pets"
) -> list[str]:
    """Return which arm answered each request; they are pipelined, on one connection a batch."""
    sent = [
        f"GET /_aws/execute-api/{api}/{path} HTTP/1.1\r\nHost: x\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in each.items())
        + "\r\n"
        for each in headers
    ]
    host, _, port = gateway.listen.rpartition(":")
    found: list[str] = []
    for begin in range(0, len(sent), BATCH):
        batch = sent[begin : begin + BATCH]
        with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as client:
            client.sendall("".join(batch).encode())
            reader = client.makefile("rb")
            for _ in batch:
                answer = http.client.HTTPResponse(_Reading(reader))  # type: ignore[arg-type]
                answer.begin()
                assert answer.status == 200
                found.append(answer.read().decode())
    return found


class _Reading:
    """What http.client takes for a socket: all answers are read from one file."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def makefile(self, _mode: str) -> Any:
        return _Kept(self._file)


class _Kept:
    """A file that its reader cannot close."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def close(self) -> None:
        pass


def by_caller(gateway: RunningGateway, callers: Iterable[str], api: str = "pets") -> set[str]:
    """Return the callers that the canary answers."""
    names = list(callers)
    answers = arms(gateway, "prod/pets", ({"X-User": name} for name in names), api)
    return {name for name, answer in zip(names, answers, strict=True) if answer == "next"}


def is_a_tenth(gateway: RunningGateway, api: str = "pets") -> bool:
    """Whether the canary answers a tenth of many requests, within three standard deviations.

    A fair draw is outside once in 370 times, so it has a second try.
    """
    for _ in range(2):
        answers = Counter(arms(gateway, "prod/pets", [{}] * REQUESTS, api))
        assert set(answers) == {"base", "next"}
        if abs(answers["next"] - REQUESTS / 10) < 3 * SIGMA:
            return True
    return False


def test_ten_percent_of_many_requests_by_files(start_gateway: StartGateway) -> None:
    gateway = start_gateway(staged("percentTraffic: 10"))

    assert is_a_tenth(gateway)


def test_sticky_ramp_never_moves_a_caller_back_by_files(start_gateway: StartGateway) -> None:
    sticky = "sticky: {by: HEADER, name: X-User}"
    gateway = start_gateway(staged(f"percentTraffic: 5, {sticky}"))
    callers = [f"user-{number}" for number in range(1_000)]
    shares = [by_caller(gateway, callers)]
    for percent in (20, 50):
        revision = gateway.status()["revision"]
        for name, text in staged(f"percentTraffic: {percent}, {sticky}").items():
            gateway.write(name, text)
        gateway.wait_revision(revision + 1)
        shares.append(by_caller(gateway, callers))

    assert shares[0] < shares[1] < shares[2]
    assert by_caller(gateway, callers) == shares[2]
    for share, percent in zip(shares, (5, 20, 50), strict=True):
        assert abs(len(share) - 10 * percent) < 4 * (10 * percent * (100 - percent) / 100) ** 0.5


@pytest.fixture
def gateway(start_gateway: StartGateway) -> RunningGateway:
    return start_gateway({})


def test_sticky_ramp_and_a_testers_choice_by_an_aws_client(gateway: RunningGateway) -> None:
    aws = client_of(gateway)
    api, _ = deployed(aws, "base")
    redeployed(aws, api, "next", canarySettings={"percentTraffic": 5.0})
    stage = {"restApiId": api.id, "stageName": "prod"}
    told = aws.update_stage(
        **stage,
        patchOperations=[
            patch("replace", "/canarySettings/sticky", "HEADER:X-User"),
            patch("replace", "/canarySettings/forceHeader", "X-Arm"),
        ],
    )
    callers = [f"user-{number}" for number in range(400)]
    five = by_caller(gateway, callers, api.id)
    aws.update_stage(
        **stage, patchOperations=[patch("replace", "/canarySettings/percentTraffic", "50")]
    )
    fifty = by_caller(gateway, callers, api.id)
    aws.update_stage(
        **stage, patchOperations=[patch("replace", "/canarySettings/percentTraffic", "0")]
    )
    chosen = arms(gateway, "prod/pets", [{"X-Arm": "canary"}, {"X-Arm": "base"}, {}], api.id)

    assert told["canarySettings"]["percentTraffic"] == 5.0
    assert five < fifty
    assert 150 < len(fifty) < 250
    assert chosen == ["next", "base", "base"]


@pytest.fixture(scope="module")
def idle_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway for tests that change nothing but an API of their own."""
    gateway = RunningGateway(tmp_path_factory.mktemp("idle") / "gateway", {})
    try:
        yield gateway
    finally:
        gateway.close()


@pytest.mark.parametrize("value", ["HEADER", "COOKIE:a b", "SOURCE_IP:x", "PLANET:mars"])
def test_a_sticky_setting_that_cannot_work_is_refused(
    idle_gateway: RunningGateway, value: str
) -> None:
    aws = client_of(idle_gateway)
    api, _ = deployed(aws, "base")

    with pytest.raises(aws.exceptions.BadRequestException, match="Invalid canarySettings"):
        aws.update_stage(
            restApiId=api.id,
            stageName="prod",
            patchOperations=[patch("replace", "/canarySettings/sticky", value)],
        )


def test_a_promotion_under_load_fails_no_request(start_gateway: StartGateway) -> None:
    gateway = start_gateway(staged("percentTraffic: 50"))
    with Load(gateway) as load:
        until(lambda: all(load.answers[arm] for arm in ARMS), "both arms to answer")
        for name, text in {"apis/pets.yaml": pets("next")}.items():
            gateway.write(name, text)
        gateway.wait_revision(2)
        base = load.answers[b"base"]
        load.until_more(200)

        assert load.answers[b"base"] - base <= 64
    assert load.failures == []


def test_a_promotion_under_load_fails_no_request_by_an_aws_client(
    gateway: RunningGateway,
) -> None:
    aws = client_of(gateway)
    api, first = deployed(aws, "base")
    stage = {"restApiId": api.id, "stageName": "prod"}
    with Load(gateway, f"/_aws/execute-api/{api.id}/prod/pets") as load:
        load.until_more(100)
        assert set(load.answers) == {b"base"}
        answer_with(aws, api, "next")
        settings = {"percentTraffic": 50.0}
        told = aws.create_deployment(**stage, canarySettings=settings)
        gateway.wait_served(told)
        until(lambda: all(load.answers[arm] for arm in ARMS), "both arms to answer")
        told_stage = aws.update_stage(
            **stage,
            patchOperations=[
                patch("replace", "/canarySettings/percentTraffic", "0.0"),
                patch("copy", "/deploymentId", **{"from": "/canarySettings/deploymentId"}),
            ],
        )
        gateway.wait_served(told_stage)
        load.mark = "promoted"
        until(lambda: load.marked["promoted", b"next"] >= 400, "the promoted version to answer")
        removed = aws.update_stage(**stage, patchOperations=[patch("remove", "/canarySettings")])
        gateway.wait_served(removed)
        load.until_more(100)

    assert first != told["id"] == told_stage["deploymentId"] == removed["deploymentId"]
    assert load.failures == []
    assert set(load.answers) == set(ARMS)
    assert load.marked["promoted", b"base"] == 0


def canary_logs(gateway: RunningGateway) -> tuple[str, str]:
    """Return what the access logs of the base and of the canary hold."""
    group = gateway.data / "logs/arms"
    files = (group.with_suffix(".log"), group / "Canary.log")
    until(lambda: all(path.exists() for path in files), "both logs to be there")
    base, canary = (path.read_text() for path in files)
    return base, canary


LOG_GROUP: Final = "arn:aws:logs:us-east-1:000000000000:log-group:arms"
LOG_FORMAT: Final = "$context.isCanaryRequest $context.deploymentId $context.requestId"


def check_arms_apart(gateway: RunningGateway, api: str) -> None:
    """Ask each arm for something, and find each in a log and a metric of its own."""
    chosen = [{"X-Arm": "canary"}] * 3 + [{"X-Arm": "base"}] * 2
    assert arms(gateway, "prod/pets", chosen, api) == ["next"] * 3 + ["base"] * 2
    until(
        lambda: [log.count("\n") for log in canary_logs(gateway)] == [2, 3],
        "every line to be there",
    )
    base, canary = canary_logs(gateway)
    assert {line.split()[0] for line in base.splitlines()} == {"false"}
    assert {line.split()[0] for line in canary.splitlines()} == {"true"}
    assert base.split()[1] != canary.split()[1]
    for is_canary, count in (("true", 3), ("false", 2)):
        labels = f'api="{api}",stage="prod",canary="{is_canary}",status_class="2xx"'
        series = f"stagegate_requests_total{{{labels}}} {count}"
        until(lambda wanted=series: wanted in metrics(gateway), series)  # type: ignore[misc]


def metrics(gateway: RunningGateway) -> str:
    with urllib.request.urlopen(f"{gateway.admin_url}/metrics") as answer:
        return str(answer.read().decode())


def test_each_arm_has_logs_and_metrics_of_its_own_by_files(start_gateway: StartGateway) -> None:
    files = staged("percentTraffic: 0, forceHeader: X-Arm")
    log = f'    accessLogSettings: {{destinationArn: "{LOG_GROUP}", format: "{LOG_FORMAT}"}}\n'
    files["apis/pets.yaml"] += log

    check_arms_apart(start_gateway(files), "pets")


def test_each_arm_has_logs_and_metrics_of_its_own_by_an_aws_client(
    gateway: RunningGateway,
) -> None:
    aws = client_of(gateway)
    api, _ = deployed(aws, "base")
    redeployed(aws, api, "next", canarySettings={"percentTraffic": 0.0})
    aws.update_stage(
        restApiId=api.id,
        stageName="prod",
        patchOperations=[
            patch("replace", "/accessLogSettings/destinationArn", LOG_GROUP),
            patch("replace", "/accessLogSettings/format", LOG_FORMAT),
            patch("replace", "/canarySettings/forceHeader", "X-Arm"),
        ],
    )

    check_arms_apart(gateway, api.id)


def test_a_canary_that_is_removed_gets_nothing_more_by_files(start_gateway: StartGateway) -> None:
    gateway = start_gateway(staged("percentTraffic: 100"))
    assert arms(gateway, "prod/pets", [{}]) == ["next"]

    gateway.write("apis/pets.yaml", pets("base"))
    gateway.wait_revision(2)

    assert set(arms(gateway, "prod/pets", [{}] * 50)) == {"base"}


def test_a_canary_that_is_removed_gets_nothing_more_by_an_aws_client(
    gateway: RunningGateway,
) -> None:
    aws = client_of(gateway)
    api, _ = deployed(aws, "base")
    redeployed(aws, api, "next", canarySettings={"percentTraffic": 100.0})
    assert arms(gateway, "prod/pets", [{}], api.id) == ["next"]

    aws.update_stage(
        restApiId=api.id,
        stageName="prod",
        patchOperations=[patch("remove", "/canarySettings")],
    )

    assert set(arms(gateway, "prod/pets", [{}] * 50, api.id)) == {"base"}


def test_ten_percent_of_many_requests_by_an_aws_client(gateway: RunningGateway) -> None:
    aws = client_of(gateway)
    api, _ = deployed(aws, "base")
    redeployed(aws, api, "next", canarySettings={"percentTraffic": 10.0})

    assert is_a_tenth(gateway, api.id)
