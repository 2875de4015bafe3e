"""How long the texts of a body may be, and how many a list or a map may hold: one table for all.

What has a tighter bound, or AWS's own words for being too long, is checked again by its family.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.definitions.validation import TEMPLATE_BYTES
from gateway.errors import bad_request, limit_exceeded

CHARACTERS: Final = 8192
"""Of a text that the table does not name: identifiers, addresses, expressions, mappings."""

KEY_CHARACTERS: Final = 1024
"""Of the key of a map: the name of a parameter, a media type."""

ENTRIES: Final = 500
"""Of a list or a map that the table does not name."""

_CHARACTERS: Final[Mapping[str, int | None]] = {
    "binaryMediaTypes": 256,
    # Just above AWS's 125,000, for which API keys and usage plans have words of their own.
    "description": 131_072,
    "stageDescription": 131_072,
    "operationName": 1024,
    "version": 1024,
    "requestTemplates": TEMPLATE_BYTES,
    "responseTemplates": TEMPLATE_BYTES,
    # PEM: a chain of certificates.
    "certificateBody": 65_536,
    "certificateChain": 65_536,
    "certificatePrivateKey": 65_536,
    # JSON in the value of a patch.
    "apiStages": 262_144,
    "canarySettings": 262_144,
    # Their families say how long these may be. A patch's `value` is measured by its path.
    "body": None,
    "headers": None,
    "multiValueHeaders": None,
    "pathWithQueryString": None,
    "policy": None,
    "properties": None,
    "schema": None,
    "value": None,
}
"""Member to characters; None: bounded by its family alone."""

_ENTRIES: Final[Mapping[str, int | None]] = {
    "requestTemplates": 50,
    "responseTemplates": 50,
    "request_templates": 50,
    "response_templates": 50,
    # Their families say how many.
    "apiStages": None,
    "stages": None,
    "patchOperations": None,
    "settings": None,
}
"""Member, or column while it is patched, to entries; None: bounded by its family alone."""


def check_text(member: str, value: str) -> None:
    """Refuse a text that is too long for the member that it is of.

    Raises:
        ControlError: (BadRequestException) it is.
    """
    limit = _CHARACTERS.get(member, CHARACTERS)
    if limit is not None and len(value) > limit:
        raise bad_request(f"Invalid {member} specified: at most {limit} characters")


def check_key(member: str, key: str) -> None:
    """Refuse a key that is too long for a map.

    Raises:
        ControlError: (BadRequestException) it is.
    """
    if len(key) > KEY_CHARACTERS:
        raise bad_request(f"Invalid {member} specified: a name has at most {KEY_CHARACTERS}")


def check_count(member: str, count: int) -> None:
    """Refuse a list or a map that holds too much.

    Raises:
        ControlError: (LimitExceededException) it does.
    """
    limit = _ENTRIES.get(member, ENTRIES)
    if limit is not None and count > limit:
        raise limit_exceeded(f"At most {limit} entries of {member} are kept")


def check_patched(working: Mapping[str, Any]) -> None:
    """Refuse an object that a patch has made too large, by its columns.

    Raises:
        ControlError: (LimitExceededException) a list or a map in it holds too much.
    """
    for column, value in working.items():
        if isinstance(value, dict | list):
            check_count(column, len(value))
        if isinstance(value, dict):
            for name, each in value.items():
                if isinstance(each, list):
                    check_count(name, len(each))
