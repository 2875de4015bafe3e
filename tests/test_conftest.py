"""The rule that nothing is skipped in continuous integration, shown on a test run inside a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

SKIPPED = "import pytest\ndef test_it():\n    pytest.skip('no wrk here')\n"
SKIPPED_MODULE = "import pytest\npytest.importorskip('surely_not_there')\n"
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail\ndef test_it():\n    assert False\n"


def run_pytest(directory: Path, source: str, no_skip: str) -> subprocess.CompletedProcess[str]:
    (directory / "conftest.py").write_text((HERE / "conftest.py").read_text("utf-8"))
    (directory / "test_inner.py").write_text(source)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rf", "-c", os.devnull, "--rootdir", ".", "."],
        cwd=directory,
        env={**os.environ, "STAGEGATE_NO_SKIP": no_skip},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("source", [SKIPPED, SKIPPED_MODULE])
def test_a_skip_is_a_skip_on_a_developers_machine(tmp_path: Path, source: str) -> None:
    outcome = run_pytest(tmp_path, source, "")

    assert outcome.returncode in {0, 5}, outcome.stdout
    assert "1 skipped" in outcome.stdout


@pytest.mark.parametrize(
    ("source", "reason"), [(SKIPPED, "no wrk here"), (SKIPPED_MODULE, "surely_not_there")]
)
def test_a_skip_is_a_failure_in_continuous_integration(
    tmp_path: Path, source: str, reason: str
) -> None:
    outcome = run_pytest(tmp_path, source, "1")

    assert outcome.returncode in {1, 2}, outcome.stdout
    assert reason in outcome.stdout


def test_an_expected_failure_stays_one(tmp_path: Path) -> None:
    outcome = run_pytest(tmp_path, EXPECTED_FAILURE, "1")

    assert outcome.returncode == 0, outcome.stdout
