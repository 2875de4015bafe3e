"""Which method of a variant serves a request."""

from __future__ import annotations

from gateway.messages import Exchange
from gateway.snapshot.compiled import CompiledMethod, Variant


def route(variant: Variant, path: str, exchange: Exchange) -> CompiledMethod | None:
    """Return the method for a path below the stage; note the path parameters.

    None: there is no such path or verb, for which the answer is AWS's 403, `serve.NO_ROUTE`.
    """
    found = variant.routes.find(path, exchange.request.method)
    if found is None:
        return None
    index, exchange.path_parameters = found
    return variant.methods[index]
