"""securityPolicy and endpointAccessMode: how they go together, and what an API cannot have."""

from __future__ import annotations

from typing import Final

from gateway.errors import bad_request

ENHANCED: Final = "SecurityPolicy_"
"""How the names of the security policies begin that go with an endpoint access mode."""


def check_access_mode(security_policy: str | None, endpoint_access_mode: str | None) -> None:
    """Check that an access mode is there with an enhanced policy, and only then.

    Raises:
        ControlError: (BadRequestException) it is not.
    """
    is_enhanced = (security_policy or "").startswith(ENHANCED)
    if is_enhanced and endpoint_access_mode is None:
        raise bad_request(f"endpointAccessMode is required with {security_policy}")
    if endpoint_access_mode is not None and not is_enhanced:
        name = security_policy or "the default securityPolicy"
        raise bad_request(f"endpointAccessMode cannot be used with {name}")


def refuse_enhanced_api(security_policy: str | None, endpoint_access_mode: str | None) -> None:
    """Refuse an API whose clients would have to come over TLS of a kind: that is not enforced.

    When it is made or changed, and when it is deployed: a store may have one from before.

    Raises:
        ControlError: (BadRequestException) it asks for it.
    """
    check_access_mode(security_policy, endpoint_access_mode)
    if (security_policy or "").startswith(ENHANCED):
        raise bad_request(
            f"The securityPolicy {security_policy} is not supported for an API: it would be served "
            "without it. Choose TLS_1_0 or TLS_1_2, and protect a domain name instead"
        )
