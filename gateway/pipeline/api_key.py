"""API keys: whose request it is, and what its usage plan still lets through."""

from __future__ import annotations

from typing import Final

from multidict import istr

from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Exchange, InvocationRequest, UsageNote
from gateway.release.usage import digest_of_value
from gateway.snapshot.api_keys import CompiledKeys, KeyedMethod, Membership
from gateway.snapshot.compiled import CompiledMethod
from gateway.throttle import Meter, lacking, refusing

API_KEY: Final = istr("x-api-key")
_SENT: Final = "x-api-key and its digest"
"""Under this key `InvocationRequest.derived` keeps them: hashing once for each connection."""


def admit_key(keys: CompiledKeys, keyed: KeyedMethod, exchange: Exchange) -> Membership:
    """Return the usage plan through which a request may call a method; note whose request it is.

    Raises:
        Fault: INVALID_API_KEY (AWS's 403 Forbidden) for a key that is missing, unknown or disabled,
            or that has the stage through no usage plan; API_CONFIGURATION_ERROR for one that the
            shared tables had no room for.
    """
    request = exchange.request
    sent: tuple[str, str] | None = request.derived.get(_SENT)
    if sent is None:
        sent = request.derived[_SENT] = _sent(request)
    note = exchange.usage = UsageNote()
    note.api_key = value = sent[0]
    key = keys.find(sent[1])
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
    membership = admit_key(keys, keyed, exchange)
    counter = membership.counter
    assert counter is not None  # noqa: S101 (`admit_key` looked)
    meters = membership.meters_of(keyed)
    now = exchange.now
    if membership.is_shadow:
        would_refuse = _would_refuse(membership, meters, now)
        if would_refuse is not None:
            _note(exchange, would_refuse)
            # As if it had been refused: what comes after is counted as it would be enforced.
            meter_stage(method, exchange)
            return
    elif not counter.has_left():
        raise Fault(
            GatewayResponseType.QUOTA_EXCEEDED,
            source="client",
            detail=_exceeded(exchange, "quota", keyed, _quota_text(membership)),
        )
    refused = refusing(meters + method.meters, now)
    if refused is None:
        counter.count()
    elif method.is_shadow or (membership.is_shadow and refused in meters):
        _note(exchange, GatewayResponseType.THROTTLED)
    elif refused in meters:
        detail = _exceeded(exchange, "throttle", keyed, _throttle_text(membership, refused))
        raise Fault(GatewayResponseType.THROTTLED, source="client", detail=detail)
    else:
        raise Fault(GatewayResponseType.THROTTLED, source="client")


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


def _sent(request: InvocationRequest) -> tuple[str, str]:
    """Return the key that a request bears, and its digest.

    Raises:
        Fault: INVALID_API_KEY when it bears none.
    """
    value = request.fields.get(API_KEY)
    if not value:
        raise _forbidden("the method requires an API key, and x-api-key is missing")
    return value, digest_of_value(value)


def _note(exchange: Exchange, type_: GatewayResponseType) -> None:
    note = exchange.usage
    if note is None:
        note = exchange.usage = UsageNote()
    if note.shadowed is None:
        note.shadowed = type_


def _would_refuse(
    membership: Membership, meters: tuple[Meter, ...], now: float
) -> GatewayResponseType | None:
    if membership.counter is not None and not membership.counter.has_left():
        return GatewayResponseType.QUOTA_EXCEEDED
    return None if lacking(meters, now) is None else GatewayResponseType.THROTTLED


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
