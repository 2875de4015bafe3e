"""Why a request goes where it goes: the stations of the pipeline, asked one by one. No I/O.

The answers are the pipeline's own (`locate`, the routes, the compiled integration), so that an
explanation cannot differ from what is served; only the sentences are made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from multidict import CIMultiDict

from gateway.cache import CachedResponses
from gateway.canary import choose_arm
from gateway.client_tls import ClientCertificate, ClientTls
from gateway.clock import IdMinter
from gateway.definitions.method_settings import ALL_METHODS, effective_setting, setting_key
from gateway.definitions.stage import MethodSetting
from gateway.driver import Pending
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
from gateway.pipeline.api_key import admit_key
from gateway.pipeline.authorize import authorize
from gateway.pipeline.health import HealthCheck
from gateway.pipeline.locate import locate
from gateway.pipeline.serve import NO_ROUTE
from gateway.release import (
    ACCOUNT_BUCKET,
    BASE_ARM,
    CANARY_ARM,
    Release,
    bucket_identity,
)
from gateway.release.usage import all_keys
from gateway.routing import Candidate, Guard, api_of_host, split_path_form
from gateway.server.head_check import refusal_of_head
from gateway.server.refusal import Refusal, RefusedError
from gateway.server.target import canonical_host
from gateway.settings import Limits
from gateway.snapshot.api_keys import CompiledKeys, KeyTables, Membership
from gateway.snapshot.compile import compile_release
from gateway.snapshot.compiled import (
    CompiledMethod,
    CompiledStage,
    Snapshot,
    Variant,
)
from gateway.snapshot.slices import finish
from gateway.snapshot.stage_binder import Binding
from gateway.throttle import BucketTable, bytes_needed
from gateway.throttle.usage_table import UNLIMITED, UsageTable, usage_bytes

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A token bucket that a request takes from."""

    identity: str
    """`account`, `{api}/{stage}{resource path}#{METHOD}`, or `plan {plan}, key {key}` with the
    method for which alone it is."""
    rate_limit: float
    """Requests per second."""
    burst_limit: float
    """Requests admitted at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmExplanation:
    """How one arm of a stage, base or canary, would answer."""

    arm: str
    """`base` or `canary`."""
    percent: float
    """Share of the stage's requests that take this arm, 0 to 100."""
    deployment_id: str
    stage_variables: Mapping[str, str]
    candidates: tuple[Candidate, ...]
    """Every method that was looked at, with what became of it."""
    winner: str | None = None
    """Verb and resource path of the method that serves, such as `GET /pets/{petId}`."""
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    setting: MethodSetting | None = None
    """Settings in effect; None: the stage has none for this method."""
    setting_key: str | None = None
    """The entry of `methodSettings` that they are from."""
    api_key: str | None = None
    """Whose key it is, and its plan, quota included; None: the method requires none, or the answer
    says why it is not let in."""
    buckets: tuple[Bucket, ...] = ()
    """In the order in which they are asked."""
    is_shadow: bool = False
    """Whether all of them only count what they would refuse."""
    integration: Mapping[str, str] = field(default_factory=dict)
    """The integration's own words: type, backend, what is buffered and why."""
    backend_request: str | None = None
    """Method and full address that the backend would be called with; None: no backend is called."""
    answer: str
    """A sentence that says what the client gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A request's way, as far as it goes."""

    http_method: str
    host: str
    path: str
    addressing: str
    """A sentence that says how host and path were read."""
    api_id: str | None = None
    stage: str | None = None
    base_path: str | None = None
    """Base path that matched, on a custom domain; `(none)` matches everything."""
    path_below_stage: str | None = None
    """What resources are matched against."""
    chosen_arm: str | None = None
    """`base` or `canary`, where the stage has a canary and this request's arm is certain."""
    arm_reason: str | None = None
    """Why it gets that arm, or that chance decides; None: the stage has no canary."""
    arms: tuple[ArmExplanation, ...] = ()
    answer: str | None = None
    """A sentence that says what the client gets when no stage is reached; else see the arms."""


_ASSUMED_CERTIFICATE: Final = ClientCertificate(
    pem="", subject_dn="", issuer_dn="", serial_number="", not_before="", not_after=""
)
"""Of a client that has what a domain asks for."""


class InvalidRequestError(Exception):
    """The request to explain is none; the message says what to write."""


