"""Where log lines may go."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.configuration import certificate_places
from gateway.control import users
from gateway.control.persist import release_directory
from gateway.errors import Problem
from gateway.release import certificate_store
from gateway.settings import Settings
from gateway.store import database as store
from gateway.telemetry.destinations import (
    destination_of,
    execution_log_group,
    is_canary_file,
    is_own_file,
    log_group_path,
)


def resolved(value: str, *, is_canary: bool = False) -> str | None:
    problems: list[Problem] = []
    result = destination_of(value, "a.destination", problems, is_canary=is_canary)
    assert (result is None) == bool(problems)
    assert all(problem.path == "a.destination" for problem in problems)
    return result


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("stdout", "stdout"),
        ("access.log", "access.log"),
        ("logs/shop/access.log", "logs/shop/access.log"),
        ("/var/log/shop.log", "/var/log/shop.log"),
        ("arn:aws:logs:us-east-1:000000000000:log-group:shop", "logs/shop.log"),
        ("arn:aws:logs:us-east-1:000000000000:log-group:shop:*", "logs/shop.log"),
        ("arn:aws-cn:logs:cn-north-1:0:log-group:/aws/apigw/shop", "logs/aws/apigw/shop.log"),
        ("arn:aws:logs:us-east-1:0:log-group:a b\n", "logs/a_b_.log"),
        ("arn:aws:logs:us-east-1:0:log-group:../../etc/passwd", "logs/__/__/etc/passwd.log"),
        ("arn:aws:firehose:us-east-1:0:deliverystream/amazon-apigateway-x",
         "logs/amazon-apigateway-x.log"),
    ],
)  # fmt: skip
def test_a_destination_is_stdout_or_a_file(value: str, place: str) -> None:
    assert resolved(value) == place


@pytest.mark.parametrize(
    "value",
    ["store.sqlite", "./store.sqlite-wal", "users.toml", "users.toml.lock", "release/parts",
     "run/x", "certificates/default.key", "truststores/bucket/ca.pem", "tls/0a1b.pem",
     "", "logs/", "../x.log", "logs/../../x", "/var/../etc/x", "a\nb", "a\0b",
     "arn:aws:s3:::bucket", "arn:aws:logs:us-east-1:0:log-group:", "arn:",
     "arn:aws:logs:us-east-1:0:log-group:/", "arn:aws:firehose:us-east-1:0:deliverystream/other"],
)  # fmt: skip
def test_what_is_no_destination_is_refused(value: str) -> None:
    assert resolved(value) is None


def test_what_the_gateway_keeps_is_no_destination() -> None:
    settings = Settings(data=Path("/data"))
    kept = [
        store.FILE_NAME,
        users.FILE_NAME,
        release_directory(settings).name,
        certificate_store.DIRECTORY,
        certificate_places.CERTIFICATES,
        certificate_places.TRUSTSTORES,
    ]

    assert [name for name in kept if not is_own_file(PurePosixPath(name))] == []
    assert not is_own_file(PurePosixPath("logs/store.sqlite"))
    assert not is_own_file(PurePosixPath())


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("arn:aws:logs:us-east-1:0:log-group:shop", "logs/shop/Canary.log"),
        ("logs/shop.log", "logs/shop/Canary.log"),
        ("/var/log/shop.json", "/var/log/shop/Canary.json"),
    ],
)
def test_a_canary_writes_to_a_file_of_its_own(value: str, place: str) -> None:
    assert resolved(value, is_canary=True) == place
    assert is_canary_file(PurePosixPath(place))
    assert not is_canary_file(PurePosixPath(value))


@pytest.mark.parametrize("value", ["stdout", "/dev/stderr", "/run/pipe", "run.log"])
def test_a_canary_shares_what_may_be_no_file_and_keeps_off_the_gateways_own(value: str) -> None:
    assert resolved(value, is_canary=True) == value


@given(st.text(min_size=1))
def test_no_log_group_leaves_its_directory(name: str) -> None:
    path = PurePosixPath(log_group_path(name))

    assert not path.is_absolute()
    assert ".." not in path.parts
    assert str(path).isascii()
    assert str(path).isprintable()


def test_execution_logs_are_named_as_aws_names_them() -> None:
    base = execution_log_group("shop", "prod", is_canary=False)
    canary = execution_log_group("shop", "prod", is_canary=True)

    assert base == "logs/API-Gateway-Execution-Logs_shop/prod.log"
    assert canary == "logs/API-Gateway-Execution-Logs_shop/prod/Canary.log"
