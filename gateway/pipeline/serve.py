"""The life of a request, station by station. `docs/life-of-a-request.md` tells the same story."""

from __future__ import annotations

from gateway.integrations.base import Endpoints
from gateway.messages import Exchange, InvocationResponse
from gateway.pipeline.authorize import authorize
from gateway.pipeline.locate import locate
from gateway.pipeline.meter import meter
from gateway.pipeline.route import route
from gateway.pipeline.split import split
from gateway.snapshot.compiled import Snapshot


async def serve(snapshot: Snapshot, exchange: Exchange, endpoints: Endpoints) -> InvocationResponse:
    """Carry one request from its stage to its answer; refuse by raising Fault."""
    stage, path = locate(snapshot, exchange)
    variant = exchange.scope = split(stage, exchange)
    exchange.identity = variant.identity
    method = exchange.scope = route(variant, path, exchange)
    exchange.identity = method.identity
    integration = authorize(method)
    meter(method, exchange)
    return await integration.invoke(exchange, endpoints)
