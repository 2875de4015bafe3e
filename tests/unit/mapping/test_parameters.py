from __future__ import annotations

import pytest

from gateway.definitions.integration import IntegrationType
from gateway.errors import Fault, Problem
from gateway.mapping.mapped_body import MappedBody
from gateway.mapping.parameters import (
    RequestMapping,
    ResponseMapping,
    compile_request_parameters,
    compile_response_parameters,
    path_value,
    response_header_name,
)
from tests.unit.mapping.exchanges import exchange, messages


def to_backend(problems: list[Problem] | None = None, **mapping: str) -> RequestMapping:
    """Compile; `path__id` stands for `integration.request.path.id`."""
    found: list[Problem] = []
    compiled = compile_request_parameters(
        {
            f"integration.request.{key.replace('__', '.').replace('_', '-')}": value
            for key, value in mapping.items()
        },
        path="requestParameters",
        problems=found,
    )
    if problems is None:
        assert found == []
    else:
        problems.extend(found)
    return compiled


def to_client(
    mapping: dict[str, str], type_: IntegrationType = IntegrationType.HTTP
) -> ResponseMapping:
    problems: list[Problem] = []
    compiled = compile_response_parameters(
        {f"method.response.header.{key}": value for key, value in mapping.items()},
        declared=None,
        path="responseParameters",
        problems=problems,
        integration_type=type_,
    )
    assert messages(problems) == []
    return compiled


def test_nothing_mapped_is_nothing() -> None:
    assert to_backend() == RequestMapping()


def test_each_destination_has_its_sources_in_order() -> None:
    mapping = to_backend(
        header__X_Two="'2'", path__id="'p'", querystring__q="'q'", header__X_One="'1'"
    )

    assert [name for name, _ in mapping.path] == ["id"]
    assert [name for name, _ in mapping.querystring] == ["q"]
    assert [(name, lower) for name, lower, _ in mapping.headers] == [
        (b"X-Two", b"x-two"),
        (b"X-One", b"x-one"),
    ]
    assert not mapping.needs_body
    assert mapping.illegal_header is None


def test_headers_have_clean_values_and_empty_ones_are_left_out() -> None:
    mapping = to_backend(
        header__X_A="method.request.querystring.a",
        header__X_B="method.request.querystring.b",
        header__X_All="method.request.multivaluequerystring.a",
    )
    asked = exchange(query="a=1&a=2%0d%0aX-Forged:%201")

    assert mapping.header_lines(asked) == [
        (b"X-A", b"x-a", b"2  X-Forged: 1"),
        (b"X-All", b"x-all", b"1,2  X-Forged: 1"),
    ]


def test_a_header_that_is_only_controls_is_left_out() -> None:
    assert (
        to_backend(header__X_A="method.request.querystring.a").header_lines(
            exchange(query="a=%0d%0a")
        )
        == []
    )


def test_query_values_are_encoded_and_repeated() -> None:
    mapping = to_backend(
        querystring__all="method.request.multivaluequerystring.a",
        querystring__last="method.request.querystring.a",
        querystring__none="method.request.querystring.absent",
    )

    assert mapping.query(exchange(query="a=x+y&a=%26%FF")) == "all=x%20y&all=%26%FF&last=%26%FF"
    assert mapping.query(exchange()) == ""


def test_path_text_of_the_client_stays_raw_and_other_text_is_made_fit() -> None:
    mapping = to_backend(
        path__id="method.request.path.id",
        path__q="method.request.querystring.q",
        path__none="method.request.path.none",
    )
    asked = exchange(query="q=a%20b%3Fc", path_parameters={"id": "x%2Fy"})

    values = {name: path_value(source, asked) for name, source in mapping.path}

    assert values == {"id": "x%2Fy", "q": "a%20b%3Fc", "none": ""}


