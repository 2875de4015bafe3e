from __future__ import annotations

import pytest

from gateway.configuration.yaml_scalars import (
    NUMBER_CHARACTERS,
    LongNumberError,
    NumberAsWritten,
    plain_scalar,
    whole_number,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("yes", "yes"), ("True", True), ("", None), ("1e3", 1000.0), ("-", "-"), ("0x1F", 31)],
)
def test_only_core_scalars_are_more_than_text(text: str, expected: object) -> None:
    assert plain_scalar(text) == expected
    assert type(plain_scalar(text)) in (type(expected), NumberAsWritten)


@pytest.mark.parametrize("text", ["007", "+5", "-0", "0o17"])
def test_a_number_remembers_how_it_was_written(text: str) -> None:
    assert str(whole_number(text)) == text
    assert str(whole_number("7")) == "7"


def test_a_long_number_is_refused_and_long_text_is_not() -> None:
    assert plain_scalar("9" * NUMBER_CHARACTERS) == int("9" * NUMBER_CHARACTERS)
    with pytest.raises(LongNumberError):
        plain_scalar("9" * (NUMBER_CHARACTERS + 1))

    assert plain_scalar("1." * NUMBER_CHARACTERS) == "1." * NUMBER_CHARACTERS
