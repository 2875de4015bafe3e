from __future__ import annotations

import pytest

from gateway.context import UnknownVariableError
from gateway.mapping.context_variables import context_variable
from tests.unit.mapping.exchanges import exchange


def test_a_known_variable_has_a_getter_and_no_warning() -> None:
    getter, warning = context_variable("stage")

    assert getter is not None
    assert getter(exchange()) == "dev"
    assert warning is None


@pytest.mark.parametrize("name", ["responseLatency", "authorizer.principalId"])
def test_what_is_always_empty_is_warned_of(name: str) -> None:
    getter, warning = context_variable(name)

    assert getter is None
    assert warning is not None
    assert f"$context.{name}" in warning


def test_an_unknown_variable_is_an_error() -> None:
    with pytest.raises(UnknownVariableError, match="did you mean"):
        context_variable("requestid")
