"""accessLogSettings as clients may set them: checked when they come, by what will write the lines.

A file's author may name any path; a client of the API may name a log group or a delivery stream,
whose lines go below the data directory, and nothing else: whoever may deploy must not be able to
append to any file that the gateway can write.
"""

from __future__ import annotations

from typing import Final

from gateway.definitions.stage import AccessLogSettings
from gateway.errors import ControlError, Problem, bad_request
from gateway.telemetry.access_log import compile_access_log
from gateway.telemetry.destinations import file_of_arn

_SINGLE_LINE: Final = (
    "Access Log format must be single line, new line character is allowed only at end of the format"
)
"""AWS's sentence."""


def checked_destination(value: str) -> str:
    """Return a destinationArn as it is kept.

    Raises:
        ControlError: (BadRequestException) it is no ARN of a log group or a delivery stream.
    """
    problems: list[Problem] = []
    # AWS's consoles write a log group's ARN with the streams' `:*`.
    kept = value.removesuffix(":*")
    if not value.isprintable() or file_of_arn(kept, "", problems, is_canary=False) is None:
        raise bad_request(
            "Invalid ARN specified in the request. Access log destination must be "
            "arn:aws:logs:REGION:ACCOUNT:log-group:NAME, or a delivery stream "
            "arn:aws:firehose:REGION:ACCOUNT:deliverystream/amazon-apigateway-NAME"
        )
    return kept


def checked_format(value: str) -> str:
    """Return a format as it came.

    Raises:
        ControlError: (BadRequestException) no line could be written in it; it says why.
    """
    if "\n" in value.rstrip("\n"):
        raise bad_request(_SINGLE_LINE)
    problems: list[Problem] = []
    compile_access_log(AccessLogSettings(format=value), "", problems)
    if problems:
        raise _bad_format(problems[0])
    return value


def _bad_format(problem: Problem) -> ControlError:
    return bad_request(f"Invalid access log format specified: {problem.message}")
