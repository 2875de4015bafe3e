"""Checks of parameter mappings and status codes, in AWS's words."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Final

from gateway.control.api.protocol import Call
from gateway.definitions.validation import STATUS_CODE
from gateway.errors import ControlError, bad_request, validation_failed

_NAME: Final = r"[^\s\x00-\x1f\x7f]+"
_TARGET: Final = re.compile(rf"integration\.request\.(path|querystring|header)\.{_NAME}")
_METHOD_SOURCE: Final = re.compile(
    rf"method\.request\.(path|querystring|header|multivalueheader|multivaluequerystring)\.{_NAME}"
)
_BODY_SOURCE: Final = re.compile(r"method\.request\.body(\.\S+)?|method\.request\.body\[.*")
_OTHER_SOURCE: Final = re.compile(rf"'.*'|context\.{_NAME}|stageVariables\.{_NAME}", re.DOTALL)
_ANSWER_SOURCE: Final = re.compile(
    rf"integration\.response\.(header|multivalueheader)\.{_NAME}|"
    r"integration\.response\.body([.\[].*)?"
)


def check_status_code(call: Call) -> str:
    """Return the status code that the path names.

    Raises:
        ControlError: (ValidationException) it is none.
    """
    return checked_status(call, call.label("status_code"))


def checked_status(call: Call, status: str) -> str:
    """Return a status code that a call gives.

    Raises:
        ControlError: (ValidationException) it is none.
    """
    if not STATUS_CODE.fullmatch(status):
        raise validation_failed(
            f"1 validation error detected: Value '{status[:200]}' at "
            f"'{call.operation.input_name}.statusCode' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [1-5]\d\d"
        )
    return status


def check_request_mapping(mapping: Mapping[str, str | None], declared: Container[str]) -> None:
    """Check an integration's requestParameters against what its method declares.

    Raises:
        ControlError: (BadRequestException) it names the first that is wrong.
    """
    for target, source in mapping.items():
        if not _TARGET.fullmatch(target):
            raise bad_mapping(target)
        found = source or ""
        if _METHOD_SOURCE.fullmatch(found):
            plain = found.replace(".multivalue", ".", 1)
            if plain not in declared:
                raise bad_mapping(found)
        elif not (_BODY_SOURCE.fullmatch(found) or _OTHER_SOURCE.fullmatch(found)):
            raise bad_expression(found)


def check_response_mapping(mapping: Mapping[str, str | None], declared: Container[str]) -> None:
    """Check an integration response's responseParameters against its method response.

    Raises:
        ControlError: (BadRequestException) it names the first that is wrong.
    """
    for target, source in mapping.items():
        if target not in declared:
            raise bad_mapping(target)
        found = source or ""
        if not (_ANSWER_SOURCE.fullmatch(found) or _OTHER_SOURCE.fullmatch(found)):
            raise bad_expression(found)


def bad_mapping(parameter: str) -> ControlError:
    """Return the error of a mapping whose target or source names no parameter that is there."""
    return _bad(f"Invalid mapping expression parameter specified: {parameter}")


def bad_expression(expression: str) -> ControlError:
    """Return the error of a mapping whose source is no expression at all."""
    return _bad(f"Invalid mapping expression specified: {expression}")


def _bad(error: str) -> ControlError:
    return bad_request(
        "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
        f"[{error}]"
    )
