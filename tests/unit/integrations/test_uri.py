"""Facts about an integration's uri (semantics sheet 10.2)."""

import pytest

from gateway.errors import Problem
from gateway.integrations.uri import (
    BoundUri,
    InvalidEndpointAddressError,
    PathParameter,
    PathValue,
    UriPlan,
    compile_uri,
)
from gateway.messages import Derived, Exchange, InvocationRequest


def exchange(**parameters: str) -> Exchange:
    request = InvocationRequest(("GET", "/", "/", ""), Derived("h", (), {}, "127.0.0.1"))
    made = Exchange(request, "r", "e", 0.0, 0.0)
    made.path_parameters = parameters
    return made


def parameter(name: str) -> PathValue:
    return PathParameter(name) if name != "mapped" else lambda _exchange, _body: "m"


def plan(text: str | None, *names: str) -> tuple[UriPlan, list[Problem]]:
    problems: list[Problem] = []
    values = {name: parameter(name) for name in names}
    made = compile_uri(text, is_verified=True, values=values, path="integration", problems=problems)
    return made, problems


def bound(text: str, *names: str, **variables: str) -> BoundUri:
    made, problems = plan(text, *names)
    assert problems == []
    return made.bind(variables)


def test_a_plain_uri_is_constant() -> None:
    uri = bound("http://backend.test:9000/pets?kind=cat")

    assert uri.constant == "/pets?kind=cat"
    assert uri.has_query
    assert uri.host_header == "backend.test:9000"
    assert (uri.origin.scheme, uri.origin.host, uri.origin.port) == ("http", "backend.test", 9000)


@pytest.mark.parametrize(("scheme", "port"), [("http", 80), ("https", 443)])
def test_the_port_defaults_to_the_schemes(scheme: str, port: int) -> None:
    uri = bound(f"{scheme}://h")

    assert (uri.origin.port, uri.constant, uri.host_header) == (port, "/", "h")


def test_an_ipv6_address_keeps_its_brackets_in_the_host_header_only() -> None:
    uri = bound("http://[::1]:8080/x")

    assert (uri.origin.host, uri.host_header) == ("::1", "[::1]:8080")


def test_path_parameters_are_put_in_as_raw_text() -> None:
    uri = bound("http://h/a/{id}/b/{proxy}?x={id}", "id", "proxy")

    assert uri.constant is None
    assert uri.target(exchange(id="1%2F2", proxy="p//q"), None) == "/a/1%2F2/b/p//q?x=1%2F2"


def test_a_parameter_without_value_renders_empty() -> None:
    assert bound("http://h/a/{id}", "id").target(exchange(), None) == "/a/"


@pytest.mark.parametrize(
    ("text", "around"),
    [
        ("http://h/a/{id}/b?x=1", ("/a/", "id", "/b?x=1")),
        ("http://h/{id}", ("/", "id", "")),
        ("http://h/a", None),
        ("http://h/{id}/{id}", None),
        ("http://h/{id}/{proxy}", None),
        ("http://h/{mapped}", None),
        ("http://h/{id}/{mapped}", None),
    ],
)
def test_a_lone_path_parameter_is_told_with_what_is_around_it(
    text: str, around: tuple[str, str, str] | None
) -> None:
    uri = bound(text, "id", "proxy", "mapped")

    assert uri.around == around
    if around is not None:
        before, name, after = around
        assert uri.target(exchange(id="7"), None) == f"{before}7{after}"
        assert repr(uri.pieces[1]) == f"<PathParameter {name}>"


def test_stage_variables_may_be_anywhere_after_the_scheme() -> None:
    uri = bound("http://${stageVariables.host}/v${stageVariables.v}/{id}", "id", host="h:81", v="2")

    assert uri.host_header == "h:81"
    assert uri.target(exchange(id="7"), None) == "/v2/7"


def test_an_undefined_stage_variable_is_empty_and_the_address_invalid() -> None:
    made, problems = plan("http://${stageVariables.nope}/x")

    assert problems == []
    assert made.variables == ("nope",)
    with pytest.raises(InvalidEndpointAddressError):
        made.bind({})


