"""The shape of the code: what import-linter's layers in pyproject.toml cannot say.

The modules are read as syntax trees, not imported; what must be imported is imported in a process
of its own.
"""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gateway"
UNIT_TESTS = ROOT / "tests" / "unit"

LINES_LIMIT = 500
LONG_MODULES: Mapping[str, str] = {}
"""Modules of more than 500 lines, each with its reason."""

ONLY_UNDER: Mapping[str, tuple[str, ...]] = {
    "aiohttp": ("gateway.server", "gateway.control"),
    "cryptography": ("gateway.configuration", "gateway.control"),
    "prometheus_client": ("gateway.telemetry", "gateway.control"),
    "httptools": ("gateway.server",),
    "uvloop": ("gateway.control", "gateway.worker"),
    "rich": ("gateway.cli",),
    "argparse": ("gateway.cli", "gateway.supervisor"),
    "yaml": ("gateway.configuration",),
    "watchfiles": ("gateway.configuration", "gateway.control"),
    "random": ("gateway.clock",),
    "sqlalchemy": ("gateway.store", "gateway.control"),
    "sqlite3": ("gateway.store",),
    "secrets": ("gateway.clock",),
    "time": ("gateway.clock", "gateway.supervisor"),
}
"""Packages that only these parts of the gateway may import: a concern lives in one place."""

_STATION = "a station: tests/unit/pipeline/test_serve.py tells the story of all"
_BOTH = "what HTTP and HTTP_PROXY share: tests/unit/integrations/test_http*.py"
_COMPILED = "what compiling gives: tests/unit/snapshot/test_compile.py"

UNTESTED: Mapping[str, str] = {
    "gateway.integrations.backend": _BOTH,
    "gateway.integrations.request_templates": _BOTH,
    "gateway.integrations.responses": _BOTH,
    "gateway.messages": "values, built by every test of the pipeline and the server",
    "gateway.pipeline.authorize": _STATION,
    "gateway.pipeline.locate": _STATION,
    "gateway.pipeline.meter": _STATION,
    "gateway.pipeline.split": _STATION,
    "gateway.snapshot.cell": "one reference: tests/unit/worker swap it",
    "gateway.snapshot.compiled": _COMPILED,
    "gateway.snapshot.enforcement": "tests/unit/snapshot/test_check.py names every feature",
}
"""Modules without a test file of their own, each with its reason."""

SUPERVISOR_WITHOUT = ("aiohttp", "asyncio", "orjson", "prometheus_client", "rich", "uvloop", "yaml")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES: Mapping[str, Path] = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES: Mapping[str, ast.Module] = {
    name: ast.parse(path.read_text("utf-8"), str(path)) for name, path in MODULES.items()
}


def imported_by(name: str) -> Iterator[str]:
    """Yield the modules that a module imports, as precisely as the statement says."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: imports are absolute"
            source = node.module or ""
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in MODULES else source


def is_under(name: str, parts: tuple[str, ...]) -> bool:
    return any(name == part or name.startswith(part + ".") for part in parts)


def has_code(name: str) -> bool:
    """Whether a module has anything but a docstring, imports and constants."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) for node in TREES[name].body)


def is_only_data(name: str) -> bool:
    """Whether a module defines classes and constants but no function that does anything.

    Dataclasses, enums and protocols are such; methods of protocols have a body of `...`.
    """
    return not any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.unparse(node.body[-1]) != "..."
        for node in ast.walk(TREES[name])
    )


def test_every_folder_is_a_package() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}

    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_no_module_imports_inside_a_function_or_for_types_only() -> None:
    hidden = [
        f"{name}:{inner.lineno}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.If)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]

    assert hidden == []


def test_there_are_no_cycles() -> None:
    graph = {
        name: {other for other in imported_by(name) if other in MODULES and other != name}
        for name in MODULES
    }

    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("package", ONLY_UNDER)
def test_a_foreign_package_is_imported_only_where_its_concern_lives(package: str) -> None:
    strays = [
        name
        for name in MODULES
        if not is_under(name, ONLY_UNDER[package])
        and any(other.partition(".")[0] == package for other in imported_by(name))
    ]

    assert strays == []


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_foreign_packages_are_declared_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {
        normalised(re.split(r"[<>=; ]", requirement)[0]) for requirement in project["dependencies"]
    }
    roots = {other.partition(".")[0] for name in MODULES for other in imported_by(name)}
    distributions = packages_distributions()
    undeclared = [
        root
        for root in roots - sys.stdlib_module_names - {"gateway"}
        if not declared & {normalised(name) for name in distributions[root]}
    ]

    assert undeclared == []


def test_the_supervisor_imports_nothing_but_the_standard_library() -> None:
    roots = {other.partition(".")[0] for other in imported_by("gateway.supervisor")}

    assert roots - sys.stdlib_module_names == set()


def test_the_supervisor_loads_little() -> None:
    script = (
        "import sys, gateway.supervisor\n"
        f"print(*[name for name in {SUPERVISOR_WITHOUT!r} if name in sys.modules])"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert outcome.stdout.split() == []


def test_every_module_imports_alone() -> None:
    """Each one with no other module of the gateway loaded before; foreign packages stay."""
    script = """
import importlib, sys
for name in sys.argv[1:]:
    for loaded in [key for key in sys.modules if key.partition(".")[0] == "gateway"]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except Exception as error:
        print(f"{name}: {error!r}")
"""
    names = [name for name in MODULES if not name.endswith("__main__")]
    outcome = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome.stdout + outcome.stderr == ""


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_lives_in_it(name: str) -> None:
    assert ast.get_docstring(TREES[name])


def test_modules_stay_short() -> None:
    lengths = {name: path.read_text("utf-8").count("\n") for name, path in MODULES.items()}
    long = {name for name, lines in lengths.items() if lines > LINES_LIMIT}

    assert long == set(LONG_MODULES)


@pytest.mark.parametrize(
    "rule", ["[1-5][0-9][0-9]", 'ip_address(name.strip("[]"))', "pattern: [1-5]\\d\\d"]
)
def test_a_rule_is_written_once(rule: str) -> None:
    """Two copies of what is valid, or of who may call, come apart sooner or later."""
    holders = [
        path.relative_to(ROOT).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if rule in path.read_text("utf-8")
    ]

    assert len(holders) == 1, holders


def mirror_of(name: str) -> Path:
    *folders, last = name.split(".")
    return UNIT_TESTS.joinpath(*folders[1:], f"test_{last.strip('_')}.py")


def test_every_module_has_its_own_tests() -> None:
    """Packages' `__init__` and modules of pure data are tested through those that use them."""
    missing = {
        name
        for name, path in MODULES.items()
        if path.stem != "__init__"
        and has_code(name)
        and not is_only_data(name)
        and not mirror_of(name).exists()
    }

    assert missing == set(UNTESTED)


def test_every_unit_test_file_names_a_module() -> None:
    """`test_routes.py` tests `routes.py`; `test_routes_properties.py` more of the same."""
    mirrors = {mirror_of(name) for name in MODULES}
    strays = [
        str(path.relative_to(ROOT))
        for path in UNIT_TESTS.rglob("test_*.py")
        if path not in mirrors
        and not any(
            mirror.parent == path.parent and path.stem.startswith(mirror.stem + "_")
            for mirror in mirrors
        )
    ]

    assert strays == []
