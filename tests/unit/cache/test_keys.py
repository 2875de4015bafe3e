"""Facts about what tells cached answers apart."""

from __future__ import annotations

import pytest

from gateway.cache.keys import CacheKey, compile_key
from gateway.definitions.integration import Integration, IntegrationType
from gateway.errors import Problem
from tests.unit.mapping.exchanges import exchange


def key(*parameters: str, namespace: str | None = None, **mapped: str) -> CacheKey:
    problems: list[Problem] = []
    compiled = compile_key(
        Integration(
            type=IntegrationType.HTTP,
            cache_namespace=namespace,
            cache_key_parameters=parameters,
            request_parameters={
                f"integration.request.querystring.{name}": source for name, source in mapped.items()
            },
        ),
        "res123",
        "here",
        problems,
    )
    assert problems == []
    return compiled


def test_the_namespace_is_the_resource_unless_it_is_named() -> None:
    assert key().namespace == "res123"
    assert key(namespace="shared").namespace == "shared"


def test_an_integrations_parameter_counts_as_what_it_is_mapped_from() -> None:
    own = key("integration.request.querystring.x", x="method.request.querystring.sort")
    direct = key("method.request.querystring.sort")

    assert own.sources[0].expression == direct.sources[0].expression


def test_a_placeholder_counts_as_the_path_parameter_of_its_name() -> None:
    compiled = key("integration.request.path.id")

    assert compiled.sources[0].expression == "method.request.path.id"


@pytest.mark.parametrize(
    ("parameter", "part"),
    [
        ("method.request.body", "cannot be in a key"),
        ("integration.request.querystring.unmapped", "integration.request.querystring.unmapped"),
        ("nonsense", "nonsense"),
    ],
)
def test_what_cannot_be_a_key_is_a_problem(parameter: str, part: str) -> None:
    problems: list[Problem] = []
    compile_key(
        Integration(type=IntegrationType.MOCK, cache_key_parameters=(parameter,)),
        "res123",
        "here",
        problems,
    )

    assert problems[0].path == "here.cacheKeyParameters[0]"
    assert part in problems[0].message


def test_authorization_in_the_key_is_noticed_however_it_is_spelled() -> None:
    assert key("method.request.header.authorization").has_authorization
    assert key("method.request.header.Authorization").has_authorization
    assert not key("method.request.header.Authorization-Kind").has_authorization


def test_what_only_sounds_like_authorization_is_not_it() -> None:
    assert not key("method.request.querystring.header.authorization").has_authorization
    assert not key(
        "integration.request.querystring.Authorization", Authorization="stageVariables.a"
    ).has_authorization


@pytest.mark.parametrize("place", ["header", "multivalueheader"])
def test_a_header_counts_however_it_is_spelled_and_with_all_its_values(place: str) -> None:
    read = key(f"method.request.{place}.X-User").reader()

    def values(*headers: tuple[bytes, bytes]) -> tuple[object, ...]:
        return read(exchange(headers=headers), None, ())

    assert values((b"x-user", b"ann")) == values((b"X-User", b"ann"))
    told = {
        values(),
        values((b"x-user", b"ann")),
        values((b"x-user", b"bob")),
        values((b"X-User", b"bob"), (b"X-User", b"ann")),
        values((b"x-user", b"bob"), (b"X-User", b"ann")),
        values((b"X-User", b"bob,ann")),
    }
    assert len(told) == 5


@pytest.mark.parametrize("place", ["querystring", "multivaluequerystring"])
def test_all_values_of_a_query_parameter_count(place: str) -> None:
    read = key(f"method.request.{place}.a").reader()
    queries = ("", "a=", "a=1", "a=2&a=1", "a=1&a=2", "a=2;a=1&a=1")

    assert len({read(exchange(query=query), None, ()) for query in queries}) == len(queries)


def test_absent_and_empty_parameters_are_values_of_their_own() -> None:
    read = key("method.request.querystring.a", "method.request.querystring.b").reader()
    values = {
        read(exchange(query=query), None, ()) for query in ("", "a=1", "b=1", "a=1&b=1", "a=2")
    }

    assert len(values) == 5


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        (("method.request.path.id",), "id"),
        (("integration.request.path.id",), "id"),
        ((), ""),
        (("method.request.querystring.id",), ""),
        (("method.request.path.id", "method.request.path.other"), ""),
    ],
)
def test_a_lone_path_parameter_is_known_by_its_name(parameters: tuple[str, ...], name: str) -> None:
    assert key(*parameters).path_parameter == name


def test_what_headers_alone_say_is_known() -> None:
    assert key().is_of_headers
    assert key("method.request.header.A", "method.request.multivalueheader.B").is_of_headers
    assert not key("method.request.header.A", "method.request.path.id").is_of_headers
    assert not key("context.identity.userAgent").is_of_headers
    assert not key("stageVariables.color").is_of_headers


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_reader_reads_as_many_values_as_there_are_parameters(count: int) -> None:
    names = "abc"[:count]
    read = key(*(f"method.request.querystring.{name}" for name in names)).reader()

    values = read(exchange(query="a=1&b=2&c=3"), None, ())
    assert values == (("1",) if count == 1 else tuple((f"{n}",) for n in range(1, count + 1)))
