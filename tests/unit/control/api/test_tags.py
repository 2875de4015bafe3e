from __future__ import annotations

import pytest

from gateway.control.api.tags import drop_tags, move_tags, put_tags, tags_of, target_of
from gateway.errors import ControlError
from gateway.store.transaction import Transaction
from tests.unit.control.api.handlers import Handlers

ARN = "arn:aws:apigateway:us-east-1::"


@pytest.mark.parametrize(
    ("arn", "target"),
    [
        (f"{ARN}/restapis/a", "/restapis/a"),
        ("arn:aws-cn:apigateway:cn-north-1:123456789012:/restapis/a/stages/b", None),
    ],
)
def test_an_arn_names_a_target(arn: str, target: str | None) -> None:
    assert target_of(arn) == (target or "/restapis/a/stages/b")


@pytest.mark.parametrize("arn", ["", "x", f"{ARN}restapis/a", f"{ARN}/a b", "arn:aws:s3:::/a"])
def test_another_text_is_no_arn(arn: str) -> None:
    with pytest.raises(ControlError, match="Invalid ARN"):
        target_of(arn)


@pytest.mark.parametrize(
    "path",
    ["/restapis/nothing", "/restapis", "/restapis/a/b/c", "/other/a", "/restapis/x/stages/y"],
)
def test_what_is_not_there_has_no_tags(handlers: Handlers, path: str) -> None:
    with pytest.raises(ControlError, match="NotFoundException"):
        handlers.call("GetTags", resource_arn=f"{ARN}{path}")


def test_tags_are_put_shown_and_taken_away(handlers: Handlers) -> None:
    arn = f"{ARN}/restapis/{handlers.api()['id']}"

    handlers.call("TagResource", {"tags": {"a": "1", "b": "2"}}, resource_arn=arn)
    handlers.call("TagResource", {"tags": {"b": "3"}}, resource_arn=arn)
    handlers.call("UntagResource", query={"tagKeys": ["a", "z"]}, resource_arn=arn)

    assert handlers.call("GetTags", resource_arn=arn) == {"tags": {"b": "3"}}


@pytest.mark.parametrize(
    "tags",
    [
        {"": "x"},
        {"a" * 129: "x"},
        {"aws:x": "x"},
        {"a": "x" * 257},
        {str(number): "" for number in range(51)},
    ],
)
def test_bad_tags_are_refused(handlers: Handlers, tags: dict[str, str]) -> None:
    def work(transaction: Transaction) -> None:
        put_tags(transaction, "/x", tags)

    assert isinstance(handlers.store.run(work).error, ControlError)
    assert handlers.store.run(lambda transaction: tags_of(transaction, "/x")).value == {}


def test_what_is_below_another_spelling_keeps_its_tags(handlers: Handlers) -> None:
    def work(transaction: Transaction) -> list[dict[str, str]]:
        for target in ("/x", "/x/y", "/X/y"):
            put_tags(transaction, target, {"a": target})
        move_tags(transaction, "/x", "/z")
        drop_tags(transaction, "/z")
        return [tags_of(transaction, target) for target in ("/x/y", "/z/y", "/X/y")]

    assert handlers.store.run(work).value == [{}, {}, {"a": "/X/y"}]
