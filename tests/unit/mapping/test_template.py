from __future__ import annotations

import pytest

from gateway.errors import Problem
from gateway.mapping.template import (
    PROBLEMS_PER_TEMPLATE,
    TEMPLATE_BYTES,
    Template,
    compile_template,
    compile_templates,
)
from gateway.messages import Exchange
from tests.unit.mapping.exchanges import exchange, messages

ASKED = exchange(
    query="q=1&q=2&both=query&encoded=a%20b&only=&header-only=",
    headers=(
        (b"X-Id", b"1"),
        (b"X-Id", b"2"),
        (b"both", b"header"),
        (b"header-only", b"h"),
        (b"Connection", b"close"),
    ),
    path_parameters={"petId": "a%2Fb", "both": "path"},
    stage_variables={"host": "b.test", "h_1": "x"},
)


def template(text: str) -> Template:
    problems: list[Problem] = []
    compiled = compile_template(text, "here", problems)
    assert compiled is not None, problems
    assert problems == []
    return compiled


def rejected(text: str) -> list[str]:
    problems: list[Problem] = []
    assert compile_template(text, "here", problems) is None
    assert {problem.path for problem in problems} == {"here"}
    return messages(problems)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"statusCode": 200}',
        "costs $5, $$, $, ${}, ${5}, ${ a}, $!, $!5, $.a, $-",
        "colour #fff, #1, # heading, #, #-, #endpoint, #iffy, #foo, \\n \\\\ \\$5",
        "größe\n\ttabs\r\n",
    ],
)
def test_text_is_text(text: str) -> None:
    assert template(text).constant == text
    assert template(text).render(ASKED) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$context.stage", "dev"),
        ("${context.stage}", "dev"),
        ("$!context.stage", "dev"),
        ("$!{context.stage}", "dev"),
        ("<$context.identity.sourceIp>", "<192.0.2.7>"),
        ("$context.stage.", "dev."),
        ("$context.stage. Next", "dev. Next"),
        ("${context.stage}s", "devs"),
        ("${context.stage}.x", "dev.x"),
        ("${context.stage}[0](1)", "dev[0](1)"),
        ("[$context.stage]", "[dev]"),
        ("$$context.stage", "$dev"),
        ("$context.stage$context.stage", "devdev"),
        ("$context.isCanaryRequest", ""),
        ("$stageVariables.host", "b.test"),
        ("${stageVariables.host}", "b.test"),
        ("$stageVariables['host']", "b.test"),
        ('$stageVariables["host"]', "b.test"),
        ("${stageVariables['host']}", "b.test"),
        ("${stageVariables[ 'host' ]}", "b.test"),
        ("$stageVariables.h_1", "x"),
        ("<$stageVariables.absent>", "<>"),
        ("<$stageVariables['ab sent']>", "<>"),
        ("https://$stageVariables.host/x", "https://b.test/x"),
        ("https://${stageVariables.host}.example", "https://b.test.example"),
        ("$input.params('petId')", "a%2Fb"),
        ('$input.params("petId")', "a%2Fb"),
        ("${input.params( 'petId' )}", "a%2Fb"),
        ("$input.params('both')", "path"),
        ("$input.params('q')", "2"),
        ("$input.params('encoded')", "a b"),
        ("$input.params('header-only')", "h"),
        ("$input.params('X-Id')", "2"),
        ("<$input.params('x-id')>", "<>"),
        ("<$input.params('only')>", "<>"),
        ("<$input.params('Connection')>", "<>"),
        ("<$input.params('größe')>", "<>"),
        ('{"a": "$input.params(\'q\')", "b": $context.stage}', '{"a": "2", "b": dev}'),
    ],
)
def test_references_are_rendered(text: str, expected: str) -> None:
    compiled = template(text)

    assert compiled.constant is None
    assert compiled.render(ASKED) == expected


