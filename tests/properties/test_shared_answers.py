"""What requests of one connection leave behind: nothing that the next request's answer shows.

Much is made once and shared (refusals, cached answers, derived headers, whole heads). Here each
request of a random row is answered as it would be as the first one of a gateway.
"""

from __future__ import annotations

import functools
import json
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from gateway.clock import IdMinter
from gateway.definitions.integration import Integration, IntegrationResponse, IntegrationType
from gateway.definitions.responses import GatewayResponse
from gateway.definitions.rest_api import ApiDefinition
from gateway.definitions.stage import AccessLogSettings, CanarySettings, Stage
from gateway.definitions.usage_plan import (
    ApiKey,
    ApiStage,
    ThrottleSettings,
    UsageDefinitions,
    UsagePlan,
)
from gateway.messages import EndpointResponse, IntegrationRequest
from gateway.release import Release
from gateway.release.usage import all_keys
from gateway.server.connection import ClientConnection
from gateway.server.deadlines import Deadlines
from gateway.server.edge import Edge
from gateway.server.plain_head import PlainHeads
from gateway.settings import Limits, Timeouts
from gateway.throttle.usage_table import UNLIMITED
from tests.builders import World, api, declared, domain, mock, proxy, release, settings
from tests.clients import FakeLoop, FakeTransport

KEY: Final = "0123456789-0123456789"
_CHANCE: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    r"|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{15}=|(?<=Server-Timing: )[^\r]*"
    r"|1-[0-9a-f]{8}-[0-9a-f]{24}|Parent=[0-9a-f]{16}"
)
_ACCESS_LOG: Final = " ".join(
    f"$context.{name}"
    for name in (
        "requestId", "extendedRequestId", "identity.sourceIp", "requestTime", "httpMethod",
        "resourcePath", "status", "protocol", "responseLength", "path", "stage", "deploymentId",
        "apiId", "resourceId", "error.message", "error.messageString", "error.responseType",
        "identity.userAgent", "identity.apiKey", "identity.apiKeyId", "isCanaryRequest",
        "domainName", "domainPrefix", "customDomain.basePathMatched", "requestTimeEpoch",
    )
)  # fmt: skip

STRICT: Final = {
    "DEFAULT_4XX": GatewayResponse(
        response_parameters={
            "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
            "gatewayresponse.header.X-Agent": "method.request.header.User-Agent",
        },
        response_templates={
            "application/json": '{"m":$context.error.messageString,"id":"$context.requestId",'
            '"stage":"$stageVariables.color","path":"$context.path"}',
            "text/plain": "$context.error.responseType of ${stageVariables.color}",
        },
    ),
    "MISSING_AUTHENTICATION_TOKEN": GatewayResponse(
        status_code="404",
        response_parameters={"gatewayresponse.header.X-Fixed": "'one'"},
        response_templates={"application/json": '{"none":$context.error.messageString}'},
    ),
    "THROTTLED": GatewayResponse(status_code="204"),
}
LAX: Final = {
    "MISSING_AUTHENTICATION_TOKEN": GatewayResponse(
        response_parameters={"gatewayresponse.header.X-Fixed": "'two'"}
    ),
    "INVALID_API_KEY": GatewayResponse(
        response_parameters={"gatewayresponse.header.x-amzn-ErrorType": "'Mine'"}
    ),
}


def _definition(gateway_responses: Mapping[str, GatewayResponse], word: str) -> ApiDefinition:
    templated = Integration(
        type=IntegrationType.MOCK,
        request_templates={"application/json": '{"statusCode": 200}'},
        integration_responses={
            "200": IntegrationResponse(
                response_templates={
                    "application/json": '{"id":"$context.requestId","q":"$input.params(\'q\')"}',
                    "text/plain": "agent $context.identity.userAgent",
                }
            )
        },
    )
    mapped = proxy(
        request_parameters={"integration.request.header.X-Who": "method.request.header.X-Who"}
    )
    return api(
        {
            "/pets": {"GET": mock(200, f'{{"{word}":1}}', **{"X-Word": f"'{word}'"})},
            "/empty": {"ANY": mock(204)},
            "/not-modified": {"GET": mock(304)},
            "/templated": {"GET": templated, "POST": templated},
            "/keyed": {"GET": replace(declared(mock(200, word)), api_key_required=True)},
            "/blocked": {"GET": mock()},
            "/items/{id}": {
                "GET": replace(
                    declared(proxy(f"http://{word}.test/i/{{id}}?a=1")), api_key_required=True
                ),
                "POST": proxy(f"http://{word}.test/i/{{id}}/{{id}}"),
            },
            "/proxy/{proxy+}": {"ANY": proxy(f"http://{word}.test/")},
            "/mapped": {"GET": mapped},
            "/cached": {"GET": proxy(f"http://{word}.test/c"), "HEAD": proxy("http://b.test/c")},
            "/large": {"GET": proxy("http://b.test/large")},
            "/broken": {"GET": proxy("http://b.test/broken")},
            "/bad": {"GET": Integration(type=IntegrationType.AWS)},
        },
        gateway_responses=gateway_responses,
    )


