"""What a result must say about where it was measured: kernel, processor, versions, commit."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent

_VERSION_FLAGS: Final[Mapping[str, Sequence[str]]] = {
    "nginx": ("-v",),
    "haproxy": ("-v",),
    "caddy": ("version",),
    "wrk": ("-v",),
    "perf": ("--version",),
}
_PACKAGES: Final = ("aiohttp", "uvloop", "httptools", "orjson", "multidict", "PyYAML")


@dataclass(frozen=True, slots=True)
class Cores:
    """Which processors do what."""

    server: tuple[int, ...]
    """Runs the gateway or an anchor."""
    load: tuple[int, ...]
    """Runs load and origin."""

    @property
    def are_shared(self) -> bool:
        """Whether there is only one processor for both."""
        return self.server == self.load

    def __str__(self) -> str:
        return f"server on {self.server}, load and origin on {self.load}"


def choose_cores() -> Cores:
    """Return the first processor for what is measured, and another for the load."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores((usable[0],), (usable[1],) if len(usable) > 1 else (usable[0],))


def find_program(name: str) -> str | None:
    """Return a program's path; system programs may lie where users' PATH does not lead."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/sbin"))
    return shutil.which(name, path=path)


def versions() -> dict[str, str]:
    """Return versions of Python, packages and programs; `absent` for what is not there."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    for name, flags in _VERSION_FLAGS.items():
        program = find_program(name)
        found[name] = _first_version([program, *flags]) if program else "absent"
    return found


def _first_version(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    matched = re.search(r"\d+\.\d+[\w.+-]*", done.stdout + done.stderr)
    return matched[0] if matched else "unknown"


def facts() -> dict[str, object]:
    """Return what identifies the machine and the code."""
    return {
        "kernel": platform.release(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "load_average_before": [round(each, 2) for each in os.getloadavg()],
        "commit": commit(),
        "versions": versions(),
    }


def commit() -> str:
    """Return the commit, marked when files differ from it, or `unknown` outside a clone."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    done = subprocess.run(
        [git, "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return done.stdout.strip() or "unknown"


def _cpu_model() -> str:
    text = Path("/proc/cpuinfo").read_text("utf-8")
    matched = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", text, re.MULTILINE)
    return matched[1].strip() if matched else platform.machine()
