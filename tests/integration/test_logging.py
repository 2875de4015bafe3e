"""Access logs and execution logs through real sockets, of stages made by files and by boto3."""

from __future__ import annotations

import concurrent.futures
import csv
import http.client
import json
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from gateway.context import KNOWN
from tests.control_plane import patch, refusal
from tests.integration.conftest import StartGateway
from tests.integration.test_control_plane import client_of
from tests.running_gateway import PATIENCE_SECONDS, RunningGateway, pets, until
from tests.sample_backend import running_backend
from tests.wire.apis import MadeApi, answer_with, api_with_method

EVERY: Final = "\t".join(f"$context.{name}" for name in KNOWN)
"""All variables in one line; no value holds a tab."""
ARN: Final = "arn:aws:logs:us-east-1:000000000000:log-group:shop/access"
TOKEN: Final = "eyJhbGciOiJIUzI1NiJ9.e30.signature-abcdef"
EVENT: Final = re.compile(r"(\S+Z) \((\S+)\) (.*)")

FILE: Final = """\
restApi: {name: Shop}
resources:
  /pets:
    GET:
      methodResponses: {"200": {}}
      integration:
        type: MOCK
        requestTemplates: {application/json: '{"statusCode": 200}'}
        integrationResponses: {"200": {responseTemplates: {application/json: 'ANSWER'}}}
  /back/{proxy+}:
    ANY:
      integration: {type: HTTP_PROXY, uri: "http://BACKEND/{proxy}"}
"""
STAGES: Final = """\
stages:
  prod:
    accessLogSettings: {destination: logs/shop/access.log, format: FORMAT}
    methodSettings: {"*/*": SETTINGS}
    canarySettings: {definition: versions/next.yaml, percentTraffic: 0, forceHeader: X-Arm}
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A gateway with an API that logs."""

    gateway: RunningGateway
    api: str

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Ask on a connection of its own; return status, headers by lower-case name, and body."""
        host, _, port = self.gateway.listen.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_SECONDS)
        try:
            connection.request(
                method, f"/_aws/execute-api/{self.api}/prod{path}", body, headers or {}
            )
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, named, answer.read()
        finally:
            connection.close()

    def access(self, request_id: str, arm: str = "access.log") -> str:
        """Return the access log's line of a request, once it is there."""
        path = self.gateway.data / "logs/shop" / arm
        return until(lambda: line_with(path, request_id), f"{request_id} in {path}")

    def events(self, request_id: str, stage: str = "prod.log") -> list[str]:
        """Return the sentences of a request in the execution log, once it is complete."""
        path = self.gateway.data / f"logs/API-Gateway-Execution-Logs_{self.api}" / stage
        until(
            lambda: line_with(path, f"({request_id}) Method completed"), f"{request_id} in {path}"
        )
        events = [EVENT.fullmatch(line) for line in whole_lines(path)]
        assert None not in events
        return [event[3] for event in events if event and event[2] == request_id]


def whole_lines(path: Path) -> list[str]:
    """Return the lines of a file that may be absent, but for one that is being written."""
    return path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []


def line_with(path: Path, text: str) -> str | None:
    return next((line for line in whole_lines(path) if text in line), None)


def shop_of_files(
    start_gateway: StartGateway, backend: str, format_: str, *, has_data: bool = True
) -> Shop:
    settings = f"{{loggingLevel: INFO, dataTraceEnabled: {str(has_data).lower()}}}"
    api = FILE.replace("BACKEND", backend)
    stages = STAGES.replace("FORMAT", json.dumps(format_)).replace("SETTINGS", settings)
    files = {
        "apis/shop.yaml": api.replace("ANSWER", "base") + stages,
        "apis/versions/next.yaml": api.replace("ANSWER", "next"),
    }
    return Shop(start_gateway(files), "shop")


