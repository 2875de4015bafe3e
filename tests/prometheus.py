"""A real Prometheus, and what expressions of its language name: for tests of `/metrics`."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.running_gateway import PATIENCE_SECONDS, ROOT, until

OBSERVABILITY: Final = ROOT / "config/observability"

_ADDRESS: Final = re.compile(r"address=(?:\[::\]|127\.0\.0\.1):([1-9]\d*)")
_WORDS: Final = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan"})
"""Of the language, where a metric's name could stand; functions are told by their parenthesis."""


def program(name: str) -> str:
    """Return where a program of Prometheus is, or skip the test and say what is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (apt-get install prometheus): NOT checked")
    return path


def promtool(*arguments: str, stdin: bytes = b"") -> str:
    """Run promtool; return what it says, or fail with that."""
    done = subprocess.run(
        [program("promtool"), *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    said = done.stdout.decode()
    assert done.returncode == 0, said
    return said


def named_metrics(expression: str) -> set[str]:
    """Return the names of the time series that an expression reads.

    >>> sorted(named_metrics('sum by (le) (rate(a_bucket{x="b"}[5m])) / on (y) c:d - time()'))
    ['a_bucket', 'c:d']
    """
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(
        r"\b(?:by|without|on|ignoring|group_left|group_right)\b(?:\s*\([^)]*\))?", " ", bare
    )
    names = re.findall(r"(?<![\w:.])[A-Za-z_:][\w:]*(?![\w:]|\s*\()", bare)
    # Aggregations may have their parenthesis after the labels, which are gone by now.
    return {name for name in names if name.lower() not in _WORDS}


class Prometheus:
    """A server that scrapes. Its methods block."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, path: str, **parameters: str) -> Any:
        """Return the `data` of what its HTTP API answers; fail with its error."""
        host, _, port = self.address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
            told = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert told["status"] == "success", f"{told['error']}: {parameters}"
        return told["data"]

    def query(
        self, expression: str, moment: float | None = None
    ) -> dict[frozenset[tuple[str, str]], float]:
        """Return the samples of an instant vector by their labels, the name left out.

        At a `moment` (seconds since 1970) in the past they stay, whatever later scrapes bring: of a
        target that cannot be scraped in time nothing has a sample now.
        """
        at = {} if moment is None else {"time": f"{moment:.3f}"}
        data = self.ask("query", query=expression, **at)
        assert data["resultType"] == "vector", data
        return {
            frozenset((name, text) for name, text in row["metric"].items() if name != "__name__"):
                float(row["value"][1])
            for row in data["result"]
        }  # fmt: skip

    def number(self, expression: str, moment: float | None = None) -> float | None:
        """Return the one sample of an expression; None: it has none. `moment`: see `query`."""
        samples = self.query(expression, moment)
        assert len(samples) <= 1, samples
        return next(iter(samples.values()), None)

    def target(self) -> dict[str, str] | None:
        """Return what it knows of its only target, once that was scraped."""
        targets = self.ask("targets")["activeTargets"]
        return targets[0] if targets and targets[0]["health"] != "unknown" else None

    def wait_scraped(self) -> dict[str, str]:
        """Wait for the first scrape; return what became of it."""

        def scraped() -> dict[str, str] | None:
            with contextlib.suppress(OSError, ValueError):
                return self.target()
            return None

        return until(scraped, "Prometheus to scrape")


def scraping(gateway: str, rules: Path | None = None, *, seconds: int = 1) -> str:
    """Return the example configuration with this gateway in it, and a scrape every so often.

    A scrape must not take longer than that.
    """
    text = (OBSERVABILITY / "prometheus.yml").read_text("utf-8")
    files = f"rule_files: ['{rules}']" if rules else "rule_files: []"
    for before, after in (
        ("127.0.0.1:8081", gateway),
        ("interval: 15s", f"interval: {seconds}s"),
        ("rule_files: [stagegate.rules.yml]", files),
    ):
        assert before in text
        text = text.replace(before, after)
    return text


@contextlib.contextmanager
def running_prometheus(directory: Path, files: Mapping[str, str]) -> Iterator[Prometheus]:
    """Start Prometheus on a free port with the `prometheus.yml` among these files; end it."""
    binary = program("prometheus")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text, "utf-8")
    with subprocess.Popen(
        [
            binary,
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'tsdb'}",
            "--web.listen-address=127.0.0.1:0",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        drain = threading.Thread(target=process.stderr.read)
        try:
            lines: list[str] = []
            found = None
            while found is None:
                line = process.stderr.readline()
                lines.append(line)
                assert line, "".join(lines)
                found = _ADDRESS.search(line)
            drain.start()
            yield Prometheus(f"127.0.0.1:{found[1]}")
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            if drain.ident is not None:
                drain.join()
