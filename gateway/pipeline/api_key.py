"""API keys: whose request it is, and what its usage plan still lets through."""

from __future__ import annotations

from typing import Final

from multidict import istr

from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Exchange, UsageNote
from gateway.release.usage import digest_of_value
from gateway.snapshot.api_keys import CompiledKeys, KeyedMethod, Membership
from gateway.snapshot.compiled import CompiledMethod
from gateway.throttle import Meter, lacking, refusing
from gateway.throttle.usage_table import UsageCounter

API_KEY: Final = istr("x-api-key")


class _Admission:
    """How a key was let in to a method, under one release: what each such request has to pass."""

    __slots__ = ("counter", "edition", "is_shadow", "membership", "meters", "method", "note")

    def __init__(
        self,
        keys: CompiledKeys,
        keyed: KeyedMethod,
        method: CompiledMethod,
        membership: Membership,
        note: UsageNote,
    ) -> None:
        counter = membership.counter
        assert counter is not None  # noqa: S101 (`admit_key` looked)
        self.edition = keys.edition
        self.method = method
        self.membership = membership
        self.is_shadow = membership.is_shadow
        self.counter: UsageCounter = counter
        self.meters = membership.meters_of(keyed) + method.meters
        """The plan's first: narrowest first."""
        self.note = note


def admit_key(keys: CompiledKeys, keyed: KeyedMethod, exchange: Exchange) -> Membership:
    """Return the usage plan through which a request may call a method; note whose request it is.

    Raises:
        Fault: INVALID_API_KEY (AWS's 403 Forbidden) for a key that is missing, unknown or disabled,
            or that has the stage through no usage plan; API_CONFIGURATION_ERROR for one that the
            shared tables had no room for.
    """
    request = exchange.request
    value = request.fields.get(API_KEY)
    if not value:
        raise _forbidden("the method requires an API key, and x-api-key is missing")
    note = exchange.usage = UsageNote()
    note.api_key = value
    derived = request.derived
    digest = derived.key_digest
    if not digest:
        digest = derived.key_digest = digest_of_value(value)
    key = keys.find(digest)
    if key is None:
        raise _forbidden(f"API Key {masked(value)} is unknown, or in no usage plan")
    note.api_key_id = key.id
    if not key.is_enabled:
        raise _forbidden(f"API Key {masked(value)} ({key.id}) is disabled")
    membership = key.stages.get(keyed.stage)
    if membership is None:
        text = f"API Key {masked(value)} ({key.id}) is in no usage plan that has the stage"
        raise _forbidden(f"{text} {keyed.stage}")
    note.usage_plan_id = membership.plan.id
    if membership.counter is None:
        raise Fault(
            GatewayResponseType.API_CONFIGURATION_ERROR,
            detail="Execution failed due to configuration error: the shared tables have no room "
            f"for API Key {key.id} in Usage Plan {membership.plan.id}",
        )
    return membership


def meter_key(
    keys: CompiledKeys, keyed: KeyedMethod, method: CompiledMethod, exchange: Exchange
) -> None:
    """Check the key of a request, and take its tokens: plan, stage method, account; count it.

    Raises:
        Fault: as `admit_key`; QUOTA_EXCEEDED (429) when the plan's quota is spent, which will last
            longer and so is told before THROTTLED (429), when a bucket is empty. Then no bucket
            loses a token, and the quota none of its requests.
    """
    derived = exchange.request.derived
    admission: _Admission | None = derived.admission
    if admission is None or admission.method is not method or admission.edition is not keys.edition:
        admission = derived.admission = _admit(keys, keyed, method, exchange)
    exchange.usage = admission.note
    counter = admission.counter
    if admission.is_shadow:
        if _would_refuse(admission, keyed, method, exchange):
            return
    elif not counter.has_left(exchange.now):
        raise Fault(
            GatewayResponseType.QUOTA_EXCEEDED,
            source="client",
            detail=_exceeded(exchange, "quota", keyed, _quota_text(admission.membership)),
        )
    refused = refusing(admission.meters, exchange.now)
    if refused is None:
        counter.count()
    else:
        _refuse_key(admission, keyed, method, refused, exchange)