def shop_of_client(
    start_gateway: StartGateway, backend: str, format_: str, *, has_data: bool = True
) -> Shop:
    gateway = start_gateway({})
    aws = client_of(gateway)
    api = api_with_method(aws, "Shop")
    answer_with(aws, api, "base")
    put_proxy(aws, api, backend)
    aws.create_deployment(restApiId=api.id, stageName="prod")
    aws.update_stage(
        restApiId=api.id,
        stageName="prod",
        patchOperations=[
            patch("replace", "/accessLogSettings/destinationArn", ARN),
            patch("replace", "/accessLogSettings/format", format_),
            patch("replace", "/*/*/logging/loglevel", "INFO"),
            patch("replace", "/*/*/logging/dataTrace", str(has_data).lower()),
        ],
    )
    answer_with(aws, api, "next")
    aws.create_deployment(
        restApiId=api.id, stageName="prod", canarySettings={"percentTraffic": 0.0}
    )
    aws.update_stage(
        restApiId=api.id,
        stageName="prod",
        patchOperations=[patch("replace", "/canarySettings/forceHeader", "X-Arm")],
    )
    return Shop(gateway, api.id)


def put_proxy(aws: Any, api: MadeApi, backend: str) -> None:
    back = aws.create_resource(restApiId=api.id, parentId=api.root, pathPart="back")
    made = aws.create_resource(restApiId=api.id, parentId=back["id"], pathPart="{proxy+}")
    method = {"restApiId": api.id, "resourceId": made["id"], "httpMethod": "ANY"}
    parameter = {"method.request.path.proxy": True}
    aws.put_method(**method, authorizationType="NONE", requestParameters=parameter)
    aws.put_integration(
        **method,
        type="HTTP_PROXY",
        integrationHttpMethod="ANY",
        uri=f"http://{backend}/{{proxy}}",
        requestParameters={"integration.request.path.proxy": "method.request.path.proxy"},
    )


MakeShop = Callable[..., Shop]


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with running_backend() as address:
        yield address


@pytest.fixture(params=[shop_of_files, shop_of_client], ids=["files", "boto3"])
def make_shop(request: pytest.FixtureRequest) -> MakeShop:
    made: MakeShop = request.param
    return made


def test_every_variable_is_in_the_line_or_a_dash(
    start_gateway: StartGateway, backend: str, make_shop: MakeShop
) -> None:
    shop = make_shop(start_gateway, backend, EVERY)
    _, told, body = shop.ask(
        "/back/a?b=c", headers={"User-Agent": "tester/1", "Host": "Some.Where"}
    )
    fields = shop.access(told["x-amzn-requestid"]).split("\t")
    line = dict(zip(KNOWN, fields, strict=True))

    assert line["requestId"] == told["x-amzn-requestid"]
    assert line["extendedRequestId"] == told["x-amz-apigw-id"]
    assert line["xrayTraceId"].startswith("1-")
    assert line["responseLength"] == str(len(body))
    expected = {
        "accountId": "000000000000",
        "apiId": shop.api,
        "stage": "prod",
        "path": "/prod/back/a",
        "resourcePath": "/back/{proxy+}",
        "httpMethod": "GET",
        "protocol": "HTTP/1.1",
        "status": "200",
        "domainName": "some.where",
        "domainPrefix": "some",
        "endpointType": "REGIONAL" if shop.api == "shop" else "EDGE",
        "identity.sourceIp": "127.0.0.1",
        "identity.userAgent": "tester/1",
        "integration.integrationStatus": "200",
        "integration.responseTransferMode": "BUFFERED",
        "integration.status": "200",
        "integrationStatus": "200",
        "isCanaryRequest": "false",
        "error.message": "-",
        "identity.apiKey": "-",
        "customDomain.basePathMatched": "-",
    }
    assert {name: line[name] for name in expected} == expected
    for name in ("integration.latency", "integrationLatency", "responseLatency",
                 "integration.timeToAllHeaders", "integration.timeToFirstContent"):  # fmt: skip
        assert line[name].isdecimal(), name
    assert (
        abs(int(line["requestTimeEpoch"]) / 1000 - (shop.gateway.data / "logs").stat().st_mtime)
        < 60
    )
    for name in ("resourceId", "deploymentId", "requestTime"):
        assert line[name] != "-", name
    assert {line[name] for name in KNOWN if KNOWN[name].is_reserved} == {"-"}


