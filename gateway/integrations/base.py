"""What every integration is to the pipeline, and what the pipeline offers to integrations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gateway.cache import CachedResponses
from gateway.clock import IdMinter
from gateway.definitions.client_certificate import ClientCertificate
from gateway.driver import Drive
from gateway.messages import (
    EndpointResponse,
    Exchange,
    IntegrationRequest,
    InvocationResponse,
    MethodIdentity,
)


class MisconfiguredError(Exception):
    """AWS accepts the method and fails it at run time: each request is a 500, this is logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationContext:
    """What integrations take from the process. Time and chance enter here."""

    ids: IdMinter
    now: Callable[[], float]
    """Seconds of CLOCK_MONOTONIC."""
    body_bytes: int
    """Most bytes of a request body, or of an answer that is not streamed."""
    cache: CachedResponses
    """What the process remembers of answers."""
    client_certificate_id: str | None = None
    """What the stage that is being bound names for its HTTPS backends."""
    client_certificate: ClientCertificate | None = None
    """What that id stands for; None: there is none, or nobody has it."""
    vpc_links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """VPC link id to the addresses that it leads to."""


class Endpoints(Protocol):
    """Connections to backends. `server.upstream` inherits from it; tests pass a fake."""

    __slots__ = ()

    def send(self, request: IntegrationRequest) -> Awaitable[EndpointResponse]:
        """Send a request; to be awaited at once, for the head of the answer.

        Raises, where it is awaited:
            Fault: INTEGRATION_FAILURE (504) when the backend cannot be reached or TLS fails,
                INTEGRATION_TIMEOUT (504), or DEFAULT_5XX with status 502 when its answer is invalid
                or breaks off before the head is complete.
        """
        ...


class Pending(Drive[InvocationResponse]):
    """The work of getting an answer, under way: to be started, or awaited."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, InvocationResponse]:
        """Wait for it in a coroutine."""
        raise NotImplementedError


Answer = InvocationResponse | Coroutine[Any, Any, InvocationResponse] | Pending
"""An answer, or the work of getting one that has to be waited for. What need not wait is answered
without a coroutine: that is worth 1 us of the 8 that a refusal costs."""


class CompiledIntegration(Protocol):
    """A method's integration, bound to a stage: everything that can be decided was.

    Those of the compiled build's list inherit from it: see docs/compiled.md.
    """

    __slots__ = ()

    def invoke(self, exchange: Exchange, endpoints: Endpoints) -> Answer:
        """Map the request, call the backend, map the answer.

        Raises, here or where it is awaited:
            Fault: as `Endpoints.send`, and for mappings that cannot be carried out.
        """
        ...

    def describe(self) -> dict[str, str]:
        """Return what `explain` prints: type, backend, buffering and why."""
        ...


class IntegrationPlan(Protocol):
    """A method's integration as its deployment freezes it."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The stage variables whose absence would change where requests go."""
        ...

    def bind(self, identity: MethodIdentity, context: IntegrationContext) -> CompiledIntegration:
        """Put a stage's variables in.

        The result serves every method of the stage that shares the plan: nothing of `identity` may
        go in but what all of them have in common.

        Raises:
            MisconfiguredError: every request would fail; the method answers 500, as on AWS.
        """
        ...
