from collections.abc import Mapping

import pytest

from gateway.errors import ConfigurationError
from gateway.routing.routes import Routes, RoutesBuilder


def routes(*methods: str) -> Routes[str]:
    """Compile `GET /pets` and the like; the payload is the text itself."""
    split = (method.split(" ") for method in methods)
    return Routes.build((path, verb, f"{verb} {path}") for verb, path in split)


def found(routed: Routes[str], request: str) -> tuple[str, dict[str, str]] | None:
    verb, path = request.split(" ", 1)
    match = routed.find(path, verb)
    return None if match is None else (match[0], dict(match[1]))


def test_static_beats_variable_beats_greedy() -> None:
    routed = routes("GET /a/b", "GET /a/{id}", "GET /a/{rest+}")

    assert found(routed, "GET /a/b") == ("GET /a/b", {})
    assert found(routed, "GET /a/c") == ("GET /a/{id}", {"id": "c"})
    assert found(routed, "GET /a/c/d") == ("GET /a/{rest+}", {"rest": "c/d"})


def test_a_variable_under_static_segments_needs_one_segment_and_the_method() -> None:
    routed = routes("GET /a/b/{id}", "GET /a/b/c", "POST /a/b/c", "ANY /{rest+}", "PUT /{id}")

    assert found(routed, "GET /a/b/7%2F8") == ("GET /a/b/{id}", {"id": "7%2F8"})
    assert found(routed, "GET //a/b/7/") == ("GET /a/b/{id}", {"id": "7"})
    assert found(routed, "GET /a/b/c") == ("GET /a/b/c", {})
    assert found(routed, "GET /a/b/") == ("ANY /{rest+}", {"rest": "a/b"})
    assert found(routed, "GET /a//b") == ("ANY /{rest+}", {"rest": "a//b"})
    assert found(routed, "POST /a/b/7") == ("ANY /{rest+}", {"rest": "a/b/7"})
    assert found(routed, "PUT /x") == ("PUT /{id}", {"id": "x"})
    assert found(routed, "PUT /x/") == ("PUT /{id}", {"id": "x"})


def test_leftmost_segment_decides_first() -> None:
    routed = routes("GET /a/{x}/{y}", "GET /{z}/b/c")

    assert found(routed, "GET /a/b/c") == ("GET /a/{x}/{y}", {"x": "b", "y": "c"})


@pytest.mark.parametrize("path", ["/x", "/x/", "//x", "///x//"])
def test_outer_slashes_are_ignored(path: str) -> None:
    assert found(routes("GET /x"), f"GET {path}") == ("GET /x", {})


@pytest.mark.parametrize("path", ["/", "//", ""])
def test_root_is_a_resource_of_its_own(path: str) -> None:
    assert found(routes("GET /", "ANY /{proxy+}"), f"GET {path}") == ("GET /", {})
    assert found(routes("ANY /{proxy+}"), f"GET {path}") is None
    assert found(routes("ANY /{id}"), f"GET {path}") is None


def test_greedy_value_drops_the_trailing_slash() -> None:
    assert found(routes("GET /{proxy+}"), "GET /proxy-value/") == (
        "GET /{proxy+}",
        {"proxy": "proxy-value"},
    )


def test_inner_empty_segments_stay_inside_a_greedy_value() -> None:
    routed = routes("GET /base/{proxy+}")

    assert found(routed, "GET /base/a//b") == ("GET /base/{proxy+}", {"proxy": "a//b"})
    assert found(routed, "GET /base//b") == ("GET /base/{proxy+}", {"proxy": "/b"})


def test_empty_segment_matches_neither_static_nor_variable() -> None:
    assert found(routes("GET /a/b"), "GET /a//b") is None
    assert found(routes("GET /a/{x}/b"), "GET /a//b") is None


@pytest.mark.parametrize("path", ["/base", "/base/", "/base//"])
def test_greedy_needs_a_character(path: str) -> None:
    assert found(routes("GET /base/{proxy+}"), f"GET {path}") is None


def test_lacking_method_falls_back_to_greedy_near_the_root() -> None:
    routed = routes("POST /test", "OPTIONS /{proxy+}")

    assert found(routed, "OPTIONS /test") == ("OPTIONS /{proxy+}", {"proxy": "test"})
    assert found(routed, "GET /test") is None


def test_dead_end_falls_back_to_greedy_near_the_root() -> None:
    routed = routes("GET /part1", "GET /part1/hardcoded-value", "GET /{param+}")

    assert found(routed, "GET /part1/random-value") == (
        "GET /{param+}",
        {"param": "part1/random-value"},
    )


def test_dead_end_falls_back_to_the_deepest_alternative() -> None:
    routed = routes("GET /a/b/c", "GET /a/{x}/d", "GET /{y}/b/e", "GET /{y}/{z+}")

    assert found(routed, "GET /a/b/d") == ("GET /a/{x}/d", {"x": "b"})
    assert found(routed, "GET /a/b/e") == ("GET /{y}/b/e", {"y": "a"})
    assert found(routed, "GET /a/b/f") == ("GET /{y}/{z+}", {"y": "a", "z": "b/f"})


def test_specific_method_beats_any_on_one_resource() -> None:
    for routed in (routes("ANY /a", "GET /a"), routes("GET /a", "ANY /a")):
        assert found(routed, "GET /a") == ("GET /a", {})
        assert found(routed, "PUT /a") == ("ANY /a", {})


def test_better_resource_with_any_beats_worse_one_with_the_method() -> None:
    assert found(routes("ANY /a", "GET /{x}"), "GET /a") == ("ANY /a", {})