def test_a_data_trace_tells_everything_but_secrets(
    start_gateway: StartGateway, backend: str, make_shop: MakeShop
) -> None:
    shop = make_shop(start_gateway, backend, "json")
    sent = "word\n" * 60_000
    secrets = {
        "Authorization": f"Bearer {TOKEN}",
        "Cookie": "session=hunter2",
        "x-api-key": "hunter2",
        "Content-Type": "text/plain",
    }
    status, told, body = shop.ask(
        "/back/echo?client_secret=hunter2&a=1", "POST", sent.encode(), secrets
    )
    events = shop.events(told["x-amzn-requestid"])

    assert status == 200
    assert json.loads(body)["bodyLength"] == len(sent)
    request_id = told["x-amzn-requestid"]
    named = [event.partition(": ")[0] for event in events]
    assert named == [
        "Extended Request Id",
        "Starting execution for request",
        "HTTP Method",
        "Method request path",
        "Method request query string",
        "Method request headers",
        "Method request body before transformations",
        "Endpoint request URI",
        "Endpoint request headers",
        "Endpoint request body after transformations",
        f"Sending request to http://{backend}/echo?client_secret=******&a=1",
        "Received response. Status",
        "Endpoint response headers",
        "Endpoint response body before transformations",
        "Method response body after transformations",
        "Method response headers",
        "Successfully completed execution",
        "Method completed with status",
    ]
    story = dict(event.partition(": ")[::2] for event in events)
    assert story["Extended Request Id"] == told["x-amz-apigw-id"]
    assert story["Starting execution for request"] == request_id
    assert story["HTTP Method"] == "POST, Resource Path: /prod/back/echo"
    assert story["Method request path"] == "{proxy=echo}"
    assert story["Method request query string"] == "{client_secret=******, a=1}"
    assert "Authorization=******abcdef, Cookie=******" in story["Method request headers"]
    assert story["Method request body before transformations"].startswith("word\\x0aword")
    assert story["Method request body before transformations"].endswith(" [TRUNCATED]")
    assert story["Endpoint request URI"] == f"http://{backend}/echo?client_secret=******&a=1"
    assert story["Received response. Status"].startswith("200, Integration latency: ")
    assert story["Method completed with status"] == "200"
    assert max(len(f"({request_id}) {event}".encode()) for event in events) <= 1024
    log = "".join(path.read_text() for path in shop.gateway.data.rglob("prod.log"))
    # But for what the backend repeats in its answer's body, which is shown as it is.
    kept = [line for line in log.splitlines() if " body " not in line]
    assert not any("hunter2" in line or TOKEN in line for line in kept)


def test_without_a_data_trace_there_is_no_body(
    start_gateway: StartGateway, backend: str, make_shop: MakeShop
) -> None:
    shop = make_shop(start_gateway, backend, "json", has_data=False)
    _, told, _ = shop.ask("/back/status/503", "POST", b"a body")
    events = shop.events(told["x-amzn-requestid"])

    assert not any(" body " in event or "response headers" in event for event in events)
    assert "Endpoint request URI: " + f"http://{backend}/status/503" in events
    assert events[-1] == "Method completed with status: 503"


def test_a_canary_has_logs_of_its_own(
    start_gateway: StartGateway, backend: str, make_shop: MakeShop
) -> None:
    shop = make_shop(start_gateway, backend, '$context.requestId "$context.isCanaryRequest"')
    seen = {}
    for arm, text in (("base", b"base"), ("canary", b"next")):
        _, told, body = shop.ask("/pets", headers={"X-Arm": arm})
        assert body == text
        seen[arm] = told["x-amzn-requestid"]

    assert shop.access(seen["base"]).endswith('"false"')
    assert shop.access(seen["canary"], "access/Canary.log").endswith('"true"')
    assert "Method response body after transformations: base" in shop.events(seen["base"])
    canary = shop.events(seen["canary"], "prod/Canary.log")
    assert "Method response body after transformations: next" in canary
    for path in shop.gateway.data.rglob("*.log"):
        other = seen["base" if path.name == "Canary.log" else "canary"]
        assert other not in path.read_text(), path


