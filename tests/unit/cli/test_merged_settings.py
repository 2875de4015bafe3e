from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.arguments import build_parser
from gateway.cli.merged_settings import settings_of
from gateway.errors import ConfigurationError
from gateway.settings import Address


def test_flags_beat_the_environment_and_that_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (config / "gateway.toml").write_text(
        'listen = "127.0.0.1:1"\nadmin = "127.0.0.1:1"\nregion = "eu-west-1"\n'
    )
    monkeypatch.setenv("STAGEGATE_LISTEN", "127.0.0.1:2")
    monkeypatch.setenv("STAGEGATE_ADMIN", "127.0.0.1:2")

    settings = settings_of(build_parser().parse_args(["run", "--listen", "127.0.0.1:3"]))

    assert settings.listen == Address("127.0.0.1", 3)
    assert settings.admin == Address("127.0.0.1", 2)
    assert settings.region == "eu-west-1"


def test_the_environment_may_name_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGEGATE_CONFIG", str(tmp_path))

    settings = settings_of(build_parser().parse_args(["check"]))

    assert settings.config == tmp_path


def test_a_variable_that_is_no_value_is_a_problem(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGEGATE_LISTEN", "8080")

    with pytest.raises(ConfigurationError, match="STAGEGATE_LISTEN"):
        settings_of(build_parser().parse_args(["run"]))
