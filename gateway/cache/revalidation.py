"""What a client that asks for a fresh answer gets (semantics sheet 6.4).

`Cache-Control: max-age=0` asks the gateway to bypass the cache and to refresh the entry. Who may:
everyone where a method does not require authorization for it; else only callers with
`execute-api:InvalidateCache`, whom nothing can name yet, so nobody.
"""

from __future__ import annotations

from enum import Enum

from gateway.definitions.stage import CacheControlStrategy, MethodSetting


class Revalidation(Enum):
    """What a request to bypass the cache leads to."""

    HEEDED = "heeded"
    """The integration is asked, and the entry replaced."""
    REFUSED = "refused"
    """403."""
    IGNORED_WITH_WARNING = "ignored with a Warning header"
    IGNORED = "ignored"


def revalidation_of(setting: MethodSetting) -> Revalidation:
    """Return what a method's setting makes of such requests, by callers without authorization."""
    if not setting.require_authorization_for_cache_control:
        return Revalidation.HEEDED
    match setting.unauthorized_cache_control_header_strategy:
        case CacheControlStrategy.FAIL_WITH_403:
            return Revalidation.REFUSED
        case CacheControlStrategy.SUCCEED_WITH_RESPONSE_HEADER:
            return Revalidation.IGNORED_WITH_WARNING
        case CacheControlStrategy.SUCCEED_WITHOUT_RESPONSE_HEADER:
            return Revalidation.IGNORED


def asks_for_fresh(cache_control: str) -> bool:
    """Whether a Cache-Control value has `max-age=0` (RFC 9111 section 5.2.1.1)."""
    return any(
        directive.replace(" ", "").replace('"', "").lower() == "max-age=0"
        for directive in cache_control.split(",")
    )
