"""What one setting may be: every leaf of the settings tree, read from text and checked by type."""

from __future__ import annotations

import dataclasses
import ipaddress
import math
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from gateway.definitions.codec import shown
from gateway.settings import Address, Settings

_REGION: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_TEXT_TO_BOOLEAN: Final = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A leaf of the settings tree."""

    name: str
    """Dotted, such as `limits.body_bytes`."""
    type: Any
    is_optional: bool
    range: tuple[float, float] | None


def _settings_of(cls: type, prefix: str = "") -> Iterator[Setting]:
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        name = prefix + field.name
        if dataclasses.is_dataclass(hint) and hint is not Address:
            yield from _settings_of(hint, f"{name}.")  # type: ignore[arg-type]
            continue
        is_optional = get_origin(hint) in (Union, types.UnionType)
        if is_optional:
            (hint,) = (each for each in get_args(hint) if each is not type(None))
        yield Setting(
            name=name, type=hint, is_optional=is_optional, range=field.metadata.get("range")
        )


SETTINGS: Final = {setting.name: setting for setting in _settings_of(Settings)}
"""Every setting by its dotted name."""


def from_text(setting: Setting, text: str) -> object:
    """Read the text of a variable or flag; lists are separated by commas.

    Raises:
        ValueError: a sentence that says what is wrong.
    """
    if setting.is_optional and not text:
        return None
    if setting.type is bool:
        if text.lower() not in _TEXT_TO_BOOLEAN:
            raise ValueError(f"must be true or false, not {shown(text)}")
        return _TEXT_TO_BOOLEAN[text.lower()]
    if setting.type in (int, float):
        number = re.fullmatch(r"-?[0-9]{1,16}(\.[0-9]{1,16})?", text)
        if number is None or (setting.type is int and number[1]):
            kind = "a whole number" if setting.type is int else "a number"
            raise ValueError(f"must be {kind}, not {shown(text)}")
        return int(text) if setting.type is int else float(text)
    if get_origin(setting.type) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def checked(setting: Setting, value: Any) -> Any:
    """Return the value that a setting takes.

    Raises:
        ValueError: a sentence that says what is wrong.
    """
    if value is None and setting.is_optional:
        return None
    if get_origin(setting.type) is tuple:
        return _networks(value)
    return _CHECKS[setting.type](setting, value)


def _address(_: Setting, value: object) -> Address:
    return value if isinstance(value, Address) else Address.parse(_a_text(value))


def _path(_: Setting, value: object) -> Path:
    text = str(value) if isinstance(value, Path) else _a_text(value)
    if not text or "\0" in text:
        raise ValueError("must be the path of a directory")
    return Path(text)


def _name(setting: Setting, value: object) -> str:
    text = _a_text(value)
    if setting.name == "account" and not _ACCOUNT.fullmatch(text):
        raise ValueError(f'must be 12 digits in quotes, such as "000000000000", not {shown(text)}')
    if setting.name == "region" and not _REGION.fullmatch(text):
        raise ValueError(f"must look like us-east-1, not {shown(text)}")
    return text


def _boolean(_: Setting, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false, without quotes")  # noqa: TRY004 (see checked)
    return value


def _number(setting: Setting, value: object) -> float:
    is_whole = setting.type is int
    if isinstance(value, bool) or not isinstance(value, int if is_whole else (int, float)):
        kind = "whole number" if is_whole else "number"
        raise ValueError(f"must be a {kind}, without quotes")  # noqa: TRY004 (see checked)
    lowest, highest = setting.range or (-math.inf, math.inf)
    if not lowest <= value <= highest:
        raise ValueError(f"must be {lowest:.15g} to {highest:.15g}, not {str(value)[:40]}")
    return value if is_whole else float(value)


_CHECKS: Final[Mapping[Any, Callable[[Setting, Any], Any]]] = {
    Address: _address,
    Path: _path,
    str: _name,
    bool: _boolean,
    int: _number,
    float: _number,
}


def _networks(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError('must be a list of networks, such as ["10.0.0.0/8"]')  # noqa: TRY004
    networks = []
    for each in value:
        try:
            networks.append(str(ipaddress.ip_network(_a_text(each))))
        except ValueError:
            text = "must be networks such as 10.0.0.0/8 or fd00::/8, without host bits"
            raise ValueError(f"{text}, not {shown(str(each))}") from None
    return tuple(networks)


def _a_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text in quotes, not {str(value)[:40]}")  # noqa: TRY004
    return value
