import itertools

import pytest

from gateway.errors import ConfigurationError
from gateway.routing.domains import MAPPINGS_AT_ONCE, RESERVED_PATHS, BasePaths, Domains
from gateway.snapshot import finish


def base_paths(*written: str) -> BasePaths[str]:
    return BasePaths((base_path, f"to {base_path}") for base_path in written)


@pytest.mark.parametrize(
    ("path", "base_path", "rest"),
    [
        ("/orders/v1/items/123", "orders/v1/items", "/123"),
        ("/orders/v2/items/categories/5", "orders/v2/items/categories", "/5"),
        ("/orders/v2/items/7", "orders/v2/items", "/7"),
        ("/customers", "(none)", "/customers"),
        ("/orders/v1", "(none)", "/orders/v1"),
        ("/orders/v1/itemsX", "(none)", "/orders/v1/itemsX"),
        ("/orders/v1/Items", "(none)", "/orders/v1/Items"),
        ("/", "(none)", "/"),
    ],
)
def test_longest_base_path_wins(path: str, base_path: str, rest: str) -> None:
    mapped = base_paths(
        "(none)", "orders/v1/items", "orders/v2/items", "orders/v2/items/categories"
    )

    assert mapped.find(path) == (base_path, f"to {base_path}", rest)


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/base", "/"),
        ("/base/", "/"),
        ("/base/x/", "/x/"),
        ("/base//x", "//x"),
        ("///base/x", "/x"),
        ("/base/%2F", "/%2F"),
    ],
)
def test_rest_is_as_sent_and_starts_with_a_slash(path: str, rest: str) -> None:
    assert base_paths("base").find(path) == ("base", "to base", rest)


@pytest.mark.parametrize("path", ["/", "", "/Base", "/bas", "/based", "/%62ase", "/other/base"])
def test_nothing_without_a_mapping_for_the_rest(path: str) -> None:
    assert base_paths("base").find(path) is None


@pytest.mark.parametrize("written", [("a/b",), ("a/b", "a"), ("a/b", "c/d/e", "(none)"), ("a",)])
def test_what_was_found_last_changes_no_answer(written: tuple[str, ...]) -> None:
    paths = (
        "/a/b/c", "/a/b", "/a/b/", "/a/bc", "/a//b", "//a/b/c", "/a/b//c", "/c/d/e/f", "/a", "/x",
    )  # fmt: skip
    mapped = base_paths(*written)
    for first, second in itertools.product(paths, repeat=2):
        mapped.find(first)

        assert mapped.find(second) == base_paths(*written).find(second)


def test_empty_segment_is_no_segment_of_a_base_path() -> None:
    mapped = base_paths("orders/v1", "orders")

    assert mapped.find("/orders//v1") == ("orders", "to orders", "//v1")


def test_no_base_path_may_be_written_empty_or_as_a_slash() -> None:
    assert base_paths("").find("/x") == ("(none)", "to ", "/x")
    assert base_paths("/").find("//x") == ("(none)", "to /", "/x")


def test_a_falsy_target_is_a_target() -> None:
    assert BasePaths([("", 0)]).find("/") == ("(none)", 0, "/")
    assert BasePaths([("a", None)]).find("/a") == ("a", None, "/")


def test_domain_without_mappings_finds_nothing() -> None:
    assert base_paths().find("/x") is None
    assert repr(base_paths("a", "")) == "<BasePaths 2 mappings>"


def test_base_path_mapped_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError) as refused:
        base_paths("a/b", "/a/b/", "", "(none)")

    assert [problem.path for problem in refused.value.problems] == [
        "basePathMappings.a/b",
        "basePathMappings.(none)",
    ]


def domains(*names: str) -> Domains[str]:
    return finish(Domains.slices((name, [("", name)]) for name in names))


def domain_of(built: Domains[str], host: str) -> str | None:
    mapped = built.find(host)
    match = None if mapped is None else mapped.find("/")
    return None if match is None else match[1]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.example.com", "api.example.com"),
        ("other.example.com", "*.example.com"),
        ("x.other.example.com", None),
        ("example.com", None),
        (".example.com", None),
        ("", None),
    ],
)
def test_exact_beats_wildcard_which_is_one_label(host: str, name: str | None) -> None:
    assert domain_of(domains("*.example.com", "api.example.com"), host) == name


def test_exact_domain_hides_the_wildcard_even_without_a_mapping() -> None:
    built = finish(Domains.slices([("*.example.com", [("", 1)]), ("api.example.com", [])]))
    mapped = built.find("api.example.com")

    assert mapped is not None
    assert mapped.find("/") is None


def test_names_are_compared_in_lower_case_without_trailing_dot() -> None:
    assert domain_of(domains("API.Example.com."), "api.example.com") is not None
    assert repr(domains("a.b", "*.b")) == "<Domains 1 exact, 1 wildcard>"


def test_every_doubled_domain_and_base_path_is_named() -> None:
    with pytest.raises(ConfigurationError) as refused:
        finish(
            Domains.slices(
                [("a.b", []), ("A.b", []), ("*.b", [("x", 1), ("x", 2)]), ("*.B.", [("y", 1)])]
            )
        )

    assert [problem.path for problem in refused.value.problems] == [
        "a.b",
        "*.b.basePathMappings.x",
        "*.b",
    ]


def test_thousands_of_domains_are_compiled_little_by_little() -> None:
    count = 2 * MAPPINGS_AT_ONCE
    many = [(f"{index}.example.com", [("", index)]) for index in range(count)]
    large = ("large.example.com", [(f"v{index}", index) for index in range(count)])
    slices = Domains.slices([*many, large])

    pieces = 0
    built: Domains[int] | None = None
    while built is None:
        try:
            next(slices)
            pieces += 1
        except StopIteration as stop:
            built = stop.value

    # One for each domain, and further ones for the large one.
    assert pieces == count + 1 + 2
    found = built.find("large.example.com")
    assert found is not None
    assert found.find(f"/v{count - 1}/x") == (f"v{count - 1}", count - 1, "/x")


def test_reserved_paths_are_those_of_aws() -> None:
    assert sorted(RESERVED_PATHS) == ["/ping", "/sping"]
