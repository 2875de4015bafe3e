"""`python -m compiled`: makes build/compiled, a tree like this one with shared objects in it.

Sources are copied, never built in place. The new tree replaces the old one when it is whole and has
been looked at; one that is of these very sources stays, unless `--again`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from compiled import listing

ROOT: Final = Path(__file__).resolve().parent.parent
LIST: Final = Path(__file__).with_name("modules.txt")
OUTPUT: Final = ROOT / "build" / "compiled"
STAMP: Final = "built.json"
BESIDE: Final = ("config", "loadtests", "tests", "pyproject.toml")
"""Copied as well, for those who run tests in the tree."""
LAUNCHER: Final = """\
#!/bin/sh
# `stagegate`, compiled: docs/compiled.md. Written by `python -m compiled`.
tree=$(dirname "$(readlink -f "$0")")
PYTHONPATH="$tree${{PYTHONPATH:+:$PYTHONPATH}}" exec {python} -P -m gateway "$@"
"""
SETUP: Final = """\
from mypyc.build import mypycify
from setuptools import setup

extensions = mypycify({arguments!r}, opt_level="3", debug_level="0", group_name="stagegate")
for extension in extensions:
    # Nobody replaces a function of ours at run time: calls are direct, small ones are inlined.
    extension.extra_compile_args += ["-fno-semantic-interposition", "-fvisibility=hidden"]
setup(name="stagegate-compiled", packages=[], ext_modules=extensions)
"""


_WITHOUT: Final = shutil.ignore_patterns("__pycache__", "*.so", "results")


class CannotBuildError(Exception):
    """The message says why, and what to do."""


def sources(root: Path = ROOT) -> dict[str, str]:
    """Return the text of every module of the gateway by its path below `root`."""
    return {
        path.relative_to(root).as_posix(): path.read_text("utf-8")
        for path in sorted((root / "gateway").rglob("*.py"))
    }


def stamp_of(texts: Mapping[str, str], listed: Sequence[str]) -> dict[str, str]:
    """Return what a build depends on; two builds with equal stamps are the same."""
    digest = hashlib.sha256()
    for part in (*listed, *(text for pair in texts.items() for text in pair), SETUP):
        digest.update(part.encode())
        digest.update(b"\0")
    return {
        "sources": digest.hexdigest(),
        "python": sys.version,
        "platform": sysconfig.get_platform(),
        "mypy": version("mypy"),
    }


def staleness(output: Path = OUTPUT) -> str:
    """Return why a build cannot stand for these sources; nothing when it can."""
    try:
        built = json.loads((output / STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return f"{output.relative_to(ROOT)} is not there; `make compiled` builds it"
    if built != stamp_of(sources(), listing.read(LIST.read_text("utf-8"))):
        return f"{output.relative_to(ROOT)} is of other sources; `make compiled` builds it anew"
    return ""


def check_tools() -> None:
    """Look for what compiling needs.

    Raises:
        CannotBuildError: something is missing.
    """
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        raise CannotBuildError(f"no C compiler ({compiler}); Debian: apt-get install gcc libc6-dev")
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.exists():
        raise CannotBuildError(f"{header} is not there; Debian: apt-get install python3-dev")


def build(output: Path) -> None:
    """Make the tree.

    Raises:
        CannotBuildError: the list breaks a rule, a tool is missing or fails, or the result
            is wrong.
    """
    texts = sources()
    listed = listing.read(LIST.read_text("utf-8"))
    if wrong := listing.problems(listed, texts):
        raise CannotBuildError("\n".join(wrong))
    check_tools()
    tree = output.with_name(f".{output.name}.new")
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(ROOT / "gateway", tree / "gateway", ignore=_WITHOUT)
    _compile(tree, listed)
    # Only now: mypy and setuptools would read pyproject.toml.
    copy_beside(tree)
    launcher = tree / "stagegate"
    launcher.write_text(LAUNCHER.format(python=sys.executable), "utf-8")
    launcher.chmod(0o755)
    _look_at(tree, listed)
    (tree / STAMP).write_text(json.dumps(stamp_of(texts, listed), indent=1) + "\n", "utf-8")
    shutil.rmtree(output, ignore_errors=True)
    tree.rename(output)


def copy_beside(tree: Path) -> None:
    """Bring what stands beside the gateway in a tree to the sources' state."""
    for name in BESIDE:
        if (ROOT / name).is_dir():
            shutil.rmtree(tree / name, ignore_errors=True)
            shutil.copytree(ROOT / name, tree / name, ignore=_WITHOUT)
        else:
            shutil.copy(ROOT / name, tree / name)


def _compile(tree: Path, listed: Sequence[str]) -> None:
    """Run mypyc and the C compiler within the tree, and leave nothing but shared objects."""
    flags = ("--strict", "--ignore-missing-imports", "--explicit-package-bases", "--config-file=")
    (tree / "setup.py").write_text(SETUP.format(arguments=[*flags, *listed]), "utf-8")
    _run([sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"], tree)
    (tree / "setup.py").unlink()
    for left in ("build", ".mypy_cache"):
        shutil.rmtree(tree / left, ignore_errors=True)


def _look_at(tree: Path, listed: Sequence[str]) -> None:
    script = str(Path(__file__).with_name("verify.py"))
    names = map(listing.dotted, listed)
    _run([sys.executable, "-P", script, *names], tree, {"PYTHONPATH": str(tree)})


def _run(command: Sequence[str], tree: Path, more: dict[str, str] | None = None) -> None:
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=tree,
        env=environment | (more or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotBuildError(f"{' '.join(command[:3])} failed:\n{done.stdout[-4000:]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build unless it is built; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m compiled", description=__doc__)
    parser.add_argument("--again", action="store_true", help="even if nothing has changed")
    given = parser.parse_args(arguments)
    name = OUTPUT.relative_to(ROOT)
    if not given.again and not staleness(OUTPUT):
        copy_beside(OUTPUT)
        print(f"{name} is up to date")
        return 0
    print(f"compiling to {name}: half a minute to two …", flush=True)
    began = time.monotonic()
    OUTPUT.parent.mkdir(exist_ok=True)
    try:
        build(OUTPUT)
    except CannotBuildError as error:
        print(f"compiled: {error}", file=sys.stderr)
        return 1
    print(f"{name} is built, in {time.monotonic() - began:.0f} s; run {name}/stagegate run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
