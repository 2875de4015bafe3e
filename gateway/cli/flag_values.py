"""What the text of a flag may be: read by argparse, whose complaint is exit code 2.

Each reader raises `argparse.ArgumentTypeError` with a sentence that says what the text must be.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from gateway.configuration.setting_values import SETTINGS, checked, from_text
from gateway.control.users import is_name
from gateway.errors import ConfigurationError


class UsageError(ConfigurationError):
    """A command line that parses and makes no sense: exit code 2."""


def value_of(name: str) -> Callable[[str], Any]:
    """Return what reads a flag's text as the setting of this name."""
    setting = SETTINGS[name]

    def read(text: str) -> Any:
        try:
            return checked(setting, from_text(setting, text))
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def count(text: str) -> int:
    """Read a number of things, at least one."""
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not int(text):
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 999999999")
    return int(text)


def user_name(text: str) -> str:
    """Read the name of a user of the control API."""
    if not is_name(text):
        raise argparse.ArgumentTypeError("must hold letters, digits and _.@-, 64 at most")
    return text
