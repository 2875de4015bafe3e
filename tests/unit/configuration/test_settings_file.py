"""Settings from file, variables and flags: who wins, and what is wrong where."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.configuration.setting_values import SETTINGS
from gateway.configuration.settings_file import load_settings, variable_of
from gateway.errors import ConfigurationError
from gateway.settings import Address, Settings

ROOT = Path(__file__).resolve().parents[3]


def refused(
    directory: Path,
    text: str = "",
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
) -> list[str]:
    (directory / "gateway.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(directory, environ, flags)
    return [str(problem).removeprefix(f"{directory}/") for problem in caught.value.problems]


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "nowhere", {"workers": "3"}, {"workers": None})

    assert settings.limits == Settings().limits
    assert settings.config == tmp_path / "nowhere"
    assert settings.workers == len(os.sched_getaffinity(0))


def test_a_flag_wins_over_a_variable_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(
        'listen = "a:1"\nadmin = "a:1"\nregion = "a"\n[limits]\nbody_bytes = 1\n'
    )
    settings = load_settings(
        tmp_path,
        {"STAGEGATE_LISTEN": "b:2", "STAGEGATE_ADMIN": "b:2", "STAGEGATE_LIMITS_BODY_BYTES": "2"},
        {"listen": "c:3", "workers": 2},
    )

    assert settings.listen == Address("c", 3)
    assert settings.admin == Address("b", 2)
    assert settings.region == "a"
    assert settings.limits.body_bytes == 2
    assert settings.workers == 2


def test_without_a_directory_a_flag_or_variable_names_it(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text('region = "here"\n')
    by_variable = load_settings(None, {"STAGEGATE_CONFIG": str(tmp_path)})
    by_flag = load_settings(None, {"STAGEGATE_CONFIG": "no"}, {"config": str(tmp_path)})

    assert by_variable.region == by_flag.region == "here"
    assert by_flag.config == tmp_path


def test_every_setting_has_a_variable_of_its_own() -> None:
    assert len({variable_of(name) for name in SETTINGS}) == len(SETTINGS)
    assert variable_of("limits.body_bytes") == "STAGEGATE_LIMITS_BODY_BYTES"


def test_problems_carry_the_line_that_sets_the_key(tmp_path: Path) -> None:
    problems = refused(
        tmp_path,
        "# body_bytes = 1\nbody_bytes = 1\nlimits.header_count = 0\nlisten = 80\n\n[timeouts]\n"
        "header_seconds = 0 # too small\nidle = 5\n[throttle]\n[limit]\na = 1\n",
    )

    assert [problem.partition(": ")[0] for problem in problems] == [
        "gateway.toml:2:1",
        "gateway.toml:3:1",
        "gateway.toml:4:1",
        "gateway.toml:7:1",
        "gateway.toml:8:1",
        "gateway.toml:10:1",
    ]
    assert 'did you mean "limits.body_bytes"?' in problems[0]
    assert 'did you mean "timeouts.idle_seconds"?' in problems[4]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("listen = ", "gateway.toml:1:1: is no valid TOML"),
        ("listen = x y", "gateway.toml:1:10: is no valid TOML"),
        ("a = 1\na = 2", "gateway.toml:2:1: is no valid TOML"),
        ("limits = 5", "gateway.toml:1:1: limits: must be a table: write [limits]"),
        ('config = "x"', "gateway.toml:1:1: config: cannot be set in the directory"),
        ("[[limits]]\n", "gateway.toml: limits: must be a table"),
        ("a = " + "[" * 5000, "gateway.toml: is no valid TOML"),
        ("a = " + "9" * 5000, "gateway.toml: is no valid TOML"),
        ("#" * 1_100_000, "gateway.toml: has more than"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = refused(tmp_path, text)

    assert problem.startswith(expected)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="is no valid TOML"):
        load_settings(tmp_path)


def test_a_directory_in_the_files_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").mkdir()
    with pytest.raises(ConfigurationError, match=r"gateway\.toml: cannot be read"):
        load_settings(tmp_path)


def test_wrong_variables_and_flags_are_all_named(tmp_path: Path) -> None:
    problems = refused(
        tmp_path,
        environ={"STAGEGATE_WORKERS": "many", "STAGEGATE_LIMITS_BODY_BYTE": "1"},
        flags={"trusted_proxies": 5, "workes": "1"},
    )

    assert problems == [
        "STAGEGATE_LIMITS_BODY_BYTE: unknown variable; did you mean STAGEGATE_LIMITS_BODY_BYTES?",
        'STAGEGATE_WORKERS: must be a whole number, not "many"',
        '--trusted-proxies: must be a list of networks, such as ["10.0.0.0/8"]',
        '--workes: unknown setting "workes"; did you mean "workers"?',
    ]


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    others = {
        "STAGEGATE_PORT": "tcp://10.0.0.1:80",
        "STAGEGATE_PORT_80_TCP_ADDR": "10.0.0.1",
        "STAGEGATE_SERVICE_HOST": "10.0.0.1",
        "STAGEGATE_ADMIN_SERVICE_PORT": "8081",
        "STAGEGATE_NO_SKIP": "1",
        "PATH": "/bin",
    }

    assert load_settings(tmp_path, others).listen == Settings().listen


def test_the_sample_shows_every_setting_with_its_default(tmp_path: Path) -> None:
    """What is commented out there must be the default, so that nobody reads old news."""
    lines = (ROOT / "config" / "gateway.toml").read_text("utf-8").splitlines()
    shown = [line.removeprefix("# ") if " = " in line.partition("#  ")[0] else "" for line in lines]
    lines = [
        plain if plain and plain.split(" = ")[0].isidentifier() else line
        for plain, line in zip(shown, lines, strict=True)
    ]
    (tmp_path / "gateway.toml").write_text("\n".join(lines))
    tables = tomllib.loads("\n".join(lines))
    names = {
        f"{key}.{inner}" if isinstance(value, dict) else key
        for key, value in tables.items()
        for inner in (value if isinstance(value, dict) else [""])
    }

    assert names == set(SETTINGS) - {"config"}
    settings = load_settings(tmp_path, {}, {"workers": 1})
    expected = load_settings(tmp_path / "none", {}, {"workers": 1, "config": None})
    assert settings.limits == expected.limits
    assert settings.timeouts == expected.timeouts
    assert settings.backends == expected.backends
    assert settings.metrics == expected.metrics
    assert settings.tls == expected.tls
    assert settings.access_log == expected.access_log
    assert settings.debug == expected.debug
    assert (settings.listen, settings.admin) == (expected.listen, expected.admin)
    assert (settings.region, settings.account, settings.data) == (
        expected.region,
        expected.account,
        expected.data,
    )


def test_the_sample_as_it_stands_changes_nothing(tmp_path: Path) -> None:
    sample = load_settings(ROOT / "config", {})
    expected = load_settings(tmp_path, {})

    assert sample.throttle == expected.throttle
    assert sample.trusted_proxies == ()