EVIL: Final = '"},{"forged": "1"}\\</a><b>,\',"", x'


LAYOUTS: Final = {
    "json": '{"id":"$context.requestId","agent":"$context.identity.userAgent"}',
    "xml": '<r id="$context.requestId"><a>$context.identity.userAgent</a></r>',
    "csv": "$context.requestId,$context.identity.userAgent,$context.status",
    "text": '$context.requestId "$context.identity.userAgent" $context.status',
}


def test_no_client_forges_a_line(start_gateway: StartGateway) -> None:
    stages = [
        f"  {name}: {{accessLogSettings: {{destination: logs/{name}.log,"
        f" format: {json.dumps(layout)}}}}}\n"
        for name, layout in LAYOUTS.items()
    ]
    gateway = start_gateway({"apis/pets.yaml": pets().replace("  prod: {}\n", "".join(stages))})
    for name in LAYOUTS:
        gateway.get(f"/_aws/execute-api/pets/{name}/pets?%0d%0aforged", **{"User-Agent": EVIL})
    logs = gateway.data / "logs"
    lines = {
        name: until(lambda each=name: whole_lines(logs / f"{each}.log"), f"{name}.log")  # type: ignore[misc]
        for name in LAYOUTS
    }

    assert [len(each) for each in lines.values()] == [1, 1, 1, 1]
    assert json.loads(lines["json"][0])["agent"] == EVIL
    assert next(csv.reader(lines["csv"]))[1:] == [EVIL, "200"]
    assert lines["xml"][0].count("<") == 4
    assert re.fullmatch(r'\S+ "(?:[^"\\]|\\.)*" 200', lines["text"][0])


def test_at_error_only_failures_are_told_and_off_tells_nothing(start_gateway: StartGateway) -> None:
    with socket.socket() as taken:
        # Nobody listens there, and nobody else can.
        taken.bind(("127.0.0.1", 0))
        api = FILE.replace("BACKEND", f"127.0.0.1:{taken.getsockname()[1]}")
        error = '  prod: {methodSettings: {"*/*": {loggingLevel: ERROR, dataTraceEnabled: true}}}\n'
        text = f"{api.replace('ANSWER', 'base')}stages:\n{error}  quiet: {{}}\n"
        shop = Shop(start_gateway({"apis/shop.yaml": text}), "shop")
        shop.gateway.get("/_aws/execute-api/shop/quiet/back/x")
        well = shop.ask("/pets")[1]["x-amzn-requestid"]
        status, told, _ = shop.ask("/back/x")
    failed = shop.events(told["x-amzn-requestid"])

    assert status == 504
    assert failed[0].startswith("Execution failed due to configuration error: ")
    assert failed[1:] == [
        "Gateway response type: INTEGRATION_FAILURE with status code: 504",
        "Method completed with status: 504",
    ]
    (log,) = (shop.gateway.data / "logs").rglob("*.log")
    assert well not in log.read_text()


def test_a_format_that_could_not_be_written_is_refused_at_both_doors(
    start_gateway: StartGateway, backend: str
) -> None:
    shop = shop_of_files(start_gateway, backend, "json")
    text = (shop.gateway.config / "apis/shop.yaml").read_text()
    shop.gateway.write("apis/shop.yaml", text.replace('"json"', "$context.requestId $context.stat"))
    problems = until(shop.gateway.reload_problems, "the bad format to be told")
    assert "accessLogSettings.format" in problems[0]
    assert "there is no variable $context.stat; did you mean $context.status?" in problems[0]
    assert shop.ask("/pets")[0] == 200

    aws = client_of(shop.gateway)
    api = api_with_method(aws)
    aws.create_deployment(restApiId=api.id, stageName="prod")
    for value, message in (
        ("$context.requestId $context.stat", "there is no variable $context.stat; did you mean"),
        ("$context.status", "must name $context.requestId or $context.extendedRequestId"),
        ("$context.requestId $input.body", "cannot hold $input"),
        ("$context.requestId\n$context.status", "Access Log format must be single line, new line"),
    ):
        with pytest.raises(ClientError) as error:
            aws.update_stage(
                restApiId=api.id,
                stageName="prod",
                patchOperations=[patch("replace", "/accessLogSettings/format", value)],
            )
        assert refusal(error)[0] == "BadRequestException"
        assert message in refusal(error)[1]