class _Unsent(Exception):  # noqa: N818 (no error: it ends an invocation whose request is known)
    """Carries the request that a backend would get."""

    def __init__(self, request: IntegrationRequest) -> None:
        super().__init__()
        self.request = request


class _NoEndpoints:
    """Endpoints that send nothing."""

    async def send(self, request: IntegrationRequest) -> EndpointResponse:
        """Raise the request."""
        raise _Unsent(request)


def compile_alone(release: Release, body_bytes: int) -> Snapshot:
    """Compile a release in this process, with a bucket table of its own.

    `body_bytes` is the limit of `gateway.settings`.
    """
    table = _own_buckets(release.bucket_slots.values())
    slots = [each for key in all_keys(release.api_keys) for each in key.plans.values() if each]
    rows = max((row for row, *_ in slots), default=0) + 1
    usage = UsageTable(bytearray(usage_bytes(rows, 1)), rows, 1)
    for row in range(rows):
        usage.set_left(row, UNLIMITED)
    keys = KeyTables(
        buckets=_own_buckets(slot for _, *buckets in slots for slot in buckets), usage=usage
    )
    context = IntegrationContext(
        ids=IdMinter(),
        now=lambda: 0.0,
        body_bytes=body_bytes,
        cache=CachedResponses(0, lambda: 0.0),
    )
    binding = Binding(buckets=table, context=context, keys=keys)
    return finish(compile_release(release, None, binding))


def _own_buckets(slots: Iterable[int]) -> BucketTable:
    capacity = max(slots, default=0) + 1
    return BucketTable(bytearray(bytes_needed(capacity, 1)), capacity, workers=1, worker=0)


def request_of(http_method: str, url: str, headers: Iterable[str]) -> InvocationRequest:
    """Return the request that a command line names.

    `url` is an absolute URL or a path; headers are `Name: value`, and Host replaces the URL's.

    Raises:
        InvalidRequestError: one of them cannot be sent.
    """
    if not http_method.isascii() or not http_method.isalpha():
        raise InvalidRequestError(f"{http_method!r} is no HTTP method; write GET, POST, …")
    if not url.startswith("/") and not url.lower().startswith(("http://", "https://")):
        raise InvalidRequestError(f"{url!r} is no URL; write http://HOST/PATH, or /PATH")
    if not url.isascii() or any(character <= " " for character in url):
        raise InvalidRequestError(f"{url!r} has characters that must be percent-encoded")
    raw = tuple(_header(text) for text in headers)
    fields = CIMultiDict((name.decode(), value.decode("latin-1")) for name, value in raw)
    try:
        # A path may begin with two slashes, which would name a host.
        parts = urlsplit(url if not url.startswith("/") else f"http://localhost{url}")
        port = parts.port
    except ValueError as error:
        raise InvalidRequestError(f"{url!r} is no URL: {error}") from error
    authority = fields.get("Host") or parts.netloc.rpartition("@")[2]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        host, _ = canonical_host(authority)
    except RefusedError as error:
        raise InvalidRequestError(f"{authority!r} is no host; it would be answered 400") from error
    derived = Derived(
        host,
        raw if "Host" in fields else ((b"Host", authority.encode()), *raw),
        fields,
        source_ip="127.0.0.1",
        scheme=parts.scheme,
        port=port or _DEFAULT_PORTS[parts.scheme],
    )
    return InvocationRequest((http_method, target, parts.path or "/", parts.query), derived)


def explain(
    snapshot: Snapshot, release: Release, request: InvocationRequest, limits: Limits
) -> Explanation:
    """Follow a request through the edge and the stations of a release, up to the backend."""
    request.derived.tls = _assumed_tls(snapshot, request)
    exchange = _exchange(request)
    known = Explanation(
        http_method=request.method,
        host=request.host,
        path=request.path,
        addressing=_addressing(snapshot, request),
    )
    refused = refusal_of_head(request.method, request.target, request.headers, limits)
    if refused is not None:
        return replace(known, answer=_edge_refusal(refused))
    try:
        stage, path = locate(snapshot, exchange)
    except HealthCheck:
        return replace(known, answer="200, a health check: the gateway answers, and no API")
    except Fault as fault:
        return replace(known, base_path=exchange.base_path, answer=_refusal(fault))
    canary = stage.definition.canary_settings
    chosen_arm, reason = (None, None) if canary is None else choose_arm(canary, request)
    arms = tuple(
        _explain_arm(release, snapshot.api_keys, stage, arm, percent, variant, path, request)
        for arm, percent, variant in _arms(stage)
    )
    return replace(
        known,
        api_id=stage.api_id,
        stage=stage.definition.stage_name,
        base_path=exchange.base_path,
        path_below_stage=path,
        chosen_arm=chosen_arm,
        arm_reason=reason,
        arms=arms,
    )


