"""One TestInvokeMethod: the working copy's method, carried through the data plane's own stations.

Routing, mapping, backend and answer are those of the pipeline. Authorizers, keys and throttles are
skipped, as by AWS; what else is not enforced yet answers 500 here too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from multidict import CIMultiDict

from gateway.cache import CachedResponses
from gateway.clock import Clock, IdMinter
from gateway.definitions.client_certificate import ClientCertificate
from gateway.definitions.rest_api import ApiDefinition, AuthorizationType, Method
from gateway.definitions.stage import Deployment, Stage
from gateway.errors import Fault
from gateway.integrations.backend import whole_answer
from gateway.integrations.base import Endpoints, IntegrationContext
from gateway.messages import (
    Derived,
    EndpointResponse,
    Exchange,
    IntegrationRequest,
    InvocationRequest,
    InvocationResponse,
    RawHeaders,
)
from gateway.pipeline.authorize import authorize
from gateway.release import ACCOUNT_BUCKET, Release
from gateway.snapshot.compile import compile_release
from gateway.snapshot.compiled import CompiledMethod, Variant
from gateway.snapshot.slices import finish
from gateway.snapshot.stage_binder import Binding
from gateway.streams import BodyStream
from gateway.telemetry.invocation_log import EndpointTrace, invocation_log
from gateway.throttle import BucketTable, bytes_needed

STAGE: Final = "test-invoke-stage"
"""The stage that `$context` names."""

_DEPLOYMENT: Final = "test-invoke"


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodTest:
    """What is to be tested, checked and bounded."""

    definition: ApiDefinition
    """The API with the method's resource alone."""
    api_id: str
    region: str
    account: str
    resource_path: str
    http_method: str
    """The method as the resource defines it: a verb or ANY."""
    verb: str
    """Verb of the request."""
    target: str
    """Path and query."""
    headers: RawHeaders = ()
    body: bytes = b""
    stage_variables: dict[str, str] = field(default_factory=dict)
    source_ip: str = ""
    client_certificate: ClientCertificate | None = None
    """What HTTPS backends are shown."""


class _Request:
    """Nobody feeds this body: all of it is there."""

    def pause_body(self) -> None: ...
    def resume_body(self) -> None: ...
    def abandon_body(self) -> None: ...


class _Recorder:
    """Endpoints that remember what passed; answers are read to their end."""

    def __init__(self, endpoints: Endpoints, body_bytes: int) -> None:
        self._endpoints = endpoints
        self._body_bytes = body_bytes
        self.trace: EndpointTrace | None = None

    async def send(self, request: IntegrationRequest) -> EndpointResponse:
        body = request.body if isinstance(request.body, bytes) else b""
        trace = self.trace = EndpointTrace(header_lines(request.head.partition(b"\r\n")[2]), body)
        response = await self._endpoints.send(request)
        trace.answer_headers = tuple(response.headers)
        trace.answer_body = response.body = await whole_answer(response.body, self._body_bytes)
        return response


async def run_test(
    test: MethodTest,
    *,
    endpoints: Endpoints,
    vpc_links: Mapping[str, tuple[str, ...]],
    body_bytes: int,
    ids: IdMinter,
    clock: Clock,
) -> dict[str, Any]:
    """Return what TestInvokeMethod answers: status, body, headers, log, latency.

    `vpc_links` says where they lead, by id or ARN, as a release does.
    Awaits what `driver.Drive` can wait for, and nothing else.
    """
    context = IntegrationContext(
        ids=ids, now=clock.now, body_bytes=body_bytes, cache=CachedResponses(0, clock.now)
    )
    variant, method = _compiled(test, vpc_links, context)
    exchange = _exchange(test, ids, clock)
    exchange.scope, exchange.identity = method, method.identity
    found = variant.routes.find(exchange.request.path, test.verb)
    if found is not None:
        exchange.path_parameters = found[1]
    recorder = _Recorder(endpoints, body_bytes)
    try:
        answer = authorize(method).invoke(exchange, recorder)
        response = answer if isinstance(answer, InvocationResponse) else await answer
        body = await whole_answer(response.body, body_bytes)
    except Fault as fault:
        exchange.fault = fault
        response = method.gateway_responses[fault.type].render(fault, exchange)
        body = await whole_answer(response.body, body_bytes)
    exchange.status = response.status
    exchange.response_length = len(body)
    exchange.response_latency = clock.now() - exchange.now
    headers = _shown_headers(response, exchange.fault)
    by_name: dict[str, list[str]] = {}
    for name, value in headers:
        by_name.setdefault(name.decode("latin-1"), []).append(value.decode("utf-8", "replace"))
    return {
        "status": response.status,
        "body": body.decode("utf-8", "replace"),
        "headers": {name: values[-1] for name, values in by_name.items()},
        "multiValueHeaders": by_name,
        "log": invocation_log(exchange, test.body, recorder.trace, (headers, body)),
        "latency": round(exchange.response_latency * 1000),
    }


