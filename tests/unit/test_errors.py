"""Facts about the taxonomy of errors."""

import os

import pytest

from gateway.errors import (
    DEFAULTS,
    ConfigurationError,
    Fault,
    GatewayResponseType,
    Problem,
)


def test_every_gateway_response_type_has_a_default() -> None:
    assert set(DEFAULTS) == set(GatewayResponseType)
    assert len(GatewayResponseType) == 21


def test_a_fault_takes_what_it_does_not_say_from_its_type() -> None:
    fault = Fault(GatewayResponseType.THROTTLED)

    assert (fault.status, fault.message) == (429, "Too Many Requests")
    assert fault.error_type == "TooManyRequestsException"


def test_a_fault_may_have_its_own_status_and_message() -> None:
    fault = Fault(GatewayResponseType.DEFAULT_5XX, status=502, message="x", detail="for the log")

    assert (fault.status, fault.message, str(fault)) == (502, "x", "for the log")


def failing(fault: Fault) -> None:
    try:
        os.environ[""]
    except KeyError as error:
        raise fault from error


def test_a_fault_can_forget_where_it_was_raised_and_after_what() -> None:
    fault = Fault(GatewayResponseType.ACCESS_DENIED)
    with pytest.raises(Fault):
        failing(fault)
    origin = fault.__traceback__, fault.__context__, fault.__cause__
    fault.forget_origin()

    assert None not in origin
    assert (fault.__traceback__, fault.__context__, fault.__cause__) == (None, None, None)


def test_a_problem_says_where_and_what() -> None:
    problem = Problem("stages.prod", "is wrong; mend it", file="a.yaml", line=3, column=5)

    assert str(problem) == "a.yaml:3:5: stages.prod: is wrong; mend it"
    assert str(Problem("", "is empty")) == "is empty"


def test_a_configuration_error_prints_every_problem() -> None:
    error = ConfigurationError((Problem("a", "x"), Problem("b", "y")))

    assert str(error) == "a: x\nb: y"
