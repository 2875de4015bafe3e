"""The Dockerfile's steps, carried out in a temporary directory: no Docker engine is needed.

Each COPY and RUN is done as written, with the image's absolute paths moved under the directory.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGE_PATHS = ("/opt/stagegate", "/var/lib/stagegate", "/etc/stagegate")
IMAGE_USER = "10001"


@dataclass(frozen=True, slots=True)
class Instruction:
    name: str
    value: str
    stage: int
    """0 for the stage that builds, 1 for the one that runs; -1 before the first FROM."""


def read_dockerfile() -> list[Instruction]:
    """Read the instructions: comments dropped, continued lines joined."""
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    instructions = []
    stage = -1
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if not line.strip():
            continue
        name, _, value = line.partition(" ")
        stage += name == "FROM"
        instructions.append(Instruction(name, value.strip(), stage))
    return instructions


INSTRUCTIONS = read_dockerfile()


def values_of(name: str, stage: int = 1) -> list[str]:
    return [found.value for found in INSTRUCTIONS if (found.name, found.stage) == (name, stage)]


def moved(command: str, image: Path) -> str:
    """Return a command with the image's paths moved below `image` and its user replaced by ours."""
    for path in IMAGE_PATHS:
        command = command.replace(path, str(image) + path)
    command = command.replace(f"-o {IMAGE_USER}", f"-o {os.getuid()}")
    return command.replace(f"-g {IMAGE_USER}", f"-g {os.getgid()}")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Carry out both stages; return the directory that stands for the image's root."""
    image = tmp_path_factory.mktemp("image")
    work = image / "build"
    work.mkdir()
    tools = image / "tools"
    tools.mkdir()
    (tools / "python").symlink_to(sys.executable)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    for instruction in INSTRUCTIONS:
        if instruction.name == "RUN":
            command = moved(instruction.value, image)
            done = subprocess.run(
                ["sh", "-euc", command],
                cwd=work,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        elif instruction.name == "COPY" and not instruction.value.startswith("--from"):
            *sources, target = instruction.value.split()
            for source in sources:
                if source.endswith("/"):
                    shutil.copytree(ROOT / source, work / target)
                else:
                    shutil.copy(ROOT / source, work / target)
    return image


@pytest.fixture
def health_port() -> Iterator[int]:
    """A server that answers 200 on /healthz and 404 elsewhere."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Stay silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def health_check(port: int, path: str = "/healthz") -> int:
    _, _, command = values_of("HEALTHCHECK")[0].partition("CMD ")
    program, *arguments = json.loads(command)
    assert program == "python"
    replaced = [text.replace("8081/healthz", f"{port}{path}") for text in arguments]
    done = subprocess.run([sys.executable, *replaced], capture_output=True, check=False)
    return done.returncode


@pytest.mark.slow
def test_the_build_steps_make_an_environment_that_runs_the_gateway(image: Path) -> None:
    done = subprocess.run(
        [image / "opt/stagegate/bin/stagegate", "--version"],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"stagegate \d+\.\d+\.\d+\S*\n", done.stdout)


@pytest.mark.slow
def test_the_command_serves_from_a_mounted_configuration_and_drains_on_term(image: Path) -> None:
    shutil.copytree(ROOT / "config", image / "etc/stagegate", dirs_exist_ok=True)
    program, *_ = json.loads(values_of("ENTRYPOINT")[0])
    command = [moved(word, image) for word in json.loads(values_of("CMD")[0])]
    command[command.index("0.0.0.0:8080")] = "127.0.0.1:0"
    with subprocess.Popen(
        [image / "opt/stagegate/bin" / program, *command, "--admin", "127.0.0.1:0"],
        cwd=image / "var/lib/stagegate",
        env={"PATH": str(image / "opt/stagegate/bin")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            # What it is, then where it listens.
            told = process.stderr.readline() + process.stderr.readline()
            address = re.search(r"http://127\.0\.0\.1:\d+", told)
            assert address is not None, told
            # It waits in the accept queue until a worker is there.
            path = "/_aws/execute-api/petstore/dev/pets"
            with urllib.request.urlopen(address[0] + path, timeout=30) as answer:
                assert answer.status == 200
        finally:
            process.terminate()
            process.stderr.read()

    assert process.returncode == 0


@pytest.mark.slow
def test_the_environment_holds_the_pinned_versions_and_no_development_tools(image: Path) -> None:
    installed = {
        path.name.removesuffix(".dist-info").lower().replace("_", "-")
        for path in (image / "opt/stagegate/lib").rglob("*.dist-info")
    }
    pinned = {
        line.replace("==", "-").lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if "==" in line
    }
    own = {name for name in installed if name.startswith(("stagegate-", "setuptools-"))}

    assert installed - own - pinned == set()
    assert not any(name.startswith(("pip-", "pytest-", "mypy-", "ruff-")) for name in installed)


@pytest.mark.slow
def test_the_data_directory_is_closed_to_others(image: Path) -> None:
    assert (image / "var/lib/stagegate").stat().st_mode & 0o777 == 0o750
    assert (image / "etc/stagegate").stat().st_mode & 0o777 == 0o755


def test_the_image_does_not_run_as_root() -> None:
    assert values_of("USER") == [f"{IMAGE_USER}:{IMAGE_USER}"]


def test_the_entry_point_is_in_exec_form_so_that_signals_arrive() -> None:
    command = json.loads(values_of("ENTRYPOINT")[0]) + json.loads(values_of("CMD")[0])

    assert command[:2] == ["stagegate", "run"]
    assert "/etc/stagegate" in command
    assert "/var/lib/stagegate" in command


def test_both_stages_start_from_the_same_python() -> None:
    bases = [value.split()[0] for stage in (0, 1) for value in values_of("FROM", stage)]

    assert bases == ["python:${PYTHON}-slim"] * 2


def test_the_build_context_holds_all_that_is_copied() -> None:
    allowed = {
        line[1:].rstrip("/")
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {source.rstrip("/") for value in values_of("COPY", 0) for source in value.split()[:-1]}

    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_the_health_check_is_content_with_200(health_port: int) -> None:
    assert health_check(health_port) == 0


def test_the_health_check_fails_when_the_answer_is_an_error(health_port: int) -> None:
    assert health_check(health_port, "/missing") == 1


def test_the_health_check_fails_when_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))

        assert health_check(bound.getsockname()[1]) == 1


def test_the_linter_has_no_complaint() -> None:
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if linter is None:
        pytest.skip("hadolint is not installed on this machine")
    done = subprocess.run(
        [linter, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")
