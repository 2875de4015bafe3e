"""Facts about backends' answers that are waited for by a call."""

from collections.abc import Callable

import pytest

from gateway.driver import Drive, Waiter
from gateway.errors import Fault, GatewayResponseType
from gateway.integrations.backend_call import BackendCall
from gateway.messages import EndpointResponse, InvocationResponse
from tests.exchanges import exchange

TIMED_OUT = Fault(GatewayResponseType.INTEGRATION_TIMEOUT, source="integration")
ANSWER = EndpointResponse(204, [], b"")


class Sent(Waiter[EndpointResponse]):
    """What a request was sent as; notes whether it was given up."""

    def __init__(self) -> None:
        super().__init__()
        self.is_given_up = False

    def give_up(self) -> None:
        self.is_given_up = True


class Call(BackendCall):
    """Passes the status on; 599 is a bug."""

    def respond(self, endpoint: EndpointResponse) -> InvocationResponse:
        if endpoint.status == 599:
            raise ZeroDivisionError
        return InvocationResponse(endpoint.status, b"", b"")


class World:
    """A request that was sent at 100 s; it is 100.25 s now."""

    def __init__(self) -> None:
        self.sent = Sent()
        self.exchange = exchange()
        self.exchange.integration_status = self.exchange.integration_latency = None
        self.call = Call(self.exchange, self.sent, 100.0, lambda: 100.25)
        self.results: list[InvocationResponse] = []
        self.errors: list[BaseException] = []

    def start(self) -> None:
        self.call.start(self.results.append, self.errors.append)


def test_an_answer_calls_back_with_status_and_latency_noted() -> None:
    world = World()
    world.start()
    assert not world.results
    world.sent.set(ANSWER)

    assert [result.status for result in world.results] == [204]
    assert world.exchange.integration_status == 204
    assert world.exchange.integration_latency == 0.25
    assert not world.errors


def test_an_answer_that_is_there_already_calls_back_at_once() -> None:
    world = World()
    world.sent.set(ANSWER)
    world.start()

    assert [result.status for result in world.results] == [204]


@pytest.mark.parametrize("is_late", [False, True])
def test_an_error_calls_back_with_the_latency_noted(is_late: bool) -> None:
    world = World()
    steps: list[Callable[[], None]] = [world.start, lambda: world.sent.fail(TIMED_OUT)]
    for step in steps if is_late else reversed(steps):
        step()

    assert world.errors == [TIMED_OUT]
    assert world.exchange.integration_latency == 0.25
    assert world.exchange.integration_status is None
    assert not world.results


def test_a_bug_in_making_the_answer_is_told() -> None:
    world = World()
    world.start()
    world.sent.set(EndpointResponse(599, [], b""))

    assert [type(error) for error in world.errors] == [ZeroDivisionError]


def test_closing_gives_up_and_calls_nobody() -> None:
    world = World()
    world.start()
    world.call.close()
    world.call.close()
    world.sent.set(ANSWER)

    assert world.sent.is_given_up
    assert world.exchange.integration_latency == 0.25
    assert not world.results
    assert not world.errors


def test_closing_after_the_end_gives_nothing_up() -> None:
    world = World()
    world.start()
    world.sent.set(ANSWER)
    world.call.close()

    assert not world.sent.is_given_up


def test_an_error_may_be_raised_where_it_waits() -> None:
    world = World()
    world.start()
    world.call.throw(TimeoutError())

    assert [type(error) for error in world.errors] == [TimeoutError]
    assert world.exchange.integration_latency == 0.25


def test_it_may_be_awaited_instead() -> None:
    world = World()

    async def waits() -> InvocationResponse:
        return await world.call

    Drive(waits(), world.results.append, world.errors.append).step()
    world.sent.set(ANSWER)

    assert [result.status for result in world.results] == [204]
    assert world.exchange.integration_latency == 0.25
