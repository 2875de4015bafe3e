from __future__ import annotations

import pytest

from gateway.errors import Fault, Problem
from gateway.mapping.mapped_body import MappedBody, Side
from gateway.mapping.sources import EXPRESSION_CHARACTERS, Source, compile_source
from gateway.messages import Exchange
from tests.unit.mapping.exchanges import exchange, messages


def source(expression: str, side: Side = "request") -> Source:
    problems: list[Problem] = []
    compiled = compile_source(expression, side, "here", problems)
    assert compiled is not None, problems
    assert messages(problems) == []
    return compiled


ASKED = exchange(
    query="q=1&q=2&Q=3&empty=&text=a+b%26c&mixed=&mixed=x&last=x&last=",
    headers=(
        (b"X-Id", b"1"),
        (b"x-id", b"2"),
        (b"X-Id", b"3"),
        (b"X-Empty", b""),
        (b"X-Bytes", b"\xe9"),
        (b"Host", b"shop.test"),
    ),
    path_parameters={"petId": "a%2Fb", "proxy": "x/y"},
    stage_variables={"backend": "b.test", "none": ""},
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("method.request.path.petId", ("a%2Fb",)),
        ("method.request.path.proxy", ("x/y",)),
        ("method.request.path.absent", ()),
        ("method.request.querystring.q", ("2",)),
        ("method.request.querystring.Q", ("3",)),
        ("method.request.querystring.text", ("a b&c",)),
        ("method.request.querystring.empty", ()),
        ("method.request.querystring.last", ()),
        ("method.request.querystring.absent", ()),
        ("method.request.multivaluequerystring.q", ("1", "2")),
        ("method.request.multivaluequerystring.mixed", ("", "x")),
        ("method.request.multivaluequerystring.empty", ()),
        ("method.request.multivaluequerystring.absent", ()),
        ("method.request.header.X-Id", ("3",)),
        ("method.request.header.x-id", ("2",)),
        ("method.request.header.X-ID", ()),
        ("method.request.header.X-Empty", ()),
        ("method.request.header.X-Bytes", ("\udce9",)),
        ("method.request.header.Host", ("shop.test",)),
        ("method.request.multivalueheader.X-Id", ("1,3",)),
        ("method.request.multivalueheader.absent", ()),
        ("stageVariables.backend", ("b.test",)),
        ("stageVariables.none", ()),
        ("stageVariables.absent", ()),
        ("stageVariables.header.x", ()),
        ("context.stage", ("dev",)),
        ("context.identity.sourceIp", ("192.0.2.7",)),
        ("context.authorizer.principalId", ()),
        ("context.status", ()),
        ("'text'", ("text",)),
        ("'it''s'", ("it''s",)),
        ("'method.request.path.petId'", ("method.request.path.petId",)),
        ("''", ()),
    ],
)
def test_a_request_source_reads_its_values(expression: str, expected: tuple[str, ...]) -> None:
    assert source(expression).values(ASKED) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("method.request.body", ('{"a":{"b":[1,2]},"..":0}',)),
        ("method.request.body.a.b[1]", ("2",)),
        ("method.request.body.a", ('{"b":[1,2]}',)),
        ("method.request.body..b", ("[[1,2]]",)),
        ("method.request.body.['a']['b'][0]", ("1",)),
        ("method.request.body.absent", ()),
    ],
)
def test_a_body_source_reads_the_body(expression: str, expected: tuple[str, ...]) -> None:
    body = MappedBody(b'{"a":{"b":[1,2]},"..":0}')

    assert source(expression).needs_body
    assert source(expression).values(ASKED, body) == expected


