"""Facts about building the compiled gateway. That it works: tests/integration/test_compiled.py."""

import json
import subprocess
from pathlib import Path

import pytest

from compiled import __main__ as compiled
from compiled.__main__ import CannotBuildError, build, check_tools, main, staleness, stamp_of


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a build is looked for, in a clone whose sources are these."""
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "clock.py").write_text("NOW = 0\n")
    (tmp_path / "modules.txt").write_text("gateway/clock.py\n")
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    monkeypatch.setattr(compiled, "LIST", tmp_path / "modules.txt")
    monkeypatch.setattr(compiled, "sources", lambda: sources_of(tmp_path))
    monkeypatch.setattr(compiled, "OUTPUT", tmp_path / "build" / "compiled")
    return tmp_path / "build" / "compiled"


def sources_of(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text("utf-8")
        for path in sorted((root / "gateway").rglob("*.py"))
    }


def stamped(output: Path) -> None:
    output.mkdir(parents=True)
    stamp = stamp_of(compiled.sources(), ["gateway/clock.py"])
    (output / "built.json").write_text(json.dumps(stamp))


def test_a_build_that_is_not_there_cannot_be_used(output: Path) -> None:
    assert staleness(output) == "build/compiled is not there; `make compiled` builds it"


def test_a_build_of_these_sources_can_be_used(output: Path) -> None:
    stamped(output)

    assert staleness(output) == ""


def test_a_build_of_other_sources_cannot_be_used(output: Path) -> None:
    stamped(output)
    (output.parent.parent / "gateway" / "clock.py").write_text("NOW = 1\n")

    assert staleness(output) == "build/compiled is of other sources; `make compiled` builds it anew"


def test_a_build_of_another_list_cannot_be_used(output: Path) -> None:
    stamped(output)
    compiled.LIST.write_text("")

    assert "other sources" in staleness(output)


def test_a_build_by_another_python_cannot_be_used(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamped(output)
    monkeypatch.setattr("sys.version", "3.99")

    assert "other sources" in staleness(output)


def test_what_is_built_already_is_not_built_again_but_gets_the_tests_of_now(
    output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stamped(output)
    monkeypatch.setattr(compiled, "BESIDE", ("gateway",))

    assert main([]) == 0
    assert (output / "gateway" / "clock.py").exists()
    assert capsys.readouterr().out == "build/compiled is up to date\n"


def test_a_missing_compiler_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O9")

    with pytest.raises(CannotBuildError, match=r"no C compiler \(no-such-compiler\).*apt-get"):
        check_tools()


def test_missing_headers_are_named_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "true")
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))

    with pytest.raises(CannotBuildError, match=r"Python\.h is not there; .*python3-dev"):
        check_tools()


def test_a_list_that_breaks_a_rule_is_refused_before_anything_is_written(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled.LIST.write_text("gateway/gone.py\n")

    assert main([]) == 1
    assert capsys.readouterr().err == (
        "compiled: gateway/gone.py: listed, but there is no such file\n"
    )
    assert list(output.parent.iterdir()) == []


def test_a_failed_build_leaves_the_last_one(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamped(output)
    (output / "kept").touch()
    monkeypatch.setattr(compiled, "check_tools", lambda: None)
    monkeypatch.setattr(
        subprocess,
        "run",
        lambda command, **_: subprocess.CompletedProcess(command, 1, "error: no such type"),
    )

    with pytest.raises(CannotBuildError, match="no such type"):
        build(output)

    assert (output / "kept").exists()
