"""The sample backend in a process of its own, for tests against whole gateways."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from tests.running_gateway import ROOT


@contextlib.contextmanager
def running_backend() -> Iterator[str]:
    """Start the sample backend on a free port; yield its `host:port`; end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loadtests.backend", "--listen", "127.0.0.1:0"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip().rpartition("/")[2]
    finally:
        process.terminate()
        process.communicate(timeout=20)
