from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli.flag_values import count, user_name, value_of
from gateway.settings import Address


def test_a_flag_is_read_as_the_setting_it_replaces() -> None:
    assert value_of("listen")("[::1]:80") == Address("::1", 80)
    assert value_of("workers")("0") == 0
    assert value_of("data")("here") == Path("here")
    assert (count("7"), user_name("a.b@c")) == (7, "a.b@c")


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (value_of("listen"), "x", "must be HOST:PORT"),
        (value_of("workers"), "-1", "must be 0 to 512, not -1"),
        (value_of("workers"), "1.5", "must be a whole number"),
        (value_of("region"), "Mars!", "must look like us-east-1"),
        (count, "0", "must be a whole number from 1"),
        (count, "-1", "must be a whole number from 1"),
        (count, "1" * 10, "must be a whole number from 1"),
        (count, "\u00b2", "must be a whole number from 1"),
        (user_name, "a/b", "must hold letters"),
        (user_name, "", "must hold letters"),
    ],
)
def test_what_it_cannot_be_is_told(read: Callable[[str], object], text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        read(text)