def _stage(name: str, deployment: str, **more: object) -> Stage:
    by_name = settings(
        all_={"cachingEnabled": False, "loggingLevel": "INFO", "dataTraceEnabled": name == "qa"},
        blocked__GET={"throttlingRateLimit": 0.0, "throttlingBurstLimit": 0},
        cached__GET={"cachingEnabled": True, "cacheTtlInSeconds": 300},
        cached__HEAD={"cachingEnabled": True, "cacheTtlInSeconds": 300},
    )
    return Stage(
        stage_name=name,
        deployment_id=deployment,
        variables={"color": f"{name}-color"},
        method_settings=by_name,
        cache_cluster_enabled=True,
        access_log_settings=AccessLogSettings(destination=name, format=_ACCESS_LOG),
        **more,  # type: ignore[arg-type]
    )


def _release(*, is_changed: bool, is_usage_changed: bool) -> Release:
    """Return a release; a changed one leads the same requests elsewhere, or asks them for more."""
    spent = ThrottleSettings(rate_limit=0.0, burst_limit=0)
    usage = UsageDefinitions(
        api_keys={
            "mobile": ApiKey(id="mobile", value=KEY, enabled=not is_usage_changed),
            "off": ApiKey(id="off", value="disabled-0123456789-", enabled=is_usage_changed),
            "shadow": ApiKey(id="shadow", value="shadowed-0123456789-"),
        },
        usage_plans={
            "gold": UsagePlan(
                id="gold",
                api_stages=(ApiStage(api_id="shop", stage="dev"),),
                api_keys=("mobile", "off"),
            ),
            "dark": UsagePlan(
                id="dark",
                api_stages=(
                    ApiStage(api_id="shop", stage="dev", throttle={"/keyed/GET": spent}),
                    ApiStage(api_id="shop", stage="qa"),
                ),
                api_keys=("shadow",),
                shadow=not is_usage_changed,
            ),
        },
    )
    definitions = {
        "d1": _definition(STRICT, "uno" if is_changed else "one"),
        "d2": _definition(LAX, "two"),
        "d3": _definition({}, "three"),
    }
    return release(
        definitions,
        _stage("dev", "d1"),
        _stage("qa", "d2"),
        _stage(
            "prod",
            "d3",
            canary_settings=CanarySettings(
                percent_traffic=0.0, deployment_id="d1", force_header="x-arm"
            ),
        ),
        domains=(
            domain("pets.test", v1="qa" if is_changed else "dev", v1_deep="qa", none="prod"),
            domain("one.test", v1="dev"),
        ),
        usage=usage,
    )


class Backend:
    """Answers from what it was asked, by heads that are shared as those of real backends."""

    def __init__(self) -> None:
        self.heads = PlainHeads()

    def answer(self, request: IntegrationRequest) -> EndpointResponse:
        lines = request.head.decode("latin-1").split("\r\n")
        path = lines[0].split(" ")[1]
        if path == "/c":
            # The key holds neither these nor the stage's name.
            lines = [line for line in lines if line.startswith(("GET", "HEAD", "Host"))]
        told = json.dumps([_CHANCE.sub("#", line) for line in lines if line]).encode()
        if "broken" in path:
            return EndpointResponse(500, ((b"X-Amzn-RequestId", b"theirs"),), b"")
        if "large" in path:
            told *= 30
        if request.method == "HEAD":
            return EndpointResponse(200, ((b"ETag", b'"1"'),), b"", length=len(told))
        kept = "Set-Cookie: a=b\r\n" if "cookie" in path else ""
        if "none" in path:
            return EndpointResponse(304, ((b"ETag", b'"1"'),), b"")
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Length: {len(told)}\r\nConnection: keep-alive\r\n{kept}"
            "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nServer: backend\r\nVia: 1.1 x"
        )
        plain = self.heads.read(head.encode())
        assert plain is not None
        return EndpointResponse(plain.status, plain.headers, told, plain.length, plain.derived)


class Answered(NamedTuple):
    """All that a request left, but for chance and times."""

    written: str
    logs: Mapping[str, list[str]]
    is_open: bool


