from __future__ import annotations

import pytest

from gateway.definitions.integration import PassthroughBehavior
from gateway.mapping.media_types import (
    choose_request_template,
    choose_response_template,
    first_accepted,
    invalid_key,
    may_pass_through,
    media_type,
    normalised,
)

TEMPLATES = normalised({"Application/JSON; charset=utf-8": "json", "text/xml": "xml"})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Text/HTML; charset=utf-8", "text/html"),
        (" application/json ", "application/json"),
        ("", ""),
        (";", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_only_type_and_subtype_count(header: str, expected: str) -> None:
    assert media_type(header) == expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("", "application/json"),
        (",", "application/json"),
        ("text/xml;q=0.1, application/json", "text/xml"),
        ("*/*", "*/*"),
    ],
)
def test_the_first_accepted_type_counts(accept: str | None, expected: str) -> None:
    assert first_accepted(accept) == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (None, "json"),
        ("", "json"),
        ("application/json", "json"),
        ("APPLICATION/json;charset=utf-8", "json"),
        ("text/xml", "xml"),
        ("text/plain", None),
        ("application/*", None),
    ],
)
def test_a_request_template_is_chosen_by_content_type(
    content_type: str | None, expected: str | None
) -> None:
    assert choose_request_template(TEMPLATES, content_type) == expected


def test_a_catch_all_takes_what_nothing_else_matches() -> None:
    templates = normalised({"text/xml": "xml", "$default": "any"})

    assert choose_request_template(templates, "text/plain") == "any"
    assert choose_request_template(templates, None) == "any"
    assert choose_request_template(templates, "text/xml") == "xml"


def test_without_templates_there_is_none() -> None:
    assert choose_request_template({}, None) is None
    assert choose_response_template({}, None) is None


@pytest.mark.parametrize(
    ("behavior", "has_templates", "expected"),
    [
        (PassthroughBehavior.WHEN_NO_MATCH, True, True),
        (PassthroughBehavior.WHEN_NO_MATCH, False, True),
        (PassthroughBehavior.WHEN_NO_TEMPLATES, True, False),
        (PassthroughBehavior.WHEN_NO_TEMPLATES, False, True),
        (PassthroughBehavior.NEVER, True, False),
        (PassthroughBehavior.NEVER, False, False),
    ],
)
def test_passthrough_follows_awss_table(
    *, behavior: PassthroughBehavior, has_templates: bool, expected: bool
) -> None:
    assert may_pass_through(behavior, has_templates=has_templates) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, ("application/json", "json")),
        ("text/xml", ("text/xml", "xml")),
        ("text/plain, text/xml", ("application/json", "json")),
        ("*/*", ("application/json", "json")),
    ],
)
def test_a_response_template_is_chosen_by_accept(
    accept: str | None, expected: tuple[str, str]
) -> None:
    assert choose_response_template(TEMPLATES, accept) == expected


def test_the_first_response_template_is_the_last_resort() -> None:
    assert choose_response_template({"text/xml": "x", "text/css": "c"}, "a/b") == ("text/xml", "x")


@pytest.mark.parametrize(
    "key", ["application/json", "text/html; charset=utf-8", "application/vnd.a+json", "$default"]
)
def test_a_media_type_is_a_key(key: str) -> None:
    assert invalid_key(key) is None


@pytest.mark.parametrize("key", ["123", "", "/", "text/", "a/b c", "a/b\r\nX: 1", "a/b;\r\nX: 1"])
def test_anything_else_is_not(key: str) -> None:
    reason = invalid_key(key)

    assert reason is not None
    assert reason.startswith("Invalid content type specified: ")
