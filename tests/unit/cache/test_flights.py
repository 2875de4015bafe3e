"""Facts about requests that wait for another's answer."""

from __future__ import annotations

from collections.abc import Awaitable

from gateway.cache.flights import Flight
from gateway.driver import Drive
from gateway.errors import Fault, GatewayResponseType
from gateway.messages import InvocationResponse

ANSWER = InvocationResponse(200, b"", b"x")


def waiting(flight: Flight) -> list[object]:
    outcome: list[object] = []

    async def wait(landing: Awaitable[InvocationResponse | None]) -> InvocationResponse | None:
        return await landing

    Drive(wait(flight.wait()), outcome.append, outcome.append).step()
    return outcome


def test_all_that_wait_get_the_answer_once() -> None:
    flight = Flight()
    outcomes = [waiting(flight), waiting(flight)]
    assert outcomes == [[], []]

    flight.land(ANSWER)
    flight.land(None)

    assert outcomes == [[ANSWER], [ANSWER]]


def test_a_failure_is_everybodys_in_an_object_of_ones_own() -> None:
    flight = Flight()
    first, second = waiting(flight), waiting(flight)
    fault = Fault(GatewayResponseType.INTEGRATION_TIMEOUT, source="integration", detail="slow")
    flight.fail(fault)

    assert [str(one) for one in (*first, *second)] == ["slow", "slow"]
    assert first[0] is not fault
    assert first[0] is not second[0]
