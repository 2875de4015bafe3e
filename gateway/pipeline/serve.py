"""The life of a request, station by station. `docs/life-of-a-request.md` tells the same story."""

from __future__ import annotations

from gateway.errors import Fault
from gateway.integrations.base import Answer, Endpoints
from gateway.messages import Exchange, InvocationResponse
from gateway.pipeline.authorize import authorize
from gateway.pipeline.health import HealthCheck, healthy
from gateway.pipeline.locate import locate
from gateway.pipeline.meter import meter
from gateway.pipeline.route import route
from gateway.pipeline.split import split
from gateway.snapshot.compiled import Snapshot


def serve(snapshot: Snapshot, exchange: Exchange, endpoints: Endpoints) -> Answer:
    """Carry one request from its stage to its answer; a station refuses by raising Fault.

    Returns:
        The answer, or the work of getting it; a Fault that this raises is for `refuse`, too.
    """
    try:
        stage, path = locate(snapshot, exchange)
        # Without a canary there is nothing to split, and no call to pay for.
        variant = stage.base if stage.canary is None else split(stage, exchange)
        exchange.scope = variant
        exchange.identity = variant.identity
        method = exchange.scope = route(variant, path, exchange)
        exchange.identity = method.identity
        integration = authorize(method)
        meter(snapshot, method, exchange)
        return integration.invoke(exchange, endpoints)
    except HealthCheck:
        return healthy()
    except Fault as fault:
        return refuse(snapshot, exchange, fault)


def refuse(snapshot: Snapshot, exchange: Exchange, fault: Fault) -> InvocationResponse:
    """Return the gateway response of a Fault: its stage's, or AWS's own before one was found."""
    exchange.fault = fault
    scope = exchange.scope
    responses = snapshot.gateway_responses if scope is None else scope.gateway_responses
    return responses[fault.type].render(fault, exchange)
