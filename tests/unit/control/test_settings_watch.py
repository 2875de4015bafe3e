"""Facts about a `gateway.toml` that changes while the gateway runs."""

from pathlib import Path

from gateway.configuration import load_settings
from gateway.control.settings_watch import settings_problems
from gateway.inheritance import pack_settings


def test_an_unchanged_file_is_fine(tmp_path: Path) -> None:
    started_with = pack_settings(load_settings(tmp_path, {}, {}))

    assert settings_problems(tmp_path, started_with) == ()


def test_each_changed_setting_is_named_with_both_values(tmp_path: Path) -> None:
    started_with = pack_settings(load_settings(tmp_path, {}, {}))
    (tmp_path / "gateway.toml").write_text(
        'region = "eu-west-1"\ntrusted_proxies = ["10.0.0.0/8"]\n[limits]\nbody_bytes = 5\n'
    )
    problems = settings_problems(tmp_path, started_with)

    assert {problem.path for problem in problems} == {
        "region", "trusted_proxies", "limits.body_bytes",
    }  # fmt: skip
    assert all(problem.severity == "warning" for problem in problems)
    assert "from us-east-1 to eu-west-1; restart" in problems[0].message


def test_an_invalid_file_is_told_with_its_problems(tmp_path: Path) -> None:
    started_with = pack_settings(load_settings(tmp_path, {}, {}))
    (tmp_path / "gateway.toml").write_text("surprise = 1\n")
    (problem,) = settings_problems(tmp_path, started_with)

    assert "unknown setting" in problem.message


def test_an_address_that_comes_or_goes_is_named(tmp_path: Path) -> None:
    without = pack_settings(load_settings(tmp_path, {}, {}))
    (tmp_path / "gateway.toml").write_text('listen_tls = "127.0.0.1:8443"\n')
    having = pack_settings(load_settings(tmp_path, {}, {}))

    names = {"listen_tls.host", "listen_tls.port"}
    assert {problem.path for problem in settings_problems(tmp_path, without)} == names
    (tmp_path / "gateway.toml").unlink()
    assert {problem.path for problem in settings_problems(tmp_path, having)} == names
    assert settings_problems(tmp_path, without) == ()