class Wire:
    """A gateway with everything of ours in it, and a client's connection; a new one if it ends."""

    def __init__(self, *, is_server_timing: bool) -> None:
        self._served = _releases()[0]
        self.world = World(self._served, is_server_timing=is_server_timing)
        self.world.endpoints.answer = Backend().answer
        loop = FakeLoop(self.world.clock)
        self._edge = Edge(
            service=self.world.service,
            limits=Limits(connections=100),
            timeouts=Timeouts(),
            trusted_proxies=("192.0.2.0/24",),
            clock=self.world.clock,
            ids=IdMinter(),
            loop=loop.as_loop,
            deadlines=Deadlines(loop.as_loop, self.world.clock),
        )
        self._transport = FakeTransport()
        self._transport.is_closed = True

    def publish(self, index: int) -> None:
        """Serve another release, also on the connection that there is."""
        served = _releases()[index]
        if served is not self._served:
            self._served = served
            self.world.publish(served)
            for key in all_keys(served.api_keys):
                for row, *_ in key.plans.values():
                    self.world.usage.set_left(row, UNLIMITED)

    def ask(self, data: bytes) -> Answered:
        """Send one request on the connection that there is."""
        if self._transport.is_closing() or self._transport.is_eof_written:
            self._transport = FakeTransport()
            self._connection = ClientConnection(self._edge)
            self._connection.connection_made(self._transport)
        transport = self._transport
        start = len(transport.written)
        self.world.logs.lines = {}
        self._connection.data_received(data)
        logs = {
            name: [_CHANCE.sub("#", line.decode()) for line in lines]
            for name, lines in self.world.logs.lines.items()
            # A hit calls no backend, and its story says so.
            if b"/cached " not in data or name in {"dev", "qa", "prod"}
        }
        is_open = not (transport.is_closing() or transport.is_eof_written)
        written = bytes(transport.written[start:]).decode("latin-1")
        return Answered(_CHANCE.sub("#", written), logs, is_open)


@functools.cache
def _releases() -> tuple[Release, Release, Release]:
    return (
        _release(is_changed=False, is_usage_changed=False),
        _release(is_changed=True, is_usage_changed=True),
        _release(is_changed=False, is_usage_changed=True),
    )


PATHS: Final = (
    "/dev/pets", "/qa/pets", "/prod/pets", "/dev/none", "/qa/none", "/prod/none", "/dev", "/none",
    "/dev/empty", "/dev/not-modified", "/qa/templated?q=1", "/dev/templated?q=2", "/dev/keyed",
    "/qa/keyed", "/prod/keyed", "/dev/blocked", "/qa/blocked", "/prod/blocked", "/dev/proxy/a/b",
    "/qa/proxy/a?x=1", "/prod/proxy/none", "/dev/proxy/cookie", "/dev/mapped", "/qa/mapped",
    "/dev/cached", "/qa/cached", "/prod/cached", "/dev/large", "/dev/broken", "/qa/bad", "/dev/bad",
    "/ping", "/sping", "//dev/pets", "/dev//pets", "/dev/pets/", "/v1/pets", "/v1/none", "/prod",
    "/v1/deep/pets", "/v1/deep", "/v1/keyed", "//v1/pets", "/v1//pets", "/v1/items/7", "/v1",
    "/dev/items/7", "/dev/items/8?b=2", "/qa/items/8", "/prod/items/9", "/dev/items/a%2Fb",
)  # fmt: skip
HOSTS: Final = (
    "shop.execute-api.local", "shop.execute-api.local", "shop.execute-api.local",
    "other.execute-api.local", "pets.test", "one.test", "unknown.test",
)  # fmt: skip
HEADERS: Final = (
    "", "User-Agent: one\r\n", "User-Agent: two\r\nAccept: text/plain\r\n", "Accept: */*\r\n",
    f"X-Api-Key: {KEY}\r\n", "X-Api-Key: disabled-0123456789-\r\n", "x-api-key: x\r\n",
    "X-Api-Key: shadowed-0123456789-\r\n", "X-Name: \xe9\r\n", "X-Forwarded-Proto: https\r\n",
    "x-amzn-RequestId: 01234567-89ab-4def-8123-456789abcdef\r\n", "x-amzn-requestid: mine\r\n",
    "X-Arm: canary\r\n", "X-Who: me\r\n", "Connection: close\r\n", "Connection: keep-alive\r\n",
    "Connection: x-who\r\nX-Who: me\r\n", "Content-Length: 3\r\n", "Cache-Control: max-age=0\r\n",
    "Authorization: Bearer x\r\n", "X-Forwarded-For: 198.51.100.7\r\n", "Accept-Encoding: gzip\r\n",
    "X-Amzn-Trace-Id: Root=1-00000000-000000000000000000000000\r\n", "Origin: http://a.test\r\n",
    'If-None-Match: "1"\r\n', "Range: bytes=0-1\r\n", "Content-Type: text/plain\r\n",
)  # fmt: skip
VERBS: Final = ("GET", "GET", "GET", "GET", "HEAD", "POST", "OPTIONS", "DELETE")