def _explain_arm(
    release: Release,
    keys: CompiledKeys,
    stage: CompiledStage,
    arm: str,
    percent: float,
    variant: Variant,
    path: str,
    request: InvocationRequest,
) -> ArmExplanation:
    exchange = _exchange(request)
    exchange.scope = variant
    exchange.identity = variant.identity
    known = ArmExplanation(
        arm=arm,
        percent=percent,
        deployment_id=variant.identity.deployment_id,
        stage_variables=variant.identity.stage_variables,
        candidates=tuple(variant.routes.candidates(path, request.method)),
        answer="",
    )
    found = variant.routes.find(path, request.method)
    if found is None:
        why = f"no method for {request.method} {path}"
        return replace(known, answer=f"{NO_ROUTE.status} {NO_ROUTE.message}: {why}")
    index, exchange.path_parameters = found
    exchange.scope = method = variant.methods[index]
    identity = exchange.identity = method.identity
    settings = stage.definition.method_settings
    setting = effective_setting(settings, identity.resource_path, identity.http_method)
    own_key = setting_key(identity.resource_path, identity.http_method)
    membership, forbidden = _admit(keys, method, exchange)
    of_plan = tuple(_plan_buckets(membership, method))
    of_stage = tuple(_buckets(release, method, setting))
    enforced = of_stage if membership is not None and membership.is_shadow else of_plan + of_stage
    backend_request, answer = None, forbidden
    if not forbidden:
        backend_request, answer = _invoke(method, exchange, () if method.is_shadow else enforced)
    return replace(
        known,
        api_key=None if membership is None else _membership(membership),
        is_shadow=method.is_shadow,
        winner=f"{identity.http_method} {identity.resource_path}",
        path_parameters=dict(exchange.path_parameters),
        setting=setting,
        setting_key=None if setting is None else own_key if own_key in settings else ALL_METHODS,
        buckets=of_plan + of_stage,
        integration=method.integration.describe() if method.integration else {},
        backend_request=backend_request,
        answer=answer,
    )


def _admit(
    keys: CompiledKeys, method: CompiledMethod, exchange: Exchange
) -> tuple[Membership | None, str]:
    """Return the plan through which the request's key has the method, or what the client gets."""
    if method.keyed is None or method.integration is None:
        return None, ""
    try:
        return admit_key(keys, method.keyed, exchange), ""
    except Fault as fault:
        return None, _refusal(fault)


def _membership(membership: Membership) -> str:
    plan = membership.plan
    quota = plan.quota
    told = f"{membership.key_id}, usage plan {plan.id}"
    if quota is None:
        told += " without a quota"
    else:
        told += f", {quota.limit} requests a {quota.period.lower()}"
    return told + (" (in shadow: counted, not refused)" if membership.is_shadow else "")


def _plan_buckets(membership: Membership | None, method: CompiledMethod) -> Iterator[Bucket]:
    if membership is None or method.keyed is None:
        return
    meters = membership.meters_of(method.keyed)
    own = len(meters) - len(membership.own_meters)
    for index, meter in enumerate(meters):
        name = f"plan {membership.plan.id}, key {membership.key_id}"
        name += f", {method.keyed.throttle}" if index < own else ""
        yield Bucket(identity=name, rate_limit=meter.rate, burst_limit=meter.burst)


def _invoke(
    method: CompiledMethod, exchange: Exchange, buckets: tuple[Bucket, ...]
) -> tuple[str | None, str]:
    """Return the request that the backend would get, and a sentence on the answer."""
    blocked = next((one for one in buckets if not one.rate_limit or not one.burst_limit), None)
    if blocked is not None:
        return None, f"429: bucket {blocked.identity} has a limit of 0, which blocks"
    try:
        response = _at_once(method, exchange)
    except _Unsent as unsent:
        return _address(unsent.request), "what the backend answers"
    except Fault as fault:
        return None, _refusal(fault)
    return None, f"{response.status}, made by the gateway"


