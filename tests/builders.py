"""Tiny builders: a request, an API, a served snapshot, and fakes for what the pipeline calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from multidict import CIMultiDict

from gateway.cache import CachedResponses
from gateway.clock import IdMinter
from gateway.definitions.domain import BasePathMapping, DomainName
from gateway.definitions.integration import Integration, IntegrationResponse, IntegrationType
from gateway.definitions.method_settings import materialise
from gateway.definitions.rest_api import (
    ApiDefinition,
    Method,
    MethodResponse,
    Resource,
    RestApi,
)
from gateway.definitions.stage import Deployment, MethodSetting, Stage
from gateway.definitions.usage_plan import UsageDefinitions
from gateway.driver import Drive, Pending
from gateway.errors import Fault
from gateway.integrations.base import IntegrationContext
from gateway.messages import (
    Derived,
    EndpointResponse,
    Exchange,
    IntegrationRequest,
    InvocationRequest,
    InvocationResponse,
)
from gateway.pipeline import Service, TimedService
from gateway.release import (
    ACCOUNT_BUCKET,
    NO_METHOD_BLOCK,
    Release,
    required_blocks,
    required_buckets,
)
from gateway.release.encode import encode_deployment
from gateway.release.recorded import read_deployment
from gateway.release.release import identity_api
from gateway.release.slots import JoinedSlots
from gateway.release.usage import all_keys
from gateway.reload.usage import UsageState
from gateway.snapshot import (
    Binding,
    CompiledDeployment,
    Snapshot,
    SnapshotCell,
    compile_release,
    finish,
)
from gateway.snapshot.api_keys import KeyTables
from gateway.snapshot.deployments import compile_recorded
from gateway.streams import BodyStream
from gateway.telemetry.metrics import WorkerMetrics, segment_bytes
from gateway.throttle import BucketTable, bytes_needed
from gateway.throttle.usage_table import UNLIMITED, UsageTable, usage_bytes

BLOCKS = 64
BUCKETS = 64

NOTHING = Release(revision=0, digest="", region="", account="")
"""What a worker serves before its first release."""


@dataclass
class FakeClock:
    """A clock that tests move."""

    time: float = 1000.0

    def now(self) -> float:
        return self.time

    def epoch(self) -> float:
        return 1_700_000_000.0 + self.time


@dataclass
class FakeLogs:
    """Log lines by destination."""

    lines: dict[str, list[bytes]] = field(default_factory=dict)

    def write(self, destination: str, line: bytes) -> None:
        self.lines.setdefault(destination, []).append(line)


Answer = Callable[[IntegrationRequest], EndpointResponse]


@dataclass
class FakeEndpoints:
    """A backend that is a function; what it was sent is kept."""

    answer: Answer = lambda _request: EndpointResponse(200, [], b"{}")
    requests: list[IntegrationRequest] = field(default_factory=list)

    async def send(self, request: IntegrationRequest) -> EndpointResponse:
        self.requests.append(request)
        return self.answer(request)

    def head(self, index: int = -1) -> list[str]:
        """Return the lines of the head that a request had."""
        return self.requests[index].head.decode().split("\r\n")[:-1]


class FakeProducer:
    """A connection that a body is read from; it only notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause_body(self) -> None:
        self.calls.append("pause")

    def resume_body(self) -> None:
        self.calls.append("resume")

    def abandon_body(self) -> None:
        self.calls.append("abandon")


def body(*chunks: bytes, is_complete: bool = True, length: int | None = None) -> BodyStream:
    """Return a client's body."""
    stream = BodyStream(FakeProducer(), length)
    for chunk in chunks:
        stream.feed(chunk)
    if is_complete:
        stream.finish()
    return stream


def request(
    method: str = "GET",
    target: str = "/dev/pets",
    *,
    host: str = "shop.execute-api.local",
    headers: Mapping[str, str] | None = None,
    content: BodyStream | None = None,
) -> InvocationRequest:
    """Return what a client sent."""
    path, _, query = target.partition("?")
    pairs = [("Host", host), *(headers or {}).items()]
    derived = Derived(
        host,
        tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs),
        CIMultiDict(pairs),
        source_ip="192.0.2.7",
        port=8080,
    )
    return InvocationRequest((method, target, path, query), derived, content)


def mock(status: int = 200, template: str = "", **parameters: str) -> Integration:
    """Return a MOCK integration that answers `status` with `template` as JSON."""
    response = IntegrationResponse(
        response_parameters={
            f"method.response.header.{name}": value for name, value in parameters.items()
        },
        response_templates={"application/json": template},
    )
    return Integration(
        type=IntegrationType.MOCK,
        request_templates={"application/json": f'{{"statusCode": {status}}}'},
        integration_responses={str(status): response},
    )


