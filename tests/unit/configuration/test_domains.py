"""domains.yaml, all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.configuration.domains import load_domains
from gateway.definitions.domain import BasePathMapping, DomainName
from gateway.errors import Problem

STAGES = {"pets": ["prod", "dev"], "orders": ["prod"]}


def load(tmp_path: Path, text: str) -> tuple[tuple[DomainName, ...] | None, list[Problem]]:
    path = tmp_path / "domains.yaml"
    path.write_text(text)
    return load_domains(path, STAGES, {"torn"})


def test_mappings_are_read_with_their_defaults(tmp_path: Path) -> None:
    domains, problems = load(
        tmp_path,
        """
api.example.com:
  basePathMappings:
    - {restApiId: pets, stage: prod}
    - {basePath: orders/v1, restApiId: orders}
    - {basePath: "", restApiId: torn, stage: ""}
"*.example.org":
""".replace('    - {basePath: "", restApiId: torn, stage: ""}\n', ""),
    )

    assert problems == []
    assert domains == (
        DomainName(
            domain_name="api.example.com",
            base_path_mappings=(
                BasePathMapping(rest_api_id="pets", base_path="(none)", stage="prod"),
                BasePathMapping(rest_api_id="orders", base_path="orders/v1", stage="(none)"),
            ),
        ),
        DomainName(domain_name="*.example.org"),
    )


def test_empty_members_mean_none(tmp_path: Path) -> None:
    text = 'a.b: {domainName: a.b, basePathMappings: [{basePath: "", restApiId: pets, stage: ""}]}'
    domains, _ = load(tmp_path, text)

    assert domains is not None
    assert domains[0].base_path_mappings == (BasePathMapping(rest_api_id="pets"),)


def test_an_empty_file_has_no_domains(tmp_path: Path) -> None:
    assert load(tmp_path, "# nothing yet\n") == ((), [])


def test_a_reference_to_a_broken_api_is_a_warning(tmp_path: Path) -> None:
    domains, problems = load(tmp_path, "a.b: {basePathMappings: [{restApiId: torn, stage: x}]}")

    assert domains is not None
    assert [problem.severity for problem in problems] == ["warning"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "1:1: must map domain names"),
        ("a.b: 5", "1:1: a.b: must be a mapping"),
        ("A.b: {}", '1:1: A.b: "A.b" is no host name: write it in lower case'),
        (
            "pets.execute-api.b: {}",
            '1:1: pets.execute-api.b: "pets.execute-api.b" is no host name: {api}.execute-api',
        ),
        ("a.b: {\n basePathMapping: []}", "2:2: a.b.basePathMapping: unknown key"),
        ("a.b: {\n domainName: c.d}", "2:2: a.b.domainName: must repeat the key"),
        (
            "a.b:\n  basePathMappings:\n    - {restApiId: pet}",
            "3:8: a.b.basePathMappings[0].restApiId: Invalid API identifier specified",
        ),
        (
            "a.b:\n  basePathMappings:\n    - restApiId: pets\n      stage: pro",
            "4:7: a.b.basePathMappings[0].stage: Invalid stage identifier specified",
        ),
        (
            "a.b:\n  basePathMappings:\n    - {stage: prod}",
            "3:7: a.b.basePathMappings[0].restApiId: is required",
        ),
        (
            "a.b:\n  basePathMappings:\n    - {restApiId: orders}\n    - {restApiId: pets}",
            "4:7: a.b.basePathMappings[1]: Base path already exists",
        ),
        ("a.b: {}\na.b: {}", '2:1: the key "a.b" stands here again'),
        ("a.b: {", "2:1: is no valid YAML"),
    ],
)
def test_one_mistake_refuses_the_file(tmp_path: Path, text: str, expected: str) -> None:
    domains, problems = load(tmp_path, text)

    assert domains is None
    assert [str(each).partition("domains.yaml:")[2][: len(expected)] for each in problems] == [
        expected
    ]
