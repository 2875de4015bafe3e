"""Process settings from four places: defaults < gateway.toml < STAGEGATE_* variables < flags.

One function merges them, so that a value means the same wherever it is written; text of variables
and flags is read by the type of the setting. Every problem is named with its place.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, get_type_hints

from gateway.configuration.ca_bundle import problem_of_bundle
from gateway.configuration.reading import read_bounded
from gateway.configuration.setting_values import SETTINGS, checked, from_text
from gateway.definitions.codec import shown, suggestion
from gateway.errors import ConfigurationError, Problem
from gateway.settings import Settings

T = TypeVar("T")

FILE: Final = "gateway.toml"
FILE_BYTES: Final = 1_048_576
PREFIX: Final = "STAGEGATE_"

_NEAR: Final = 0.85
"""A variable as like as this to a known one is a typing error. Others are somebody else's:
Kubernetes sets STAGEGATE_PORT and its like for a service named stagegate."""


def load_settings(
    config_dir: Path | None = None,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """Return the settings of a process.

    `flags` maps dotted names to values; None means that a flag was not given. Without `config_dir`,
    the directory is that of the flags, else of STAGEGATE_CONFIG, else `config`. Zero `workers`
    become the number of CPUs that this process may use.

    Raises:
        ConfigurationError: with every problem that was found.
    """
    problems: list[Problem] = []
    values = _from_texts(_variables(environ or {}, problems), problems)
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    values |= _from_texts(
        ((name, value, f"--{name.replace('_', '-')}") for name, value in given.items()), problems
    )
    directory = values.setdefault("config", config_dir or Settings().config)
    if config_dir is not None:
        values["config"] = directory = config_dir
    values = _from_file(Path(directory) / FILE, problems) | values
    bundle = values.get("backends.ca_bundle")
    if bundle is not None and (text := problem_of_bundle(bundle)):
        problems.append(Problem("backends.ca_bundle", text))
    if problems:
        raise ConfigurationError(tuple(problems))
    settings = _build(Settings, "", values)
    if settings.workers == 0:
        settings = dataclasses.replace(settings, workers=len(os.sched_getaffinity(0)))
    return settings


def variable_of(name: str) -> str:
    """Return a setting's environment variable, such as STAGEGATE_LIMITS_BODY_BYTES."""
    return PREFIX + name.upper().replace(".", "_")


_VARIABLES: Final = {variable_of(name): name for name in SETTINGS}


def _build(cls: type[T], prefix: str, values: Mapping[str, Any]) -> T:
    changes: dict[str, Any] = {}
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        name = prefix + field.name
        if name in values:
            changes[field.name] = values[name]
        elif name not in SETTINGS:
            changes[field.name] = _build(hints[field.name], f"{name}.", values)
    return cls(**changes)


def _variables(
    environ: Mapping[str, str], problems: list[Problem]
) -> Iterator[tuple[str, str, str]]:
    for variable, text in sorted(environ.items()):
        if variable in _VARIABLES:
            yield _VARIABLES[variable], text, variable
        elif variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX)
            known = {each.removeprefix(PREFIX): each for each in _VARIABLES}
            if near := difflib.get_close_matches(name[:64], known, n=1, cutoff=_NEAR):
                hint = f"unknown variable; did you mean {known[near[0]]}?"
                problems.append(Problem(variable, hint))


def _from_texts(
    given: Iterator[tuple[str, object, str]], problems: list[Problem]
) -> dict[str, Any]:
    """Read (name, value or its text, where it was given) by the type of the setting."""
    values: dict[str, Any] = {}
    for name, value, place in given:
        setting = SETTINGS.get(name)
        if setting is None:
            text = f"unknown setting {shown(name)}; {suggestion(name, SETTINGS)}"
            problems.append(Problem(place, text))
            continue
        try:
            read = from_text(setting, value) if isinstance(value, str) else value
            values[name] = checked(setting, read)
        except ValueError as error:
            problems.append(Problem(place, str(error)))
    return values


def _from_file(path: Path, problems: list[Problem]) -> dict[str, Any]:
    """Return the settings of gateway.toml by dotted name; a missing file has none."""
    text, tables = _tables(path, problems)
    values: dict[str, Any] = {}
    for name, value in _leaves(tables, ""):
        try:
            values[name] = _from_toml(name, value)
        except ValueError as error:
            line = _line_of(text, name)
            problems.append(Problem(name, str(error), str(path), line, line and 1))
    return values


def _tables(path: Path, problems: list[Problem]) -> tuple[str, dict[str, Any]]:
    def add(message: str, line: int | None = None, column: int | None = None) -> None:
        problems.append(Problem("", message, str(path), line, column))

    try:
        content = read_bounded(path, FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return "", {}
    except OSError as error:
        add(f"cannot be read: {error.strerror or error}")
        return "", {}
    if len(content) > FILE_BYTES:
        add(f"has more than {FILE_BYTES} bytes; it holds a few settings only")
        return "", {}
    try:
        text = content.decode("utf-8")
        return text, tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Not only TOMLDecodeError: a number of too many digits is a plain ValueError.
        found = re.search(r"\(at line ([0-9]+), column ([0-9]+)\)", str(error))
        line, column = (int(found[1]), int(found[2])) if found else (None, None)
        if "(at end of document)" in str(error):
            line, column = content.count(b"\n") + 1, 1
        add(f"is no valid TOML: {error}", line, column)
        return "", {}


def _from_toml(name: str, value: object) -> object:
    setting = SETTINGS.get(name)
    if setting is None:
        if any(known.startswith(f"{name}.") for known in SETTINGS):
            raise ValueError(f"must be a table: write [{name}] and its settings below")
        raise ValueError(f"unknown setting; {suggestion(name, SETTINGS)}")
    if name == "config":
        raise ValueError("cannot be set in the directory that it names; use --config")
    return checked(setting, value)


def _leaves(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Return dotted names and values, tables opened as far as settings have them."""
    for key, value in table.items():
        name = prefix + key
        if isinstance(value, dict) and any(known.startswith(f"{name}.") for known in SETTINGS):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def _line_of(text: str, name: str) -> int | None:
    """Return the line in which a dotted name is set, as far as its text shows: TOML keeps none."""
    table, _, key = name.rpartition(".")
    current = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
        if header:
            current = header[1]
            if current == name:
                return number
        else:
            written = re.match(r'\s*"?([A-Za-z0-9_.-]+)"?\s*=', line)
            if written and (current, written[1]) in ((table, key), ("", name)):
                return number
    return None