def test_a_decoded_value_cannot_climb_out_of_the_backends_path() -> None:
    mapping = to_backend(path__q="method.request.querystring.q")
    (_, source) = mapping.path[0]

    with pytest.raises(Fault):
        path_value(source, exchange(query="q=..%2F..%2Fadmin"))


def test_a_body_source_makes_the_mapping_need_the_body() -> None:
    mapping = to_backend(header__X_Name="method.request.body.name")

    assert mapping.needs_body
    assert mapping.header_lines(exchange(), MappedBody(b'{"name": "R\xc3\xa9x\\nX: 1"}')) == [
        (b"X-Name", b"x-name", "Réx X: 1".encode())
    ]


@pytest.mark.parametrize(
    "name",
    ["Content_Length", "transfer_encoding", "X_Amzn_Trace_Id", "X_AMZN_APIGATEWAY_API_ID"],
)
def test_an_illegal_header_is_accepted_and_remembered(name: str) -> None:
    problems: list[Problem] = []
    mapping = to_backend(problems, **{f"header__{name}": "'1'", "header__X_A": "'1'"})

    assert mapping.illegal_header == name.replace("_", "-")
    assert [lower for _, lower, _ in mapping.headers] == [b"x-a"]
    assert [problem.severity for problem in problems] == ["warning"]


@pytest.mark.parametrize("name", ["Expect", "proxy_authenticate", "TE", "Via"])
def test_some_headers_are_never_sent_even_when_mapped(name: str) -> None:
    problems: list[Problem] = []
    mapping = to_backend(problems, **{f"header__{name}": "'1'"})

    assert mapping == RequestMapping()
    assert len(messages(problems, "warning")) == 1


@pytest.mark.parametrize("name", ["Host", "Authorization", "Upgrade", "Server", "Content_MD5"])
def test_other_protected_headers_can_be_mapped(name: str) -> None:
    assert len(to_backend(None, **{f"header__{name}": "'1'"}).headers) == 1


@pytest.mark.parametrize(
    "key",
    [
        "integration.request.cookie.a",
        "integration.request.header.",
        "integration.request.header.a b",
        "integration.request.header.a\r\n",
        "integration.request.header",
        "method.request.header.a",
        "",
    ],
)
def test_an_unknown_destination_is_a_problem(key: str) -> None:
    problems: list[Problem] = []
    compile_request_parameters({key: "'1'"}, path="here", problems=problems)

    assert len(problems) == 1
    assert problems[0].path == f"here.{key}"
    assert problems[0].message.startswith("Invalid mapping expression specified: ")


def test_all_problems_are_reported() -> None:
    problems: list[Problem] = []
    to_backend(problems, header__a="true", header__b="false", path__c="'ok'")

    assert [problem.path for problem in problems] == [
        "requestParameters.integration.request.header.a",
        "requestParameters.integration.request.header.b",
    ]


def test_a_method_parameter_must_be_declared_to_be_referenced() -> None:
    problems: list[Problem] = []
    compile_request_parameters(
        {
            "integration.request.header.a": "method.request.header.a",
            "integration.request.header.b": "method.request.multivalueheader.b",
            "integration.request.header.c": "method.request.body.c",
            "integration.request.header.d": "method.request.querystring.a",
        },
        declared={"method.request.header.b": False, "method.request.header.a": True},
        path="here",
        problems=problems,
    )

    assert len(problems) == 1
    assert problems[0].message.startswith(
        "Invalid mapping expression parameter specified: method.request.querystring.a"
    )


REMAPPED = ["Connection", "Content-Length", "date", "SERVER"]
REMAPPED_OF_BACKENDS = [
    "Authorization", "Content-MD5", "Expect", "Host", "Max-Forwards", "Proxy-Authenticate",
    "Trailer", "Upgrade", "User-Agent", "WWW-Authenticate",
]  # fmt: skip


