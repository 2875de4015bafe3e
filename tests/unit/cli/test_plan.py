from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.inputs import empty_release, load_files
from gateway.control.persist import release_directory
from gateway.definitions.domain import DomainName
from gateway.release.disk import ReleaseStore
from gateway.release.encode import encode_release
from gateway.settings import Settings

Command = Callable[..., Any]


@pytest.fixture
def served(config: Path, tmp_path: Path) -> Path:
    """A data directory with the files' release as the last good one."""
    settings = Settings(data=tmp_path / "data", config=config)
    release = replace(load_files(settings, empty_release(settings)).release, revision=7)
    ReleaseStore(release_directory(settings)).save(7, "run", encode_release(release))
    return settings.data


def edit(config: Path, old: str, new: str) -> None:
    path = config / "apis" / "petstore.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_everything_is_new_to_an_empty_gateway(stagegate: Command, config: Path) -> None:
    outcome = stagegate("plan", "--data", "nothing-yet")
    rows = [line.split()[:3] for line in outcome.out.splitlines()]

    assert (outcome.code, outcome.err) == (0, "")
    assert ["made", "api", "petstore"] in rows
    assert ["made", "stage", "petstore/prod"] in rows


def test_planning_makes_nothing(stagegate: Command, config: Path, tmp_path: Path) -> None:
    stagegate("plan", "--data", str(tmp_path / "data"))

    assert not (tmp_path / "data").exists()


def test_unchanged_files_change_nothing(stagegate: Command, config: Path, served: Path) -> None:
    outcome = stagegate("plan", "--data", str(served))

    assert (outcome.code, outcome.out) == (0, "nothing would change against revision 7\n")


def test_domains_that_clients_made_are_no_business_of_files(
    stagegate: Command, config: Path, served: Path
) -> None:
    settings = Settings(data=served, config=config)
    release = load_files(settings, empty_release(settings)).release
    made = DomainName(domain_name="made.example.com")
    release = replace(
        release,
        revision=8,
        domains=(*release.domains, made),
        stored_domains=frozenset({"made.example.com"}),
    )
    ReleaseStore(release_directory(settings)).save(8, "run", encode_release(release))
    outcome = stagegate("plan", "--data", str(served))

    assert (outcome.code, outcome.out) == (0, "nothing would change against revision 8\n")


def test_a_changed_setting_is_shown_with_both_values(
    stagegate: Command, config: Path, served: Path
) -> None:
    edit(config, "throttlingRateLimit: 1000", "throttlingRateLimit: 20")

    outcome = stagegate("plan", "--data", str(served))

    assert "1000" in outcome.out
    assert "20" in outcome.out
    assert "changed" in outcome.out
    assert "deployment" not in outcome.out


def test_a_changed_method_moves_the_stage_to_a_new_deployment(
    stagegate: Command, config: Path, served: Path
) -> None:
    edit(config, "  /health:", "  /healthy:")

    changes = stagegate("plan", "--data", str(served), "--json").json["changes"]

    assert {(change["change"], change["kind"]) for change in changes} == {
        ("made", "deployment"),
        ("removed", "deployment"),
        ("moved", "stage"),
    }


def test_a_broken_file_is_held_back_and_named(
    stagegate: Command, config: Path, served: Path
) -> None:
    edit(config, "type: MOCK", "type: MOK")

    outcome = stagegate("plan", "--data", str(served), "--json")

    assert outcome.code == 1
    assert outcome.json["changes"] == []
    assert outcome.json["kept"] == ["petstore"]
    assert "MOK" in outcome.json["problems"][0]["message"]


def test_a_removed_file_removes_its_api(stagegate: Command, config: Path, served: Path) -> None:
    (config / "apis" / "petstore.yaml").rename(config / "apis" / "shop.yaml")

    changes = stagegate("plan", "--data", str(served), "--json").json["changes"]

    assert ("removed", "petstore") in {(change["change"], change["name"]) for change in changes}
