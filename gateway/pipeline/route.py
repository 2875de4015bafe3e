"""Which method of a variant serves a request."""

from __future__ import annotations

from gateway.errors import Fault, GatewayResponseType
from gateway.messages import Exchange
from gateway.snapshot.compiled import CompiledMethod, Variant


def route(variant: Variant, path: str, exchange: Exchange) -> CompiledMethod:
    """Return the method for a path below the stage; note the path parameters.

    Raises:
        Fault: MISSING_AUTHENTICATION_TOKEN, AWS's 403 for a path or verb that is not there.
    """
    found = variant.routes.find(path, exchange.request.method)
    if found is None:
        raise Fault(
            GatewayResponseType.MISSING_AUTHENTICATION_TOKEN,
            source="client",
            detail=f"no method for {exchange.request.method} {path}",
        )
    index, exchange.path_parameters = found
    return variant.methods[index]
