"""The compiled build behaves as the sources do: tests through real sockets, run again in its tree.

`make compiled` builds it; continuous integration does, and there nothing may be skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from compiled.__main__ import LIST, OUTPUT, copy_beside, staleness
from compiled.listing import dotted, read
from tests.running_gateway import RunningGateway, pets

WHY_NOT = staleness()
FILES = (
    "test_wire_client", "test_wire_backend", "test_wire_both_ways",
    "test_drain", "test_domains", "test_caching",
)  # fmt: skip
SECONDS = 600.0
NOT_OF_ITS_CODE = "not ten_thousand_methods and not boto3 and not bad_base_path"
"""Files and AWS's clients take these their time: the control process's part, not compiled."""

pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=f"compiled build: {WHY_NOT}")


@pytest.fixture(scope="module", autouse=True)
def _tests_as_they_are_now() -> None:
    copy_beside(OUTPUT)


def in_tree(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=OUTPUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def test_the_hot_path_is_loaded_from_shared_objects() -> None:
    names = [dotted(path) for path in read(LIST.read_text("utf-8"))]
    done = in_tree(
        "-c",
        "import importlib, json, sys\n"
        "print(json.dumps([importlib.import_module(name).__file__ for name in sys.argv[1:]]))",
        *names,
    )
    files = json.loads(done.stdout)

    assert "gateway.server.connection" in names
    assert [file for file in files if not file.endswith(".so")] == []
    assert [file for file in files if not file.startswith(str(OUTPUT))] == []


def test_it_says_that_it_is_compiled(tmp_path: Path) -> None:
    gateway = RunningGateway(
        tmp_path, {"apis/pets.yaml": pets()}, command=(str(OUTPUT / "stagegate"),)
    )
    try:
        assert gateway.pets() == b"one"
        assert gateway.status()["build"] == "compiled"
        assert "compiled build" in gateway.log
    finally:
        gateway.close()


@pytest.mark.parametrize("name", FILES)
def test_tests_through_real_sockets_pass_with_it(name: str) -> None:
    path = f"tests/integration/{name}.py"
    done = in_tree("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", NOT_OF_ITS_CODE, path)

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