def test_a_malformed_body_is_a_fault_only_for_those_who_read_it() -> None:
    body = MappedBody(b"{")

    assert source("context.stage").values(ASKED, body) == ("dev",)
    with pytest.raises(Fault, match="body mapping"):
        source("method.request.body").values(ASKED, body)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("integration.response.header.X-Id", ("2",)),
        ("integration.response.header.x-id", ()),
        ("integration.response.header.Connection", ("close",)),
        ("integration.response.multivalueheader.X-Id", ("1,2",)),
        ("integration.response.body", ('{"a":7}',)),
        ("integration.response.body.a", ("7",)),
        ("stageVariables.backend", ("b.test",)),
        ("context.stage", ("dev",)),
        ("'text'", ("text",)),
    ],
)
def test_a_response_source_reads_the_backends_answer(
    expression: str, expected: tuple[str, ...]
) -> None:
    answered = [(b"X-Id", b"1"), (b"X-Id", b"2"), (b"Connection", b"close")]
    body = MappedBody(b'{"a":7}', "response")

    assert source(expression, "response").values(ASKED, body, answered) == expected


def test_several_values_are_one_text_in_a_header_or_path() -> None:
    assert source("method.request.multivaluequerystring.q").text(ASKED) == "1,2"
    assert source("method.request.querystring.absent").text(ASKED) == ""


def test_only_static_sources_are_constant() -> None:
    assert source("'text'").constant == "text"
    assert source("''").constant == ""
    assert source("context.stage").constant is None


def test_only_the_clients_own_path_is_path_text() -> None:
    assert source("method.request.path.petId").is_path_text
    assert not source("method.request.querystring.q").is_path_text


@pytest.mark.parametrize("name", ["Connection", "te", "Content-Length", "X-Up"])
def test_headers_stripped_at_the_door_are_never_there(name: str) -> None:
    problems: list[Problem] = []
    asked = exchange(headers=((name.encode(), b"v"),))
    compiled = compile_source(f"method.request.header.{name}", "request", "here", problems)

    assert compiled is not None
    assert compiled.values(asked) == (("v",) if name == "X-Up" else ())
    assert len(messages(problems, "warning")) == (0 if name == "X-Up" else 1)


def test_an_exchange_that_was_not_located_has_no_stage_variables() -> None:
    asked = Exchange(ASKED.request, "", "", 0.0, 0.0)

    assert source("stageVariables.backend").values(asked) == ()


@pytest.mark.parametrize(
    ("expression", "side"),
    [
        ("true", "request"),
        ("", "request"),
        ("'", "request"),
        ("'open", "request"),
        ("method.request.header.", "request"),
        ("method.request.header.a b", "request"),
        ("method.request.cookie.a", "request"),
        ("method.request.a", "request"),
        ("method.request.bodyx", "request"),
        ("Method.request.header.a", "request"),
        ("$context.stage", "request"),
        ("stageVariables.", "request"),
        ("stageVariables.a/b", "request"),
        ("context.nonsense", "request"),
        ("method.request.header.a\n", "request"),
        ("integration.response.header.a", "request"),
        ("method.request.header.a", "response"),
        ("method.request.body", "response"),
        ("integration.response.querystring.a", "response"),
        ("integration.response.path.a", "response"),
        ("integration.response.a", "response"),
        ("method.request.body.", "request"),
        ("method.request.body.a[?(@.b)]", "request"),
        ("'two\nlines'", "request"),
        ("'\x00'", "request"),
        ("'" + "x" * EXPRESSION_CHARACTERS + "'", "request"),
    ],
)
def test_what_is_no_source_is_a_problem_in_awss_words(expression: str, side: Side) -> None:
    problems: list[Problem] = []

    assert compile_source(expression, side, "here", problems) is None
    assert len(problems) == 1
    assert problems[0].path == "here"
    assert problems[0].message.startswith("Invalid mapping expression specified: ")
    assert len(problems[0].message) < 400


def test_a_sound_expression_is_one_object_and_a_problem_is_told_each_time() -> None:
    assert source("context.requestId") is source("context.requestId")
    assert source("'a'") is not source("'b'")
    problems: list[Problem] = []
    for path in ("one", "two"):
        compile_source("nonsense", "request", path, problems)

    assert [problem.path for problem in problems] == ["one", "two"]
