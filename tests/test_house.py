"""The scripts and pinned versions that a clean checkout starts from."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted(path for path in (ROOT / ".ci").iterdir() if path.is_file())
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
)


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_executable_and_valid_shell(script: Path) -> None:
    done = subprocess.run(["sh", "-n", script], capture_output=True, text=True, check=False)

    assert os.access(script, os.X_OK)
    assert done.stderr == ""


def test_python_is_found_by_name_or_told_to_be_missing() -> None:
    found = subprocess.run(
        [ROOT / ".ci/python"],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    missing = subprocess.run(
        [ROOT / ".ci/python"],
        env={**os.environ, "PYTHON": "no-such-python"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.returncode, found.stdout.strip()) == (0, sys.executable)
    assert missing.returncode == 1
    assert "no-such-python" in missing.stderr


def test_every_target_of_the_makefile_is_explained() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = text.splitlines()[0].removeprefix(".PHONY: ").split()

    assert phony == ["run", "test", "check", "bench", "compiled", "backend", "clean"]
    assert [name for name in phony if not re.search(rf"^# .+\n{name}:", text, re.MULTILINE)] == []


def test_pins_are_exact_versions_without_addresses_or_paths() -> None:
    assert PINS
    assert [pin for pin in PINS.values() if not re.fullmatch(r"\d+(\.\w+)*", pin)] == []


def test_every_dependency_is_pinned_to_what_the_tests_run_with() -> None:
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = [re.split(r"[<>=; \[]", requirement)[0] for requirement in wanted]
    pins = {normalised(name): pin for name, pin in PINS.items()}

    assert [name for name in names if normalised(name) not in pins] == []
    everywhere = [
        name for name, requirement in zip(names, wanted, strict=True) if ";" not in requirement
    ]
    assert {name: pins[normalised(name)] for name in everywhere} == {
        name: version(name) for name in everywhere
    }
