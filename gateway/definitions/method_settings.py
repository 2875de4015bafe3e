"""How a stage's method settings come to be and are looked up: AWS's materialise-and-copy rule.

An entry is always complete. A method's entry starts as a copy of `*/*` as it is at that moment;
later changes of `*/*` do not reach it. So a lookup needs one entry and merges nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

from gateway.definitions.codec import decode_fields, join, shown, suggestion
from gateway.definitions.rest_api import METHODS
from gateway.definitions.stage import MethodSetting
from gateway.errors import Problem

ALL_METHODS: Final = "*/*"
"""The key of the entry that serves every method without an entry of its own."""

_LOOKS_LIKE: Final = (
    'write "*/*" for all methods or {path without its leading slash}/{METHOD}, '
    'such as "pets/{petId}/GET"; the root path\'s key is "//GET"'
)


def materialise(
    partial: Mapping[str, Mapping[str, object]], path: str, problems: list[Problem]
) -> dict[str, MethodSetting]:
    """Return complete entries by normalised key, from entries that say only what they change.

    `partial` holds AWS's JSON (`throttlingRateLimit`, …); `*/*` counts first wherever it stands.
    Problems carry the key as it was written below `path`.
    """
    written: dict[str, str] = {}
    for key in partial:
        normalised = normalise_key(key)
        if normalised is None:
            problems.append(Problem(join(path, key), _key_problem(key, problems)))
        elif normalised in written:
            text = f"names the same method as {shown(written[normalised])}; merge the two"
            problems.append(Problem(join(path, key), text))
        else:
            written[normalised] = key
    start = MethodSetting()
    settings: dict[str, MethodSetting] = {}
    for normalised in sorted(written, key=lambda key: key != ALL_METHODS):
        key = written[normalised]
        changes = decode_fields(
            MethodSetting, partial[key] or {}, problems=problems, path=join(path, key)
        )
        settings[normalised] = dataclasses.replace(copied_for(normalised, start), **changes)
        if normalised == ALL_METHODS:
            start = settings[normalised]
    return settings


def copied_for(key: str, of_all: MethodSetting) -> MethodSetting:
    """Return what the entry of a method begins as: a copy of `*/*`.

    Caching is copied for GET and ANY alone: it covers GET until a method says so itself, and a
    throttle of POST must not make it one that is answered from a cache.
    """
    if not of_all.caching_enabled or covers_get(key):
        return of_all
    return dataclasses.replace(of_all, caching_enabled=False)


def covers_get(key: str) -> bool:
    """Whether an entry may be of GET requests: of all methods, of GET or of ANY."""
    return key == ALL_METHODS or key.rpartition("/")[2] in {"GET", "ANY"}


def effective_setting(
    settings: Mapping[str, MethodSetting], resource_path: str, http_method: str
) -> MethodSetting | None:
    """Return the method's own entry, else that of `*/*`, else None.

    `http_method` is the method as the resource defines it (`ANY` for an ANY method).
    """
    own = settings.get(setting_key(resource_path, http_method))
    return settings.get(ALL_METHODS) if own is None else own


def setting_key(resource_path: str, http_method: str) -> str:
    """Return the key of a method: `/pets` and `GET` give `pets/GET`; the root gives `//GET`."""
    return f"{resource_path.strip('/') or '/'}/{http_method}"


def normalise_key(key: str) -> str | None:
    """Return the stored form of a key, or None if it names nothing.

    `pets/GET`, `/pets/GET` and `~1pets/GET` (a JSON pointer's escape) are all `pets/GET`.
    """
    resource_path, slash, http_method = key.replace("~1", "/").replace("~0", "~").rpartition("/")
    if http_method == "*" and resource_path in ("*", "/*"):
        return ALL_METHODS
    if not slash or http_method not in METHODS or resource_path.strip("/") == "*":
        return None
    return setting_key(resource_path, http_method)


def _key_problem(key: str, problems: list[Problem]) -> str:
    http_method = key.rpartition("/")[2]
    if "/" in key and http_method and http_method != "*" and http_method not in METHODS:
        hint = suggestion(http_method, METHODS, after=problems)
        return f"names no method: {shown(http_method)} is no HTTP method; {hint}"
    return f"names no method: {_LOOKS_LIKE}"