def test_renaming_and_a_signal_rotate_without_losing_a_line(
    start_gateway: StartGateway, backend: str
) -> None:
    shop = shop_of_files(start_gateway, backend, "$context.requestId", has_data=False)
    access = shop.gateway.data / "logs/shop/access.log"
    execution = shop.gateway.data / "logs/API-Gateway-Execution-Logs_shop/prod.log"
    shop.access(shop.ask("/pets")[1]["x-amzn-requestid"])
    until(execution.exists, "the execution log")

    is_rotated = threading.Event()

    def hammer() -> list[str]:
        sent = []
        # Until the end: a file is opened anew by the next line, so that one must always come.
        while not is_rotated.is_set():
            sent.append(shop.ask("/pets")[1]["x-amzn-requestid"])
        return sent

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [pool.submit(hammer) for _ in range(4)]
        try:
            for turn in range(3):
                for path in (access, execution):
                    path.rename(path.with_suffix(f".log.{turn}"))
                os.kill(shop.gateway.process.pid, signal.SIGHUP)
                until(lambda: access.exists() and execution.exists(), "the logs to be opened anew")
        finally:
            is_rotated.set()
        sent = [request_id for each in running for request_id in each.result()]
    sent.append(shop.ask("/pets")[1]["x-amzn-requestid"])

    def logged(path: Path, pattern: str) -> list[str]:
        text = "".join(one.read_text() for one in path.parent.glob(f"{path.name}*"))
        return re.findall(pattern, text, re.MULTILINE)

    ends = r"\((\S+)\) Method completed with status: 200$"
    until(lambda: set(sent) <= set(logged(access, r"^\S+$")), "every line of the access log")
    until(lambda: set(sent) <= set(logged(execution, ends)), "every request's end")
    assert len(logged(access, r"^\S+$")) == len(sent) + 1
    assert len(logged(execution, ends)) == len(sent) + 1


def test_standard_output_takes_lines_of_both_arms(
    start_gateway: StartGateway, backend: str
) -> None:
    shop = shop_of_files(start_gateway, backend, "JSON")
    text = (shop.gateway.config / "apis/shop.yaml").read_text()
    revision = shop.gateway.status()["revision"]
    shop.gateway.write("apis/shop.yaml", text.replace("logs/shop/access.log", "stdout"))
    shop.gateway.wait_revision(revision + 1)
    ids = [
        shop.ask("/pets", headers={"X-Arm": arm})[1]["x-amzn-requestid"]
        for arm in ("base", "canary")
    ]

    log = shop.gateway.data.parent / "log"
    for request_id in ids:
        line = until(lambda each=request_id: line_with(log, each), f"{request_id} on stdout")  # type: ignore[misc]
        assert shop.gateway.log.count(request_id) == line.count(request_id)
        assert json.loads(line)["resourcePath"] == "/pets"


def test_a_body_that_nobody_reads_is_not_asked_for(
    start_gateway: StartGateway, backend: str
) -> None:
    """A traced mock answers at once: `100 Continue` would make the client send for nothing."""
    shop = shop_of_files(start_gateway, backend, "json")
    host, _, port = shop.gateway.listen.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as client:
        client.sendall(
            b"GET /_aws/execute-api/shop/prod/pets HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: application/json\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        first = client.makefile("rb").readline()

    assert first == b"HTTP/1.1 200 OK\r\n"