@pytest.mark.parametrize(
    "text",
    [
        "http://", "http:///x", "http://user@h/x", "http://h:0/", "http://h:99999/", "http://h h/",
        "http://h/a b", "http://h/\r\nX: y", "http://h/é", "http://{host}/x", "http://h/%zz",
        "http://h/<x>", "http://-h/", "http://h/#f", "http://h:\uff18\uff10/", "http://h:\u0663/",
        "http://un\u0131x:/run/app.sock:/x",
    ],
)  # fmt: skip
def test_what_cannot_be_called_is_a_problem_with_its_path(text: str) -> None:
    _, problems = plan(text, "host")

    assert problems
    assert all(problem.path == "integration.uri" for problem in problems)


@pytest.mark.parametrize("text", [None, "", "ftp://h/", "h/x", "arn:aws:apigateway:x"])
def test_a_missing_uri_or_another_scheme_is_a_problem(text: str | None) -> None:
    assert plan(text)[1]


def test_a_placeholder_that_nothing_fills_is_a_problem_that_names_it() -> None:
    _, problems = plan("http://h/{nope}")

    assert "{nope}" in problems[0].message


def test_other_dollar_braces_are_left_to_the_backend() -> None:
    made, _ = plan("http://h/x")

    assert made.bind({"unused": "y"}).describe() == "http://h/x"


# Unix sockets


@pytest.mark.parametrize(
    ("text", "socket", "target"),
    [
        ("http://unix:/run/app.sock:/pets", "/run/app.sock", "/pets"),
        ("http://unix:/run/app.sock:/pets?kind=cat", "/run/app.sock", "/pets?kind=cat"),
        ("http://unix:/run/app.sock:/a:b", "/run/app.sock", "/a:b"),
        ("http://unix:/run/app.sock:/", "/run/app.sock", "/"),
        ("http://unix:/run/app.sock:", "/run/app.sock", "/"),
        ("http://unix:/run/app.sock", "/run/app.sock", "/"),
        ("HTTP://UNIX:/run/App_1@x.sock:/pets", "/run/App_1@x.sock", "/pets"),
    ],
)
def test_a_unix_socket_is_written_as_for_other_proxies(text: str, socket: str, target: str) -> None:
    uri = bound(text)

    assert (uri.origin.unix_path, uri.constant) == (socket, target)
    assert uri.host_header == "localhost"
    assert uri.origin.key == f"http://unix:{socket}"
    assert uri.describe() == f"http://unix:{socket}:{target}"


def test_a_stage_variable_may_name_a_socket_or_a_host() -> None:
    made, problems = plan("http://${stageVariables.backend}/pets/{id}", "id")
    socket = made.bind({"backend": "unix:/run/app.sock:"})
    host = made.bind({"backend": "127.0.0.1:9000"})

    assert problems == []
    assert (socket.origin.unix_path, host.origin.port) == ("/run/app.sock", 9000)
    assert socket.target(exchange(id="7"), None) == host.target(exchange(id="7"), None) == "/pets/7"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://unix:/run/app.sock:/", "asks for TLS over a unix socket"),
        ("http://unix:/run/../etc/app.sock:/", "is no plain absolute path"),
        ("http://unix:/run/./app.sock:/", "is no plain absolute path"),
        ("http://unix://run/app.sock:/", "is no plain absolute path"),
        ("http://unix:/run/app.sock/:/", "is no plain absolute path"),
        ("http://unix:/run/a%2Fb.sock:/", "is no plain absolute path"),
        ("http://unix:/run/{name}.sock:/", "is no plain absolute path"),
        ("http://unix:/" + "a" * 107 + ":/", "has more than 107 characters"),
    ],
)
def test_a_socket_that_cannot_be_is_refused(text: str, reason: str) -> None:
    made, _ = plan(text, "name")
    with pytest.raises(InvalidEndpointAddressError, match=reason):
        made.bind({})


def test_a_host_may_be_called_unix() -> None:
    assert bound("http://unix:8080/a").origin.host == "unix"
    assert bound("http://unix/a").origin.host == "unix"
