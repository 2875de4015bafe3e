"""Problems get their places, and no file floods the list."""

from __future__ import annotations

from gateway.configuration.loaded import PROBLEMS_PER_FILE, LoadedApi, Placement, bounded
from gateway.configuration.yaml_source import parse
from gateway.errors import Problem


def placement(file: str, text: bytes) -> Placement:
    return Placement(file=file, positions=parse(text, file).positions)


API = LoadedApi(
    api_id="a",
    stages={},
    deployments={},
    placement=placement("a.yaml", b"stages:\n  prod: 1\n"),
    sources={"next": placement("versions/b.yaml", b"resources:\n  /a: 1\n")},
)


def test_a_problem_is_placed_in_the_api_file() -> None:
    assert API.file == "a.yaml"
    assert API.position("stages.prod.variables") == ("a.yaml", 2, 3)
    assert str(API.locate(Problem("stages.prod", "x"))) == "a.yaml:2:3: stages.prod: x"
    assert API.locate(Problem("stages", "x"), "unknown").file == "a.yaml"


def test_a_deployments_problem_is_placed_where_its_definition_stands() -> None:
    problem = API.locate(Problem("resources./a.GET", "x"), "next")

    assert (problem.file, problem.line, problem.column) == ("versions/b.yaml", 2, 3)


def test_a_placed_problem_stays_where_it_is() -> None:
    problem = Problem("stages", "x", "c.yaml", 7, 8)

    assert API.locate(problem) is problem


def test_a_files_problems_are_bounded_with_errors_first() -> None:
    warnings = [Problem("w", str(index), severity="warning") for index in range(200)]
    errors = [Problem("e", str(index)) for index in range(3)]
    listed = bounded(warnings + errors, "a.yaml")

    assert len(listed) == PROBLEMS_PER_FILE + 1
    assert listed[:3] == errors
    assert listed[-1].message.startswith("and 103 more problems")
    assert listed[-1].severity == "warning"
    assert bounded(errors, "a.yaml") == errors
