"""Facts about what is looked at in a finished build."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from compiled import verify


def looked_at(tree: Path, *names: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-P", verify.__file__, *names],
        env={"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.split("\n")[:-1]
    assert done.stderr == ""
    assert done.returncode == bool("".join(lines))
    return lines


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "gateway" / "server").mkdir(parents=True)
    for name in ("__init__", "server/__init__", "server/edge", "__main__"):
        (tmp_path / "gateway" / f"{name}.py").touch()
    return tmp_path


def test_a_tree_without_compiled_modules_is_as_an_empty_list_says(tree: Path) -> None:
    assert looked_at(tree) == [""]


def test_a_listed_module_that_is_no_shared_object_is_named(tree: Path) -> None:
    (said,) = looked_at(tree, "gateway.server.edge")

    assert said == f"gateway.server.edge: {tree}/gateway/server/edge.py"


def test_a_module_that_does_not_import_is_named(tree: Path) -> None:
    (tree / "gateway" / "broken.py").write_text("raise TypeError('interpreted classes')\n")
    (said,) = looked_at(tree)

    assert said == "gateway.broken: cannot be imported: TypeError('interpreted classes')"


def test_a_class_smaller_than_its_base_is_named() -> None:
    class Large:
        __slots__ = ("a", "b")

    class Meta(type):
        __basicsize__ = 16

    class Small(Large, metaclass=Meta):
        __slots__ = ()

    module = ModuleType("made")
    Small.__module__ = "made"
    vars(module)["Small"] = Small
    (said,) = verify.of_layouts(module)

    assert said.startswith("made: Small is smaller than its base")
