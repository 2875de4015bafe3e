"""Who gets the canary: a stage's percentage and a draw.

As on AWS every request draws for itself, so a client may see both deployments. Beyond AWS a stage
can be sticky: then the draw is a hash of who calls, salted with the canary's deployment, so that a
caller keeps its arm, a higher percentage only adds callers, and the next canary meets others first.
Nothing is remembered in either case.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Final, NamedTuple

import orjson

from gateway.definitions.stage import CanarySettings, Sticky, StickyBy
from gateway.messages import InvocationRequest

Draw = Callable[[InvocationRequest, float], float]
"""Returns the draw of a request, given a random number in [0, 1)."""

_FORCED: Final = {"canary": -1.0, "base": 1.0}
"""Draws that decide whatever the percentage is, by the value of the forcing header."""
_HASHES: Final = 2.0**64
_SALT_BYTES: Final = 64

_Caller = Callable[[InvocationRequest], str | None]


class ArmChoice(NamedTuple):
    """Which arm a request gets, for `explain`."""

    arm: str | None
    """`base` or `canary`; None: each such request draws for itself."""
    reason: str
    """Why, as a sentence's end. It names no caller: keys and claims are secrets."""


def takes_canary(percent: float, draw: float) -> bool:
    """Return whether a request goes to the canary.

    Args:
        percent: `canarySettings.percentTraffic`, 0 to 100: 0 is never, 100 always.
        draw: The request's random number in [0, 1).
    """
    return draw * 100.0 < percent


def compile_draw(canary: CanarySettings) -> Draw | None:
    """Return what draws for a request; None: its random number as it is."""
    caller = None if canary.sticky is None else _caller_of(canary.sticky)
    forcing = canary.force_header
    if caller is None and forcing is None:
        return None
    salt = _salt(canary)

    def draw(request: InvocationRequest, chance: float) -> float:
        if forcing is not None:
            forced = _FORCED.get(request.fields.get(forcing, ""))
            if forced is not None:
                return forced
        name = None if caller is None else caller(request)
        return chance if not name else draw_of_caller(salt, name)

    return draw


def choose_arm(canary: CanarySettings, request: InvocationRequest) -> ArmChoice:
    """Return which arm a request gets, and why."""
    percent = canary.percent_traffic
    forcing = canary.force_header
    if forcing is not None and (forced := request.fields.get(forcing, "")) in _FORCED:
        return ArmChoice(forced, f"the header {forcing} says so (forceHeader)")
    if 0.0 < percent < 100.0 and canary.sticky is not None:
        name = request.source_ip if canary.sticky.by is StickyBy.SOURCE_IP else canary.sticky.name
        by = f"{canary.sticky.by} {name}".rstrip()
        caller = _caller_of(canary.sticky)(request)
        if caller:
            draw = draw_of_caller(_salt(canary), caller)
            is_canary = takes_canary(percent, draw)
            side = "below" if is_canary else "not below"
            drawn = f"its caller (sticky by {by}) has the draw {draw * 100.0:.2f}"
            return ArmChoice("canary" if is_canary else "base", f"{drawn}, {side} {percent:g} %")
        return ArmChoice(None, f"it tells no caller (sticky by {by}), so it draws for itself")
    if percent <= 0.0:
        return ArmChoice("base", "percentTraffic is 0")
    if percent >= 100.0:
        return ArmChoice("canary", "percentTraffic is 100")
    return ArmChoice(None, "each request draws for itself")


def _salt(canary: CanarySettings) -> bytes:
    return canary.deployment_id.encode()[:_SALT_BYTES]


def draw_of_caller(salt: bytes, caller: str) -> float:
    """Return the draw in [0, 1) that a caller has for a canary; `salt` is at most 64 bytes."""
    text = caller.encode("utf-8", "surrogateescape")
    digest = hashlib.blake2b(text, digest_size=8, key=salt).digest()
    return int.from_bytes(digest) / _HASHES


def _caller_of(sticky: Sticky) -> _Caller:
    name = sticky.name
    match sticky.by:
        case StickyBy.HEADER:
            return lambda request: request.fields.get(name)
        case StickyBy.COOKIE:
            return lambda request: _cookie(request, name)
        case StickyBy.CLAIM:
            return lambda request: _claim(request.fields.get("Authorization", ""), name)
        case StickyBy.API_KEY:
            return lambda request: request.fields.get("x-api-key")
        case StickyBy.SOURCE_IP:
            return lambda request: request.source_ip


def _cookie(request: InvocationRequest, name: str) -> str | None:
    """Return the value of the first cookie of a name (RFC 6265 section 5.4)."""
    for header, value in request.headers:
        if header.lower() != b"cookie":
            continue
        for pair in value.decode("utf-8", "surrogateescape").split(";"):
            key, equals, text = pair.strip(" \t").partition("=")
            if equals and key == name:
                return text
    return None


def _claim(authorization: str, name: str) -> str | None:
    """Return a claim of a bearer token (RFC 7519), not verified; None when it has none."""
    scheme, _, token = authorization.partition(" ")
    parts = token.strip(" ").split(".")
    if scheme.lower() != "bearer" or len(parts) != len(("header", "claims", "signature")):
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    value = claims.get(name) if isinstance(claims, dict) else None
    return str(value) if isinstance(value, str | int) else None