@pytest.mark.parametrize("verb", ["TRACE", "PROPFIND", "get", "ANY", "CONNECT"])
def test_any_is_no_more_than_seven_methods(verb: str) -> None:
    assert found(routes("ANY /a", "ANY /{proxy+}"), f"{verb} /a") is None


def test_head_and_options_are_not_automatic() -> None:
    assert found(routes("GET /a"), "HEAD /a") is None
    assert found(routes("GET /a"), "OPTIONS /a") is None


def test_text_is_compared_raw() -> None:
    routed = routes("GET /foo", "GET /{id}", "GET /{id}/x")

    assert found(routed, "GET /Foo") == ("GET /{id}", {"id": "Foo"})
    assert found(routed, "GET /%66oo") == ("GET /{id}", {"id": "%66oo"})
    assert found(routed, "GET /test%2Balias@gmail.com") == (
        "GET /{id}",
        {"id": "test%2Balias@gmail.com"},
    )
    assert found(routed, "GET /a%2Fb/x") == ("GET /{id}/x", {"id": "a%2Fb"})


def test_one_variable_may_have_a_name_for_each_resource() -> None:
    routed = routes("GET /r/{owner}", "GET /r/{template_owner}/generate")

    assert found(routed, "GET /r/me") == ("GET /r/{owner}", {"owner": "me"})
    assert found(routed, "GET /r/me/generate") == (
        "GET /r/{template_owner}/generate",
        {"template_owner": "me"},
    )


def test_no_parameters_are_one_shared_mapping_that_nobody_can_write() -> None:
    routed = routes("GET /a", "GET /")
    shared = [match[1] for path in ("/a", "/a/", "/") if (match := routed.find(path, "GET"))]

    assert len(shared) == 3
    assert len({id(parameters) for parameters in shared}) == 1
    assert not hasattr(shared[0], "__setitem__")


def test_path_longer_than_any_resource_matches_greedy_ones_only() -> None:
    long = "/a" * 10_000

    assert found(routes("GET /{x}/{y}", "GET /a/a"), f"GET {long}") is None
    match = found(routes("GET /{x}/{y}", "ANY /a/{rest+}"), f"GET {long}")
    assert match == ("ANY /a/{rest+}", {"rest": long[3:]})


def test_every_combination_of_static_and_variable_finds_the_one_with_the_method() -> None:
    """The worst definition for backtracking: 1,024 resources that all match the path."""
    bits = [format(number, "010b") for number in range(1024)]
    paths = [text.replace("0", "/a").replace("1", "/{p}") for text in bits]
    longer = f"GET {'/{p}' * 10}/b"
    routed = routes(*(f"POST {path}" for path in paths), longer, "PUT /{p}/{rest+}")
    deep = "/a" * 10

    assert found(routed, f"POST {deep}") == (f"POST {deep}", {})
    assert found(routed, f"GET {deep}") is None
    match = found(routed, f"PUT {deep}")
    assert match == ("PUT /{p}/{rest+}", {"p": "a", "rest": deep[3:]})


def test_deep_resources_need_no_recursion() -> None:
    path = "/{x}" * 5_000 + "/end"
    match = routes(f"GET {path}").find("/v" * 5_000 + "/end", "GET")

    assert match is not None
    assert match[1] == {"x": "v"}


def test_empty_routes_find_nothing() -> None:
    empty = routes()

    assert [found(empty, f"GET {path}") for path in ("/", "/a", "/a/b")] == [None, None, None]
    assert list(empty) == []


def test_iteration_gives_every_method_once_in_order_of_preference() -> None:
    routed = routes("ANY /{proxy+}", "GET /{id}", "ANY /b", "GET /b", "GET /a/c", "GET /")

    assert [payload for _, _, payload in routed] == [
        "GET /",
        "GET /a/c",
        "GET /b",
        "ANY /b",
        "GET /{id}",
        "ANY /{proxy+}",
    ]
    assert len(routed) == 6
    assert repr(routed) == "<Routes 6 methods, 2 deep>"


def test_any_beside_all_seven_methods_is_still_there() -> None:
    methods = [
        f"{verb} /a" for verb in ("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS")
    ]
    routed = routes(*methods, "ANY /a")

    assert [payload for _, _, payload in routed] == [*methods, "ANY /a"]
    with pytest.raises(ConfigurationError):
        routes("ANY /a", *methods, "ANY /a/")


def test_same_method_twice_is_refused_and_every_pair_is_named() -> None:
    with pytest.raises(ConfigurationError) as refused:
        routes("GET /a/{x}", "GET /a/{y}", "ANY /b", "ANY /b/", "GET /c", "ANY /c", "GET /c")

    assert [problem.path for problem in refused.value.problems] == [
        "resources./a/{y}.GET",
        "resources./b/.ANY",
        "resources./c.GET",
    ]
    assert "GET of /a/{x}" in refused.value.problems[0].message


def test_builder_compiles_one_method_at_a_time() -> None:
    builder = RoutesBuilder[int]()
    builder.add("/a", "GET", 1)
    builder.add("/a/{x}", "GET", 2)
    routed = builder.finish()
    match: tuple[int, Mapping[str, str]] | None = routed.find("/a/b", "GET")

    assert match == (2, {"x": "b"})


def test_candidates_name_the_chosen_one_first() -> None:
    candidates = routes("GET /{proxy+}", "GET /a").candidates("/a", "GET")

    assert [(c.resource_path, c.is_chosen) for c in candidates] == [
        ("/a", True),
        ("/{proxy+}", False),
    ]
