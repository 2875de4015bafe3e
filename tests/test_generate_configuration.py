"""docs/configuration.md is what its generator makes of the sources."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "docs" / "generate_configuration.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )


def test_the_page_is_up_to_date() -> None:
    outcome = run("--check")

    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_a_stale_or_missing_page_is_told(tmp_path: Path) -> None:
    page = tmp_path / "configuration.md"

    assert run("--check", "--target", str(page)).returncode == 1
    page.write_text("old")
    outcome = run("--check", "--target", str(page))
    assert outcome.returncode == 1
    assert "is stale: run python docs/generate_configuration.py" in outcome.stderr


def test_the_page_is_written_and_has_a_text_for_every_row(tmp_path: Path) -> None:
    page = tmp_path / "configuration.md"

    assert run("--target", str(page)).returncode == 0
    rows = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if "|  |" in row] == []
