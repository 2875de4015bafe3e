"""A backend's answer that is waited for by a call, and not by a coroutine: that costs a third.

The rule: what is not the usual way (an error, a request that must be sent again, somebody who
awaits the answer) goes on as the coroutine that the call stands for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any

from gateway.driver import Waiter, ignore
from gateway.integrations.backend import note_call
from gateway.integrations.base import Pending
from gateway.messages import EndpointResponse, Exchange, InvocationResponse


class BackendCall(Pending):
    """A request under way to a backend. To be inherited by who makes an answer of the backend's."""

    __slots__ = ("_call", "_exchange", "_is_pending", "_now", "_sent")

    def __init__(
        self,
        exchange: Exchange,
        call: Awaitable[EndpointResponse],
        sent: float,
        now: Callable[[], float],
    ) -> None:
        """Take what was sent at `sent`, CLOCK_MONOTONIC, which `now` tells."""
        # The base's, written out: a call less per request.
        self._coroutine = None
        self._on_result = self._on_error = ignore
        self._awaited = None
        self._is_running = False
        self._exchange = exchange
        self._call = call
        self._is_pending = True
        """Whether it is waited for by a call: neither over nor a coroutine's."""
        self._sent = sent
        self._now = now

    def respond(self, endpoint: EndpointResponse) -> InvocationResponse:
        """Return the client's answer for a backend's."""
        raise NotImplementedError

    def __await__(self) -> Generator[Any, None, InvocationResponse]:
        """Wait as a coroutine; nothing else is to be called then."""
        return self.wait().__await__()

    async def wait(self) -> InvocationResponse:
        """Wait for the backend's answer, and return the client's."""
        self._is_pending = False
        try:
            endpoint = await self._call
        finally:
            note_call(self._exchange, self._sent, self._now())
        self._exchange.integration_status = endpoint.status
        return self.respond(endpoint)

    def start(
        self,
        on_result: Callable[[InvocationResponse], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        """Take the callbacks; one is called when the backend has answered."""
        self._on_result = on_result
        self._on_error = on_error
        call = self._call
        if isinstance(call, Waiter) and not call.is_set:
            call.resume = self._end
        else:
            self._end()

    def throw(self, error: BaseException) -> None:
        """Raise `error` where it waits."""
        call = self._call
        if self._is_pending and isinstance(call, Waiter):
            call.resume = None
            self._go_on_as_coroutine()
        super().throw(error)

    def close(self) -> None:
        """Give the backend's answer up."""
        call = self._call
        if self._is_pending and isinstance(call, Waiter):
            self._is_pending = False
            call.resume = None
            call.give_up()
            note_call(self._exchange, self._sent, self._now())
        super().close()

    def _end(self) -> None:
        call = self._call
        if not isinstance(call, Waiter) or call.error is not None:
            self._go_on_as_coroutine()
            return
        self._is_pending = False
        exchange = self._exchange
        endpoint: EndpointResponse = call.value
        now = self._now
        try:
            note_call(exchange, self._sent, now())
            exchange.integration_status = endpoint.status
            response = self.respond(endpoint)
        except Exception as bug:  # noqa: BLE001 (as of a coroutine: whoever started it decides)
            self._on_error(bug)
        else:
            self._on_result(response)

    def _go_on_as_coroutine(self) -> None:
        self._is_pending = False
        self._coroutine = self.wait()
        self.step()
