"""A whole gateway in processes of its own, as a user starts it: for integration tests."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")

ROOT: Final = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS: Final = 60.0
"""How long anything may take before a test fails: machines of continuous integration are slow."""

_ENVIRONMENT: Final = {
    "PYTHONPATH": str(ROOT),
    # Where the machine is busy, workers take longer than mutations wait for them by default.
    "STAGEGATE_CONTROL_ACKNOWLEDGE_SECONDS": "30",
}

PETS: Final = """\
restApi: {name: Pets}
resources:
  /pets:
    GET:
      methodResponses: {"200": {}}
      integration:
        type: MOCK
        requestTemplates: {application/json: '{"statusCode": 200}'}
        integrationResponses: {"200": {responseTemplates: {application/json: 'ANSWER'}}}
stages:
  prod: {}
"""


def pets(answer: str = "one") -> str:
    """Return an API file whose `GET /pets` answers `answer`."""
    return PETS.replace("ANSWER", answer)


def until(action: Callable[[], T | None], what: str) -> T:
    """Return the first result of `action` that is true; asks every 10 ms."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        result = action()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError(f"waited {PATIENCE_SECONDS:g} s in vain: {what}")


class RunningGateway:
    """`python -m gateway run` on free ports; a mutation's answer waits until it is served.

    Its methods block: call them in a thread.
    """

    def __init__(
        self,
        directory: Path,
        files: Mapping[str, str],
        *flags: str,
        command: tuple[str, ...] = (sys.executable, "-m", "gateway"),
    ) -> None:
        self._command = command
        self.config = directory / "config"
        self.data = directory / "data"
        (self.config / "apis").mkdir(parents=True)
        self.data.mkdir()
        for name, text in files.items():
            self.write(name, text)
        self._directory = directory
        self._flags = flags
        self.start()

    def start(self) -> None:
        """Start it, again if it was closed, and wait until it is ready."""
        # Left by a gateway that was killed.
        (self.data / "run" / "addresses.json").unlink(missing_ok=True)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("STAGEGATE_")
        }
        with (self._directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(*self._command, "run"),
                    *("--config", str(self.config), "--data", str(self.data)),
                    *("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "2"),
                    *self._flags,
                ],
                cwd=self._directory,
                env={**environment, **_ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            addresses = until(self._addresses, "the gateway to start")
            self.listen: str = addresses["listen"]
            self.listen_tls: str = addresses.get("listen_tls", "")
            self.admin: str = addresses["admin"]
            until(self.is_ready, "the gateway to be ready")
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The data plane's, without a slash at the end."""
        return f"http://{self.listen}"

    @property
    def admin_url(self) -> str:
        """The control plane's, without a slash at the end."""
        return f"http://{self.admin}"

    @property
    def log(self) -> str:
        """What all its processes wrote to stdout and stderr."""
        return (self._directory / "log").read_text()

    def wait_log(self, text: str) -> None:
        """Wait until a process has written this; it may do so after the answer that it is about."""
        until(lambda: text in self.log, f"in the log: {text}")

    def write(self, name: str, text: str) -> None:
        """Write a file below the config directory as editors do: beside it, then renamed."""
        path = self.config / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(text)
        beside.replace(path)

    def reload_problems(self) -> list[str]:
        """Return the problems of the last reload, as the log has them."""
        return [problem["text"] for problem in self.status()["last_reload"]["problems"]]

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Ask the data plane on a connection of its own; return status and body."""
        return _get(self.listen, path, headers)

    def pets(self) -> bytes:
        """Return what `GET /pets` of the API `pets` answers."""
        status, body = self.get("/_aws/execute-api/pets/prod/pets")
        assert status == 200, body
        return body

    def status(self) -> dict[str, Any]:
        """Return `/status`."""
        status, body = _get(self.admin, "/status", {})
        assert status == 200, body
        told: dict[str, Any] = json.loads(body)
        return told

    def is_ready(self) -> bool:
        """Whether `/readyz` says so, the files are loaded, and every worker serves them."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            if _get(self.admin, "/readyz", {})[0] == 200:
                status = self.status()
                return status["last_reload"] is not None and all(
                    worker["revision"] == status["revision"] for worker in status["workers"]
                )
        return False

    def wait_revision(self, revision: int) -> dict[str, Any]:
        """Wait until every worker serves this revision or a later one; return `/status`."""

        def served() -> dict[str, Any] | None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                status = self.status()
                if all((each["revision"] or 0) >= revision for each in status["workers"]):
                    return status
            return None

        return until(served, f"revision {revision}")

    def wait_served(self, told: Mapping[str, Any]) -> None:
        """Wait as AWS's client was told by a mutation: not, or for the next release if pending."""
        headers = told["ResponseMetadata"]["HTTPHeaders"]
        pending = headers.get("x-stagegate-pending") == "true"
        self.wait_revision(int(headers["x-stagegate-revision"]) + pending)

    def close(self) -> None:
        """End it: by TERM, or by KILL where that takes too long."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                # Its children end with it.
                self.process.kill()
                self.process.wait()

    def _addresses(self) -> dict[str, Any] | None:
        assert self.process.poll() is None, self.log
        with contextlib.suppress(FileNotFoundError):
            told: dict[str, Any] = json.loads((self.data / "run" / "addresses.json").read_text())
            return told
        return None


def _get(address: str, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