def _admit(
    keys: CompiledKeys, keyed: KeyedMethod, method: CompiledMethod, exchange: Exchange
) -> _Admission:
    membership = admit_key(keys, keyed, exchange)
    note = exchange.usage
    assert note is not None  # noqa: S101 (`admit_key` noted)
    return _Admission(keys, keyed, method, membership, note)


def _would_refuse(
    admission: _Admission, keyed: KeyedMethod, method: CompiledMethod, exchange: Exchange
) -> bool:
    """Note what a plan in shadow would have refused, if it would have.

    Raises:
        Fault: THROTTLED (429), for the stage method's and the account's buckets.
    """
    meters = admission.membership.meters_of(keyed)
    if not admission.counter.has_left(exchange.now):
        _note(exchange, GatewayResponseType.QUOTA_EXCEEDED)
    elif lacking(meters, exchange.now) is not None:
        _note(exchange, GatewayResponseType.THROTTLED)
    else:
        return False
    # As if it had been refused: what comes after is counted as it would be enforced.
    meter_stage(method, exchange)
    return True


def _refuse_key(
    admission: _Admission,
    keyed: KeyedMethod,
    method: CompiledMethod,
    refused: Meter,
    exchange: Exchange,
) -> None:
    """Refuse a request for an empty bucket of its plan, stage method or account; in shadow, note.

    Raises:
        Fault: THROTTLED (429), unless the bucket's throttle is in shadow.
    """
    membership = admission.membership
    is_of_plan = refused in membership.meters_of(keyed)
    if method.is_shadow or (admission.is_shadow and is_of_plan):
        _note(exchange, GatewayResponseType.THROTTLED)
        return
    detail = ""
    if is_of_plan:
        detail = _exceeded(exchange, "throttle", keyed, _throttle_text(membership, refused))
    raise Fault(GatewayResponseType.THROTTLED, source="client", detail=detail)


def meter_stage(method: CompiledMethod, exchange: Exchange) -> None:
    """Take a token from each bucket of the stage method and the account, narrowest first.

    Raises:
        Fault: THROTTLED (429) when one is empty; then no bucket loses a token.
    """
    if method.meters and refusing(method.meters, exchange.now) is not None:
        refuse_or_note(method, exchange)


def refuse_or_note(method: CompiledMethod, exchange: Exchange) -> None:
    """Refuse a request whose stage method or account has an empty bucket; in shadow, note it.

    Raises:
        Fault: THROTTLED (429), unless the throttles are in shadow.
    """
    if not method.is_shadow:
        raise Fault(GatewayResponseType.THROTTLED, source="client")
    _note(exchange, GatewayResponseType.THROTTLED)


def masked(value: str) -> str:
    """Return a key as logs may show it, in AWS's form."""
    return f"***{value[-6:]}" if len(value) >= 20 else "***"


def _note(exchange: Exchange, type_: GatewayResponseType) -> None:
    """Note what a throttle in shadow would have refused the request for: the first such."""
    shared = exchange.usage
    if shared is not None and shared.shadowed is not None:
        return
    note = exchange.usage = UsageNote()
    note.shadowed = type_
    if shared is not None:
        note.api_key = shared.api_key
        note.api_key_id = shared.api_key_id
        note.usage_plan_id = shared.usage_plan_id


def _exceeded(exchange: Exchange, what: str, keyed: KeyedMethod, why: str) -> str:
    """Return AWS's sentence for the execution log."""
    key = masked(exchange.usage.api_key if exchange.usage else "")
    stage = keyed.stage.replace(":", "/")
    return f"API Key {key} exceeded {what} limit for API Stage {stage}: {why}"


def _quota_text(membership: Membership) -> str:
    quota = membership.plan.quota
    limits = f". Limit: {quota.limit} Period: {quota.period}" if quota else ""
    return f"Key quota exhausted for Usage Plan ID {membership.plan.id}{limits}"


def _throttle_text(membership: Membership, meter: Meter) -> str:
    limits = f"Limit: {meter.rate:.2f} Burst: {meter.burst:.0f}"
    return f"Key throttle limit exceeded for Usage Plan ID {membership.plan.id}. {limits}"


def _forbidden(detail: str) -> Fault:
    return Fault(GatewayResponseType.INVALID_API_KEY, source="client", detail=detail)