def proxy(uri: str = "http://backend.test:9000/", **fields: object) -> Integration:
    """Return an HTTP_PROXY integration."""
    return Integration(type=IntegrationType.HTTP_PROXY, uri=uri, **fields)  # type: ignore[arg-type]


def declared(integration: Integration) -> Method:
    """Return a method that declares the parameters and the answers of its integration."""
    sources = [
        value.replace(".multivalue", ".") for value in integration.request_parameters.values()
    ]
    return Method(
        integration=integration,
        request_parameters={
            source: False
            for source in sources
            if source.startswith("method.request.") and ".body" not in source
        },
        method_responses={
            status: MethodResponse(
                response_parameters=dict.fromkeys(response.response_parameters, False)
            )
            for status, response in integration.integration_responses.items()
        },
    )


def api(
    resources: Mapping[str, Mapping[str, Integration | Method]], **fields: object
) -> ApiDefinition:
    """Return an API: path to verb to an integration or a whole method."""
    rest_api = fields.pop("rest_api", RestApi(name="Shop"))
    return ApiDefinition(
        rest_api=rest_api,  # type: ignore[arg-type]
        resources=tuple(
            Resource(
                path=path,
                methods={
                    verb: one if isinstance(one, Method) else declared(one)
                    for verb, one in methods.items()
                },
            )
            for path, methods in resources.items()
        ),
        **fields,  # type: ignore[arg-type]
    )


def settings(**partial: Mapping[str, object]) -> dict[str, MethodSetting]:
    """Return complete method settings; `all_` stands for `*/*`, `pets__GET` for `pets/GET`."""
    named = {
        "*/*" if key == "all_" else key.replace("__", "/"): value for key, value in partial.items()
    }
    return materialise(named, "methodSettings", [])


def release(
    definition: ApiDefinition | Mapping[str, ApiDefinition],
    *stages: Stage,
    domains: tuple[DomainName, ...] = (),
    revision: int = 1,
    account: tuple[float, int] | None = None,
    usage: UsageDefinitions | None = None,
    is_shadow: bool = False,
    cache_flushes: Mapping[str, int] | None = None,
) -> Release:
    """Return a release of API `shop`; several definitions are deployments by their key."""
    definitions = {"d1": definition} if isinstance(definition, ApiDefinition) else definition
    deployments = {
        key: Deployment(id=key, api_id="shop", definition=one) for key, one in definitions.items()
    }
    by_name = {stage.stage_name: stage for stage in stages or (Stage(stage_name="dev"),)}
    named = {
        "shop": {
            name: stage if stage.deployment_id else _pointing(stage, next(iter(deployments)))
            for name, stage in by_name.items()
        }
    }
    buckets = [ACCOUNT_BUCKET, *required_buckets(named, deployments)]
    blocks = ["", *required_blocks(named, deployments)]
    made = Release(
        revision=revision,
        digest=f"digest-{revision}",
        region="eu-test-1",
        account="123456789012",
        stages=named,
        deployments=deployments,
        domains=domains,
        bucket_slots={identity: index for index, identity in enumerate(buckets)},
        metric_slots={identity: index for index, identity in enumerate(blocks)},
        cache_flushes=cache_flushes or {},
        account_rate_limit=account[0] if account else None,
        account_burst_limit=account[1] if account else None,
        throttle_shadow=is_shadow,
    )
    if usage is None:
        return made
    state = UsageState(made, BUCKETS, BUCKETS)
    state.hold_stored(usage)
    return state.put_into(made)


def _pointing(stage: Stage, deployment_id: str) -> Stage:
    names = [name for name in Stage.__dataclass_fields__ if name != "deployment_id"]
    return Stage(deployment_id=deployment_id, **{name: getattr(stage, name) for name in names})


def domain(name: str, **paths: str) -> DomainName:
    """Return a domain: base path (`none` for `(none)`, `_` for `/`) to `stage` of `shop`."""
    return DomainName(
        domain_name=name,
        base_path_mappings=tuple(
            BasePathMapping(
                base_path="(none)" if path == "none" else path.replace("_", "/"),
                rest_api_id="shop",
                stage=stage,
            )
            for path, stage in paths.items()
        ),
    )


def key_tables(rows: int = BUCKETS) -> KeyTables:
    """Return shared memory of API keys for one worker; without a ceiling nobody is let in."""
    return KeyTables(
        buckets=BucketTable(memoryview(bytearray(bytes_needed(rows, 1))), rows, 1, 0),
        usage=UsageTable(memoryview(bytearray(usage_bytes(rows, 1))), rows, 1),
    )