@pytest.mark.parametrize("name", REMAPPED + REMAPPED_OF_BACKENDS)
def test_protected_response_headers_are_remapped(name: str) -> None:
    expected = f"x-amzn-Remapped-{name}"

    assert response_header_name(name, IntegrationType.HTTP) == expected
    assert response_header_name(name, IntegrationType.AWS) == expected
    assert response_header_name(name, IntegrationType.MOCK) == (
        expected if name in REMAPPED else name
    )


@pytest.mark.parametrize(
    "name",
    ["Accept", "Age", "Content-Encoding", "Content-Type", "Range", "TE", "Via", "Warn", "X-Any"],
)
def test_other_response_headers_pass(name: str) -> None:
    assert response_header_name(name, IntegrationType.HTTP) == name


def test_transfer_encoding_never_reaches_the_client() -> None:
    problems: list[Problem] = []
    mapping = compile_response_parameters(
        {"method.response.header.Transfer-Encoding": "'chunked'"},
        declared=None,
        path="here",
        problems=problems,
    )

    assert mapping == ResponseMapping()
    assert len(messages(problems, "warning")) == 1


def test_response_headers_come_from_the_backends_answer() -> None:
    mapping = to_client(
        {
            "X-Id": "integration.response.header.X-Id",
            "Date": "integration.response.header.Date",
            "X-Kind": "integration.response.body.kind",
            "X-None": "integration.response.header.None",
        }
    )
    answered = [(b"X-Id", b"7"), (b"Date", b"now")]

    assert mapping.needs_body
    assert mapping.header_lines(exchange(), MappedBody(b'{"kind": "cat"}'), answered) == [
        (b"X-Id", b"x-id", b"7"),
        (b"x-amzn-Remapped-Date", b"x-amzn-remapped-date", b"now"),
        (b"X-Kind", b"x-kind", b"cat"),
    ]


def test_a_response_header_must_be_declared_to_be_set() -> None:
    problems: list[Problem] = []
    mapping = compile_response_parameters(
        {"method.response.header.a": "'1'", "method.response.header.b": "'1'"},
        declared={"method.response.header.b": False},
        path="here",
        problems=problems,
    )

    assert [name for name, _, _ in mapping.headers] == [b"b"]
    assert messages(problems) == [
        (
            "Invalid mapping expression parameter specified: method.response.header.a: "
            "declare it in the method response's responseParameters"
        )
    ]


@pytest.mark.parametrize("key", ["method.response.querystring.a", "method.response.header.", "x"])
def test_an_unknown_response_destination_is_a_problem(key: str) -> None:
    problems: list[Problem] = []
    compile_response_parameters({key: "'1'"}, declared=None, path="here", problems=problems)

    assert len(messages(problems)) == 1


def test_a_bad_response_source_is_a_problem() -> None:
    problems: list[Problem] = []
    compile_response_parameters(
        {"method.response.header.a": "method.request.header.a"},
        declared=None,
        path="here",
        problems=problems,
    )

    assert len(messages(problems)) == 1


def test_equal_mappings_are_one_object_unless_there_is_something_to_tell() -> None:
    mapping = {"integration.request.header.X-A": "method.request.header.X-B"}
    problems: list[Problem] = []
    one, two, other, undeclared = (
        compile_request_parameters(mapping, declared=declared, path=path, problems=problems)
        for path, declared in (
            ("one", {"method.request.header.X-B": True}),
            ("two", {"method.request.header.X-B": False}),
            ("other", None),
            ("undeclared", {}),
        )
    )

    assert one is two
    assert undeclared is not one
    assert undeclared is not other
    assert [problem.path for problem in problems] == ["undeclared.integration.request.header.X-A"]


def test_equal_response_mappings_are_one_object_for_one_type_of_integration() -> None:
    mapping = {"method.response.header.X-A": "'a'"}
    problems: list[Problem] = []
    one, two, other = (
        compile_response_parameters(
            mapping, declared=None, path="x", problems=problems, integration_type=kind
        )
        for kind in (IntegrationType.HTTP, IntegrationType.HTTP, IntegrationType.MOCK)
    )

    assert one is two
    assert one is not other
