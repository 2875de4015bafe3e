"""A config directory: which files count, and that one broken file holds back nobody else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.configuration import load
from gateway.snapshot.check import problems_of_deployment

ROOT = Path(__file__).resolve().parents[3]
API = "resources: {/a: {GET: {integration: {type: MOCK}}}}\nstages: {prod: }\n"


@pytest.fixture(name="directory")
def make_directory(tmp_path: Path) -> Path:
    (tmp_path / "apis").mkdir()
    return tmp_path


def write(directory: Path, **files: str) -> None:
    for name, text in files.items():
        (directory / "apis" / f"{name}.yaml").write_text(text)


def test_a_missing_directory_is_absent(tmp_path: Path) -> None:
    loaded = load(tmp_path / "nowhere")

    assert loaded.is_absent
    assert (loaded.apis, loaded.domains, loaded.problems) == ({}, (), ())


def test_a_directory_with_nothing_of_the_users_is_absent(directory: Path) -> None:
    (directory / "..data").mkdir()
    (directory / "apis" / ".petstore.yaml.swp").touch()
    (directory / "apis" / "README.md").touch()

    assert load(directory).is_absent


def test_without_api_files_a_directory_is_absent_whatever_else_it_holds(directory: Path) -> None:
    (directory / "gateway.toml").touch()
    (directory / "domains.yaml").write_text("{}")
    with_apis = load(directory)
    (directory / "apis").rmdir()

    assert with_apis.is_absent
    assert load(directory).is_absent
    assert with_apis.directory == directory / "apis"


@pytest.mark.parametrize("name", ["config", "config/apis"])
def test_a_file_in_a_directorys_place_is_absent_with_a_problem(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    place.parent.mkdir(exist_ok=True)
    place.touch()
    loaded = load(tmp_path / "config")

    assert loaded.is_absent
    assert "cannot be listed" in loaded.problems[0].message


def test_yaml_files_directly_in_apis_are_apis(directory: Path) -> None:
    write(directory, pets=API)
    (directory / "apis" / "cats.yml").write_text(API)
    for name in (".hidden.yaml", "dogs.yaml~", "old.json", "#a.yaml"):
        (directory / "apis" / name).write_text("broken: [")
    (directory / "apis" / "versions.yaml").mkdir()
    loaded = load(directory)

    assert loaded.problems == ()
    assert sorted(loaded.apis) == ["cats", "pets"]
    assert loaded.files == tuple(directory / "apis" / name for name in ("cats.yml", "pets.yaml"))


def test_one_broken_file_does_not_hold_back_the_others(directory: Path) -> None:
    write(directory, pets=API, torn="resources: [")
    loaded = load(directory)

    assert list(loaded.apis) == ["pets"]
    assert loaded.broken == {"torn"}
    assert loaded.broken_files == {str(directory / "apis" / "torn.yaml")}
    assert [(problem.file, problem.line) for problem in loaded.problems] == [
        (str(directory / "apis" / "torn.yaml"), 2)
    ]


def test_a_link_to_nowhere_is_a_broken_api_not_a_vanished_one(directory: Path) -> None:
    (directory / "apis" / "pets.yaml").symlink_to(directory / "gone")
    loaded = load(directory)

    assert loaded.broken == {"pets"}
    assert loaded.is_absent is False


def test_mounted_config_maps_are_read_through_their_links(directory: Path) -> None:
    (directory / "apis" / "..2026").mkdir()
    (directory / "apis" / "..2026" / "pets.yaml").write_text(API)
    (directory / "apis" / "..data").symlink_to("..2026")
    (directory / "apis" / "pets.yaml").symlink_to("..data/pets.yaml")

    assert list(load(directory).apis) == ["pets"]


def test_an_id_of_two_files_is_an_error_in_both(directory: Path) -> None:
    write(directory, pets=API, shop="restApi: {id: pets, name: a}\n" + API, cats=API)
    loaded = load(directory)

    assert list(loaded.apis) == ["cats"]
    assert loaded.broken == {"pets"}
    assert [Path(str(problem.file)).name for problem in loaded.problems] == [
        "pets.yaml",
        "shop.yaml",
    ]


@pytest.mark.parametrize("name", ["Pets", "a b", "é", "-a", "a" * 64])
def test_a_file_name_that_is_no_id_is_an_error(directory: Path, name: str) -> None:
    write(directory, **{name: API})
    (problem,) = load(directory).problems

    assert "cannot be part of a host name" in problem.message
    assert "rename the file" in problem.message


def test_a_pipe_is_a_problem(directory: Path) -> None:
    os.mkfifo(directory / "apis" / "pets.yaml")

    assert load(directory).broken == {"pets"}


def test_domains_may_refer_to_a_broken_api(directory: Path) -> None:
    write(directory, pets=API, torn="[")
    (directory / "domains.yaml").write_text(
        "a.b: {basePathMappings: [{restApiId: torn}, {basePath: p, restApiId: pets, stage: prod}]}"
    )
    loaded = load(directory)

    assert loaded.domains is not None
    assert len(loaded.domains) == 1
    assert loaded.files[-1] == directory / "domains.yaml"


def test_broken_domains_are_none_and_leave_the_apis_alone(directory: Path) -> None:
    write(directory, pets=API)
    (directory / "domains.yaml").write_text("a.b: {basePathMappings: [{restApiId: dogs}]}")
    loaded = load(directory)

    assert loaded.domains is None
    assert list(loaded.apis) == ["pets"]


def test_the_samples_have_no_problem_and_compile() -> None:
    loaded = load(ROOT / "config")

    assert loaded.problems == ()
    assert list(loaded.apis) == ["petstore"]
    assert loaded.domains is not None
    assert [domain.domain_name for domain in loaded.domains] == [
        "api.example.com",
        "*.example.org",
    ]
    for deployment in loaded.apis["petstore"].deployments.values():
        assert problems_of_deployment(deployment)[1] == []


def test_what_could_be_read_of_a_broken_api_is_there_to_be_checked(directory: Path) -> None:
    write(directory, pets=API.replace("resources: {", "resources: {/b: {GET: {odd: 1}}, "))
    loaded = load(directory)
    (deployment,) = loaded.partial["pets"].deployments.values()

    assert loaded.apis == {}
    assert {
        resource.path: list(resource.methods) for resource in deployment.definition.resources
    } == {"/a": ["GET"], "/b": []}


def test_a_name_that_is_no_text_is_a_problem_and_the_others_are_read(directory: Path) -> None:
    write(directory, good=API)
    path = os.fsencode(directory / "apis") + b"/x\xff.yaml"
    with open(path, "wb") as file:  # noqa: PTH123 (the name is bytes)
        file.write(API.encode())
    loaded = load(directory)

    assert set(loaded.apis) == {"good"}
    assert [str(problem) for problem in loaded.problems] == [
        "x\\xff.yaml: the file's name is not UTF-8, so it is left out; rename it"
    ]
