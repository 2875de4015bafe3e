from __future__ import annotations

import pytest

from gateway.control.api.access_logs import checked_destination, checked_format
from gateway.errors import ControlError

GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:"


@pytest.mark.parametrize(
    "value",
    [
        f"{GROUP}pets",
        f"{GROUP}/aws/pets",
        "arn:aws-cn:logs:cn-north-1:0:log-group:pets",
        "arn:aws:firehose:us-east-1:0:deliverystream/amazon-apigateway-pets",
    ],
)
def test_a_log_group_and_a_stream_are_destinations(value: str) -> None:
    assert checked_destination(value) == value


def test_the_streams_of_a_group_are_the_group() -> None:
    assert checked_destination(f"{GROUP}pets:*") == f"{GROUP}pets"


@pytest.mark.parametrize(
    "value",
    [
        "stdout",
        "access.log",
        "store.sqlite",
        "users.toml",
        "/root/.ssh/authorized_keys",
        "../x",
        "arn:aws:s3:::bucket",
        "arn:aws:firehose:us-east-1:0:deliverystream/other",
        f"{GROUP}a\nb",
        GROUP,
        "",
    ],
)
def test_nothing_else_is_one(value: str) -> None:
    with pytest.raises(ControlError, match="Access log destination must be"):
        checked_destination(value)


@pytest.mark.parametrize("value", ["$context.requestId", '{"a": "$context.extendedRequestId"}\n'])
def test_a_format_names_the_request(value: str) -> None:
    assert checked_format(value) == value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("$context.status", "must name"),
        ("$context.requestId $context.nothing", "nothing"),
        ("$context.requestId $input.body", "cannot hold"),
        ("$context.requestId #if(true)", "cannot hold"),
        ("$context.requestId" + "x" * 3072, "longer than 3 KB"),
    ],
)
def test_a_format_that_could_not_be_written_is_refused(value: str, message: str) -> None:
    with pytest.raises(ControlError, match=f"Invalid access log format specified: .*{message}"):
        checked_format(value)


def test_several_lines_are_refused_in_aws_s_words() -> None:
    with pytest.raises(ControlError, match="must be single line, new line character is allowed"):
        checked_format("$context.requestId\n$context.status")

    assert checked_format("$context.requestId\n") == "$context.requestId\n"