def drawn(chance: random.Random) -> bytes:
    """Return a request; most have the headers of others."""
    verb, path = chance.choice(VERBS), chance.choice(PATHS)
    version = chance.choice(("1.1", "1.1", "1.1", "1.1", "1.0"))
    headers = "".join(chance.sample(HEADERS, chance.choice((0, 1, 1, 2))))
    lines = headers.splitlines(keepends=True)
    names = [line.partition(":")[0].lower() for line in lines]
    unique = "".join(line for line, name in zip(lines, names, strict=True) if names.count(name) < 2)
    content = "abc" if "Content-Length" in unique else ""
    host = chance.choice(HOSTS)
    return f"{verb} {path} HTTP/{version}\r\nHost: {host}\r\n{unique}\r\n{content}".encode(
        "latin-1"
    )


@functools.lru_cache(maxsize=20_000)
def first(data: bytes, *, is_server_timing: bool, index: int = 0) -> Answered:
    """Return what a gateway answers that was asked nothing before."""
    wire = Wire(is_server_timing=is_server_timing)
    wire.publish(index)
    return wire.ask(data)


@pytest.mark.parametrize("is_server_timing", [False, True])
@bounded(max_examples=20)
@given(chance=st.randoms(use_true_random=False))
def test_a_request_is_answered_as_if_it_were_the_first(
    is_server_timing: bool, chance: random.Random
) -> None:
    wire = Wire(is_server_timing=is_server_timing)
    requests = [drawn(chance) for _ in range(4)]
    for data in chance.choices(requests, k=12):
        assert wire.ask(data) == first(data, is_server_timing=is_server_timing), data


@bounded(max_examples=30)
@given(chance=st.randoms(use_true_random=False))
def test_a_release_is_served_at_once_on_connections_that_repeat_their_headers(
    chance: random.Random,
) -> None:
    wire = Wire(is_server_timing=False)
    # What a cache remembers outlives releases.
    requests = [data for data in (drawn(chance) for _ in range(6)) if b"/cached" not in data]
    for data in chance.choices(requests, k=16) if requests else ():
        index = chance.randrange(3)
        wire.publish(index)
        expected = first(data, is_server_timing=False, index=index)
        assert wire.ask(data) == expected, (data, index)


def _repeating(header: str, *paths: str) -> list[bytes]:
    host = "Host: one.test\r\n"
    return [f"GET {path} HTTP/1.1\r\n{host}{header}\r\n\r\n".encode() for path in paths]


_PATHS_OF_KEYS: Final = ("/v1/items/7", "/v1/items/8", "/v1/keyed")
REPEATING: Final = (
    _repeating(f"X-Api-Key: {KEY}", *_PATHS_OF_KEYS),
    _repeating("X-Api-Key: disabled-0123456789-", *_PATHS_OF_KEYS),
    _repeating("X-Api-Key: shadowed-0123456789-", *_PATHS_OF_KEYS),
    _repeating("X-Who: me", "/v1/mapped", "/v1/proxy/a", "/v1/mapped?x=1"),
)
"""Rows of requests with one header block, whose targets ask for different methods."""


@bounded(max_examples=30)
@given(
    requests=st.sampled_from(REPEATING),
    row=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=8),
)
def test_what_headers_opened_is_opened_by_release_and_method(
    requests: list[bytes], row: list[tuple[int, int]]
) -> None:
    wire = Wire(is_server_timing=False)
    for number, index in row:
        data = requests[number]
        wire.publish(index)
        assert wire.ask(data) == first(data, is_server_timing=False, index=index), (data, index)


@pytest.mark.parametrize("requests", REPEATING)
@pytest.mark.parametrize("index", range(3))
def test_methods_that_take_turns_ask_for_what_each_of_them_asks(
    requests: list[bytes], index: int
) -> None:
    wire = Wire(is_server_timing=False)
    wire.publish(index)
    for data in (*requests, *reversed(requests)):
        assert wire.ask(data) == first(data, is_server_timing=False, index=index), data