def compiled_late(
    deployment: Deployment, earlier: CompiledDeployment | None = None
) -> CompiledDeployment:
    """Return a deployment whose methods are compiled when they are called, as workers hold it."""
    recorded = finish(read_deployment(encode_deployment(deployment)))
    return finish(compile_recorded(recorded, earlier))


def joined(reserved: str, slots: Mapping[str, int]) -> JoinedSlots:
    """Return slots as workers hold them."""
    by_api: dict[str, dict[str, int]] = {}
    for identity, index in slots.items():
        if identity != reserved:
            by_api.setdefault(identity_api(identity), {})[identity] = index
    made = JoinedSlots(reserved)
    for api_id, own in by_api.items():
        made.add(api_id, own)
    return made


class World:
    """A served release with fakes around it: `ask` answers a request, with no socket anywhere."""

    def __init__(
        self, served: Release, *, is_server_timing: bool = False, buckets: int = BUCKETS
    ) -> None:
        self.served = served
        self.clock = FakeClock()
        self.logs = FakeLogs()
        self.endpoints = FakeEndpoints()
        self.metrics = WorkerMetrics(memoryview(bytearray(segment_bytes(BLOCKS))).cast("d"))
        self.drawn = 0.5
        ids = IdMinter()
        table = BucketTable(memoryview(bytearray(bytes_needed(buckets, 1))), buckets, 1, 0)
        context = IntegrationContext(
            ids=ids,
            now=self.clock.now,
            body_bytes=1000,
            cache=CachedResponses(100_000, self.clock.now, self.metrics.count_cache),
        )
        keys = key_tables(buckets)
        self.usage = keys.usage
        self.binding = Binding(buckets=table, context=context, keys=keys)
        for key in all_keys(served.api_keys):
            for plan_id, (row, *_) in key.plans.items():
                quota = served.usage_plans[plan_id].quota
                self.usage.set_left(row, quota.limit if quota else UNLIMITED)
        self.cell = SnapshotCell(self.compiled(served))
        self.service = (TimedService if is_server_timing else Service)(
            cell=self.cell,
            endpoints=self.endpoints,
            metrics=self.metrics,
            logs=self.logs,
            clock=self.clock,
            draw=lambda: self.drawn,
            ids=ids,
        )

    def compiled(self, served: Release, previous: Snapshot | None = None) -> Snapshot:
        """Compile a release as workers do: methods are recorded, slots are held by API."""
        before = previous or finish(compile_release(NOTHING, None, self.binding))
        deployments: dict[str, CompiledDeployment] = {}
        newest = {
            each.recorded.deployment.api_id: each
            for each in before.deployments.values()
            if each.recorded is not None
        }
        for id_, deployment in served.deployments.items():
            made = before.deployments.get(id_) or compiled_late(
                deployment, newest.get(deployment.api_id)
            )
            deployments[id_] = newest[deployment.api_id] = made
        served = replace(
            served,
            bucket_slots=joined(ACCOUNT_BUCKET, served.bucket_slots),
            metric_slots=joined(NO_METHOD_BLOCK, served.metric_slots),
        )
        return finish(
            compile_release(served, replace(before, deployments=deployments), self.binding)
        )

    def publish(self, served: Release) -> None:
        self.cell.current = self.compiled(served, self.cell.current)

    def ask(
        self,
        method: str = "GET",
        target: str = "/dev/pets",
        *,
        host: str = "shop.execute-api.local",
        headers: Mapping[str, str] | None = None,
        content: BodyStream | None = None,
    ) -> tuple[Exchange, InvocationResponse]:
        """Carry one request from its begin to its record."""
        exchange = self.service.open(
            request(method, target, host=host, headers=headers, content=content)
        )
        answers: list[InvocationResponse] = []
        errors: list[BaseException] = []
        answer = self.service.answer(exchange)
        if isinstance(answer, InvocationResponse):
            answers.append(answer)
        elif isinstance(answer, Pending):
            answer.start(answers.append, errors.append)
        else:
            Drive(answer, answers.append, errors.append).step()
        if errors and isinstance(errors[0], Fault):
            answers.append(self.service.refuse(exchange, errors[0]))
        elif errors:
            raise errors[0]
        response = answers[0]
        exchange.status = response.status
        exchange.response_latency = self.clock.now() - exchange.now
        self.service.record(exchange)
        return exchange, response

    def status(self, method: str = "GET", target: str = "/dev/pets", **how: object) -> int:
        return self.ask(method, target, **how)[1].status  # type: ignore[arg-type]
