"""The life of a request, station by station. `docs/life-of-a-request.md` tells the same story."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.errors import Fault, GatewayResponseType
from gateway.integrations.base import Answer, Endpoints
from gateway.messages import Exchange, InvocationResponse
from gateway.pipeline.api_key import meter_key
from gateway.pipeline.authorize import authorize
from gateway.pipeline.health import HealthCheck, healthy
from gateway.pipeline.locate import locate
from gateway.pipeline.meter import meter
from gateway.pipeline.split import split
from gateway.snapshot.cell import SnapshotCell
from gateway.snapshot.compiled import Scope, Snapshot

NO_ROUTE: Final = Fault(GatewayResponseType.MISSING_AUTHENTICATION_TOKEN, source="client")
"""For a path or verb that is not there. Never raised: strangers' scans are answered with it."""


class Stations:
    """Carries requests from their stage to their answers, each by the present snapshot.

    Args:
        cell: Holds the snapshot.
        endpoints: What backends are called through.
        draw: Returns a number in [0, 1), for canaries.
    """

    def __init__(self, cell: SnapshotCell, endpoints: Endpoints, draw: Callable[[], float]) -> None:
        self._cell = cell
        self._endpoints = endpoints
        self._draw = draw

    def answer(self, exchange: Exchange) -> Answer:
        """Take one request through all stations; one of them refuses by raising Fault.

        The two most frequent refusals are returned: raising one costs a fifth of answering with it.

        Returns:
            The answer, or the work of getting it; a Fault that this raises is for `refuse`, too.
        """
        snapshot = self._cell.current
        try:
            stage, path = locate(snapshot, exchange)
            # Most stages have no canary: then there is nothing to split, and no call.
            variant = stage.base if stage.canary is None else split(stage, exchange, self._draw)
            found = variant.routes.find(path, exchange.request.method)
            if found is None:
                exchange.scope = variant
                exchange.identity = variant.identity
                return refuse(snapshot, exchange, NO_ROUTE)
            index, exchange.path_parameters = found
            # Most methods have been called before: then they are there, and no call.
            exchange.scope = method = variant.methods.made[index] or variant.methods[index]
            exchange.identity = method.identity
            # Most methods may be called: then there is nothing to say, and no call.
            integration = method.integration
            if integration is None:
                integration = authorize(method)
            if method.keyed is not None:
                meter_key(snapshot.api_keys, method.keyed, method, exchange)
            elif method.meters:
                refusal = meter(method, exchange)
                if refusal is not None:
                    return refuse(snapshot, exchange, refusal)
            return integration.invoke(exchange, self._endpoints)
        except HealthCheck:
            return healthy()
        except Fault as fault:
            fault.forget_origin()
            return refuse(snapshot, exchange, fault)

    def refuse(self, exchange: Exchange, fault: Fault) -> InvocationResponse:
        """Return the gateway response of a Fault that the work of answering raised."""
        fault.forget_origin()
        return refuse(self._cell.current, exchange, fault)


def refuse(snapshot: Snapshot, exchange: Exchange, fault: Fault) -> InvocationResponse:
    """Return the gateway response of a Fault: its stage's, or AWS's own before one was found."""
    exchange.fault = fault
    scope: Scope | None = exchange.scope
    responses = snapshot.gateway_responses if scope is None else scope.gateway_responses
    return responses[fault.type].render(fault, exchange)