def test_an_exchange_that_was_not_located_renders_nothing_for_it() -> None:
    unlocated = Exchange(ASKED.request, "", "", 0.0, 0.0)

    assert template("<$stageVariables.host$context.stage>").render(unlocated) == "<>"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("#set($x = 1)", "`#set`"),
        ("#if(true) a #end", "`#if`"),
        ("#{else}", "`#else`"),
        ("#foreach ($a in $b)", "`#foreach`"),
        ("#macro(a)", "`#macro`"),
        ("#parse('x')", "`#parse`"),
        ("#end-x", "`#end`"),
        ("#mine('x')", "`#mine()`"),
        ("#@mine()", "`#mine()`"),
        ("a ## comment", "`##`"),
        ("a #* comment *#", "`#*`"),
        ("#[[ raw ]]#", "`#[[`"),
        ("\\$context.stage", "escaping"),
        ("\\#set", "escaping"),
        ("$util.urlEncode('x')", "`$util.urlEncode(`"),
        ("$util", "`$util`"),
        ("$input", "`$input`"),
        ("$input.body", "`$input.body`"),
        ("$input.json('$.a')", "`$input.json(`"),
        ("$input.path('$.a')", "`$input.path(`"),
        ("$input.params()", "`$input.params(`"),
        ("$input.params('a').length()", "`$input.params('a').l`"),
        ('$input.params("$context.stage")', "`$input.params(`"),
        ("$input.params('a", "`$input.params(`"),
        ("$inputRoot.a", "`$inputRoot.a`"),
        ('{"$ref": 1}', "`$ref`"),
        ("$foo", "`$foo`"),
        ("${foo}", "`${foo`"),
        ("$context", "`$context`"),
        ("$context['stage']", "`$context['stage']`"),
        ("$context.params('stage')", "`$context.params('stage')`"),
        ("$context.stage[0]", "`$context.stage[`"),
        ("$context.keySet()", "`$context.keySet(`"),
        ("$context.stage.length()", "`$context.stage.length(`"),
        ("$stageVariables", "`$stageVariables`"),
        ("$stageVariables.a.b", "`$stageVariables.a.b`"),
        ("$stageVariables['a'].b", "`$stageVariables['a'].b`"),
        ("$stageVariables[0]", "`$stageVariables[`"),
        ("${context.stage", "not closed"),
        ("${context.stage|'x'}", "not closed"),
        ("${context.stage.length()}", "not closed"),
    ],
)
def test_the_rest_of_the_language_is_named_and_refused(text: str, named: str) -> None:
    assert named in rejected(text)[0]


def test_a_problem_says_line_and_column() -> None:
    assert rejected('{\n  "a": #set($context.stage)\n}')[0].startswith(
        "template line 2, column 8: "
    )
    assert rejected("#stop")[0].startswith("template line 1, column 1: ")


def test_all_problems_are_reported_up_to_a_bound() -> None:
    assert len(rejected("$foo $bar #end")) == 3
    assert len(rejected("$foo " * 1000)) == PROBLEMS_PER_TEMPLATE


@pytest.mark.parametrize(
    "text",
    [
        "$context.nonsense",
        "$context.identity",
        "$context.status",
        "$context.authorizer.claims",
        "$context.requestOverride.header.x",
        "${context.requestid}",
    ],
)
def test_an_unknown_context_variable_renders_nothing_and_is_a_warning(text: str) -> None:
    problems: list[Problem] = []
    compiled = compile_template(f"<{text}>", "here", problems)

    assert compiled is not None
    assert compiled.constant == "<>"
    assert [problem.severity for problem in problems] == ["warning"]
    assert "template line 1, column 2: " in problems[0].message


def test_a_hyphen_after_a_stage_variable_is_a_warning() -> None:
    """Velocity reads it as part of the name."""
    problems: list[Problem] = []
    compiled = compile_template("$stageVariables.host-x", "here", problems)

    assert compiled is not None
    assert compiled.render(ASKED) == ""
    assert len(messages(problems, "warning")) == 1


def test_more_warnings_than_are_reported_lose_no_text() -> None:
    problems: list[Problem] = []
    text = "$context.nonsense " * (PROBLEMS_PER_TEMPLATE + 5) + "end"
    compiled = compile_template(text, "here", problems)

    assert compiled is not None
    assert compiled.constant is not None
    assert compiled.constant.endswith("end")
    assert len(problems) <= PROBLEMS_PER_TEMPLATE


def test_a_template_has_a_bound() -> None:
    assert template("x" * TEMPLATE_BYTES).constant == "x" * TEMPLATE_BYTES
    assert rejected("é" * (TEMPLATE_BYTES // 2 + 1))


@pytest.mark.parametrize(
    "unit", ["$", "${", "#", "$a['", "\\", "$context.", "$input.params('", "'"]
)
def test_odd_templates_are_read_in_linear_time(unit: str) -> None:
    problems: list[Problem] = []
    compile_template(unit * (TEMPLATE_BYTES // len(unit)), "here", problems)

    assert len(problems) <= PROBLEMS_PER_TEMPLATE


def test_templates_are_compiled_by_media_type() -> None:
    problems: list[Problem] = []
    compiled = compile_templates(
        {"Application/JSON; charset=utf-8": "{}", "$default": "x", "123": "y", "a/b": "#if"},
        path="here",
        problems=problems,
    )

    assert list(compiled) == ["application/json", "$default"]
    assert [problem.path for problem in problems] == ["here.123", "here.a/b"]
