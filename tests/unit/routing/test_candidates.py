import pytest

from gateway.routing.candidates import MOST_CANDIDATES, Candidate, candidates_of


def outcomes(request: str, *methods: str) -> dict[str, str]:
    """Return outcome by method; the chosen one's is marked with `*`."""
    verb, path = request.split(" ")
    pairs = ((resource, defined) for defined, resource in (method.split(" ") for method in methods))
    return {
        f"{'*' if c.is_chosen else ''}{c.http_method} {c.resource_path}": c.outcome
        for c in candidates_of(pairs, path, verb)
    }


@pytest.mark.parametrize(
    ("request_line", "method", "outcome"),
    [
        ("GET /a", "POST /a", "The path matches, but this method is POST, not GET."),
        ("TRACE /a", "ANY /a", "The path matches, but ANY does not include TRACE."),
        ("GET /a/b", "GET /a/c", "Segment 2 is 'b', not 'c'."),
        ("GET /Pets", "GET /pets", "Segment 1 is 'Pets', not 'pets' (case matters)."),
        ("GET /a//c", "GET /a/{b}/c", "Segment 2 is empty; {b} needs a character."),
        ("GET /a", "GET /a/b", "The path ends before segment 2, b."),
        ("GET /a/b/c", "GET /a/b", "The path goes on after segment 2, this resource does not."),
        (
            "GET /a/",
            "GET /a/{proxy+}",
            "{proxy+} needs at least one character, and the path ends before it.",
        ),
        ("GET /a", "GET /", "The path goes on after segment 0, this resource does not."),
    ],
)
def test_resource_that_does_not_match_says_why(
    request_line: str, method: str, outcome: str
) -> None:
    assert outcomes(request_line, method) == {method: outcome}


def test_beaten_resources_say_by_what() -> None:
    said = outcomes("GET /a/b", "GET /{proxy+}", "ANY /a/b", "GET /a/{id}", "GET /a/b")

    assert said == {
        "*GET /a/b": "Chosen: the best of all that match.",
        "ANY /a/b": "Matches, but GET of /a/b beats ANY.",
        "GET /a/{id}": "Matches, but segment 2, {id}, gives way to b of /a/b.",
        "GET /{proxy+}": "Matches, but segment 1, {proxy+}, gives way to a of /a/b.",
    }


def test_only_match_says_so() -> None:
    assert outcomes("GET /a", "GET /a") == {"*GET /a": "Chosen: nothing else matches."}


def test_near_misses_come_closest_first() -> None:
    said = outcomes("GET /a/b/c", "GET /x", "GET /a/x", "GET /a/b/x", "PUT /a/b/c", "GET /a/x/c")

    assert list(said) == ["PUT /a/b/c", "GET /a/b/x", "GET /a/x/c", "GET /a/x", "GET /x"]


def test_no_more_than_the_limit_are_named() -> None:
    methods = [(f"/r{number}", "GET") for number in range(1_000)]

    assert len(candidates_of(methods, "/x", "GET")) == MOST_CANDIDATES
    assert candidates_of(methods, "/r7", "GET", limit=1) == [
        Candidate(
            resource_path="/r7",
            http_method="GET",
            is_chosen=True,
            outcome="Chosen: nothing else matches.",
        )
    ]