def timed_out(seconds: float) -> dict[str, Any]:
    """Return the answer of a test that was given up."""
    return {
        "status": 504,
        "body": json.dumps({"message": "Endpoint request timed out"}),
        "headers": {"x-amzn-ErrorType": "InternalServerErrorException"},
        "multiValueHeaders": {"x-amzn-ErrorType": ["InternalServerErrorException"]},
        "log": f"Execution failed: the test was given up after {seconds:g} s\n",
        "latency": round(seconds * 1000),
    }


def header_lines(head: bytes) -> RawHeaders:
    """Return the header lines of a head as pairs."""
    pairs = (line.partition(b":") for line in head.split(b"\r\n") if line)
    return tuple((name, value.strip()) for name, _, value in pairs)


def _compiled(
    test: MethodTest, vpc_links: Mapping[str, tuple[str, ...]], context: IntegrationContext
) -> tuple[Variant, CompiledMethod]:
    deployment = Deployment(
        id=_DEPLOYMENT, api_id=test.api_id, definition=_unguarded(test.definition)
    )
    shown = test.client_certificate
    certificates = {} if shown is None else {shown.client_certificate_id: shown}
    stage = Stage(
        stage_name=STAGE,
        deployment_id=_DEPLOYMENT,
        variables=test.stage_variables,
        client_certificate_id=None if shown is None else shown.client_certificate_id,
    )
    release = Release(
        revision=1,
        digest="",
        region=test.region,
        account=test.account,
        stages={test.api_id: {STAGE: stage}},
        deployments={_DEPLOYMENT: deployment},
        client_certificates=certificates,
        vpc_links=vpc_links,
        bucket_slots={ACCOUNT_BUCKET: 0},
    )
    buckets = BucketTable(bytearray(bytes_needed(1, 1)), 1, 1, 0)
    snapshot = finish(compile_release(release, None, Binding(buckets=buckets, context=context)))
    variant = snapshot.apis[test.api_id][STAGE].base
    for method in variant.methods:
        if (method.identity.resource_path, method.identity.http_method) == (
            test.resource_path,
            test.http_method,
        ):
            return variant, method
    raise AssertionError("the definition of a test holds its method")


def _unguarded(definition: ApiDefinition) -> ApiDefinition:
    """Return the definition without what a test skips."""
    return replace(
        definition,
        rest_api=replace(definition.rest_api, policy=None),
        resources=tuple(
            replace(
                resource,
                methods={verb: _open(method) for verb, method in resource.methods.items()},
            )
            for resource in definition.resources
        ),
    )


def _open(method: Method) -> Method:
    return replace(
        method,
        authorization_type=AuthorizationType.NONE,
        authorizer_id=None,
        authorization_scopes=(),
        api_key_required=False,
    )


def _exchange(test: MethodTest, ids: IdMinter, clock: Clock) -> Exchange:
    path, _, query = test.target.partition("?")
    headers = [
        (name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
        for name, value in test.headers
    ]
    fields = CIMultiDict(headers)
    body = None
    if test.body:
        body = BodyStream(_Request(), len(test.body))
        body.feed(test.body)
        body.finish()
    host = f"{test.api_id}.execute-api.{test.region}.amazonaws.com"
    derived = Derived(
        fields.get("Host", host).lower(),
        test.headers,
        fields,
        source_ip=test.source_ip,
        scheme="https",
        port=443,
    )
    request = InvocationRequest((test.verb, test.target, path, query), derived, body)
    request_id, extended_id, lines = ids.request_ids()
    exchange = Exchange(
        request,
        request_id,
        extended_id,
        clock.now(),
        clock.epoch(),
        lines,
    )
    exchange.context_path = path
    return exchange


def _shown_headers(response: InvocationResponse, fault: Fault | None) -> RawHeaders:
    """Return the answer's headers; of a refusal AWS does not show the content type."""
    headers = header_lines(response.head)
    if fault is None:
        return headers
    return tuple((name, value) for name, value in headers if name.lower() != b"content-type")
