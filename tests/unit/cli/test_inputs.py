from __future__ import annotations

from pathlib import Path

from gateway.cli.arguments import build_parser
from gateway.cli.inputs import empty_release, load_files, problem_json, settings_problems
from gateway.errors import Problem
from gateway.settings import Settings


def test_wrong_settings_leave_the_directory_as_named(config: Path) -> None:
    (config / "gateway.toml").write_text("nonsense")
    arguments = build_parser().parse_args(["check", "--config", str(config)])

    settings, problems = settings_problems(arguments)

    assert settings.config == config
    assert problems


def test_a_release_of_files_has_settings_of_the_process(config: Path) -> None:
    settings = Settings(region="eu-west-1", account="123456789012", config=config)

    files = load_files(settings, empty_release(settings))

    assert (files.release.region, files.release.account) == ("eu-west-1", "123456789012")
    assert list(files.release.stages) == ["petstore"]
    assert files.error_count == 0


def test_a_broken_file_does_not_hide_the_others(config: Path) -> None:
    (config / "apis" / "broken.yaml").write_text("- not an API")

    files = load_files(Settings(config=config), empty_release(Settings()))

    assert list(files.release.stages) == ["petstore"]
    assert files.error_count == 1
    assert files.report.missing == ("broken",)


def test_a_problem_is_told_by_its_parts() -> None:
    problem = Problem("a.b", "is wrong", "x.yaml", 3, 4, "warning")

    assert problem_json(problem) == {
        "severity": "warning",
        "file": "x.yaml",
        "line": 3,
        "column": 4,
        "path": "a.b",
        "message": "is wrong",
    }
