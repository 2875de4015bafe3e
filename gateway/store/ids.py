"""Identifiers in AWS's shapes: `[a-z0-9]`, 6 or 10 characters. From the kernel's random bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from gateway.errors import limit_exceeded

ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
LONG: Final = 10
"""Characters of the id of an API, a root resource or an API key."""
SHORT: Final = 6
"""Characters of every other id."""

_ATTEMPTS: Final = 100
"""Six characters are two thousand million ids: a hundred collisions in a row are no chance."""

_UNBIASED: Final = 256 - 256 % len(ALPHABET)


def random_id(length: int, random_bytes: Callable[[int], bytes] = os.urandom) -> str:
    """Return `length` characters `[a-z0-9]`, each equally likely."""
    characters: list[str] = []
    while len(characters) < length:
        found = (byte for byte in random_bytes(2 * length) if byte < _UNBIASED)
        characters += [ALPHABET[byte % len(ALPHABET)] for byte in found]
    return "".join(characters[:length])


def free_id(
    length: int,
    is_taken: Callable[[str], bool],
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> str:
    """Return a random id that `is_taken` does not know.

    Raises:
        ControlError: (LimitExceededException) none was found.
    """
    for _ in range(_ATTEMPTS):
        id_ = random_id(length, random_bytes)
        if not is_taken(id_):
            return id_
    raise limit_exceeded("There is no unused identifier left")