def _at_once(method: CompiledMethod, exchange: Exchange) -> InvocationResponse:
    """Invoke the integration; there is nothing to wait for without a body and a backend."""
    answer = authorize(method).invoke(exchange, _NoEndpoints())
    if isinstance(answer, InvocationResponse):
        return answer
    work = answer.wait() if isinstance(answer, Pending) else answer
    try:
        work.send(None)
    except StopIteration as stop:
        response: InvocationResponse = stop.value
        return response
    raise AssertionError("an invocation waited for something that is not there")


def _address(request: IntegrationRequest) -> str:
    origin = request.origin
    method, _, rest = request.head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    port = "" if _DEFAULT_PORTS.get(origin.scheme) == origin.port else f":{origin.port}"
    return f"{method} {origin.scheme}://{host}{port}{rest.rpartition(' ')[0]}"


def _buckets(
    release: Release, method: CompiledMethod, setting: MethodSetting | None
) -> Iterator[Bucket]:
    identity = method.identity
    if setting is not None:
        yield Bucket(
            identity=bucket_identity(
                identity.api_id, identity.stage, identity.resource_path, identity.http_method
            ),
            rate_limit=setting.throttling_rate_limit,
            burst_limit=setting.throttling_burst_limit,
        )
    if release.account_rate_limit is not None and release.account_burst_limit is not None:
        yield Bucket(
            identity=ACCOUNT_BUCKET,
            rate_limit=release.account_rate_limit,
            burst_limit=release.account_burst_limit,
        )


def _arms(stage: CompiledStage) -> Iterator[tuple[str, float, Variant]]:
    canary_percent = 0.0 if stage.canary is None else stage.canary_percent
    yield BASE_ARM, 100.0 - canary_percent, stage.base
    if stage.canary is not None:
        yield CANARY_ARM, canary_percent, stage.canary


def _addressing(snapshot: Snapshot, request: InvocationRequest) -> str:
    """Say how `locate` reads host and path, in its order."""
    domain = snapshot.domains.find(request.host)
    if domain is not None:
        found = domain.find(request.path)
        if found is None:
            return f"{request.host} is a custom domain, and none of its base paths matches"
        base_path, mapping, _ = found
        stage = "the next path segment" if mapping.stage == "(none)" else mapping.stage
        return (
            f"{request.host} is a custom domain{_demands(domain.guard)}; base path {base_path} "
            f"leads to API {mapping.rest_api_id}, stage {stage}"
        )
    api_id = api_of_host(request.host)
    if api_id is not None:
        return f"{request.host} names API {api_id}; the first path segment names the stage"
    form = split_path_form(request.path)
    if form is not None:
        return (
            f"the path names API {form[0]} and its stage; the host {request.host} does not matter"
        )
    return (
        f"{request.host} is no custom domain and names no API "
        "(https://API.execute-api.HOST/STAGE/… or /_aws/execute-api/API/STAGE/… would)"
    )


def _edge_refusal(refusal: Refusal) -> str:
    body = refusal.body.decode()
    return f"{refusal.status} {body}: refused by the edge ({refusal.reason}), before any API"


def _demands(guard: Guard | None) -> str:
    if guard is None:
        return ""
    certificate = " with a client certificate that its trust store accepts"
    return f" reached by TLS to that very name{certificate if guard.needs_certificate else ''} only"


def _assumed_tls(snapshot: Snapshot, request: InvocationRequest) -> ClientTls | None:
    """Return the TLS that an address with `https` stands for: all that its host asks for."""
    if request.scheme != "https":
        return None
    guard = snapshot.places[request.host].guard
    return ClientTls(
        server_name=request.host,
        version="TLSv1.3",
        cipher="",
        domain_name="" if guard is None else guard.domain_name,
        certificate=_ASSUMED_CERTIFICATE,
    )


def _refusal(fault: Fault) -> str:
    return f"{fault.status} {fault.message or fault.type}: {fault}"


def _exchange(request: InvocationRequest) -> Exchange:
    return Exchange(request=request, request_id="", extended_request_id="", now=0.0, epoch=0.0)


def _header(text: str) -> tuple[bytes, bytes]:
    name, colon, value = text.partition(":")
    if not colon or not name or not name.isascii() or any(each <= " " for each in name):
        raise InvalidRequestError(f"{text!r} is no header; write -H 'Name: value'")
    try:
        return name.encode(), value.strip().encode("latin-1")
    except UnicodeEncodeError as error:
        raise InvalidRequestError(f"header {name}: its value must be Latin-1") from error
