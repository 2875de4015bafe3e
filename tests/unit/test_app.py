"""Facts about how a gateway is put together."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import app
from gateway.app import options_of, serve
from gateway.errors import ConfigurationError
from gateway.inheritance import unpack_settings
from gateway.settings import Address, Metrics
from gateway.telemetry import logs
from gateway.telemetry.metrics import table_bytes
from gateway.throttle import bytes_needed
from gateway.throttle.usage_table import usage_bytes
from tests.inheritances import settings_in


def test_tables_have_room_for_what_the_settings_allow(tmp_path: Path) -> None:
    settings = replace(
        settings_in(tmp_path), workers=3, metrics=Metrics(series_budget=35_000, stages=77)
    )
    options = options_of(settings)
    blocks = options.payload["tables"]["blocks"]

    assert options.tables == {
        "buckets": bytes_needed(settings.throttle.buckets, 3),
        "key_buckets": bytes_needed(app.KEY_BUCKETS, 3),
        "usage": usage_bytes(app.USAGE_ROWS, 3),
        "metrics": table_bytes(blocks, 3),
    }
    assert blocks >= 1 + 77 + 900


def test_every_process_gets_the_settings_as_they_are_now(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    options = options_of(settings)

    assert unpack_settings(options.payload["settings"]) == settings
    assert (options.listen, options.admin, options.workers) == ("127.0.0.1:0", "127.0.0.1:0", 1)
    assert options.drain_seconds == settings.timeouts.drain_seconds


def test_children_import_this_very_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    options = options_of(settings_in(tmp_path))
    root = Path(app.__file__).parent.parent

    assert options.environment["PYTHONPATH"] == f"{root}:/elsewhere"
    assert "-P" in options.worker_command


def test_what_keeps_it_from_starting_is_a_problem_to_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "set_up", lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = replace(
            settings_in(tmp_path), listen=Address("127.0.0.1", taken.getsockname()[1])
        )

        with pytest.raises(ConfigurationError, match="cannot listen on"):
            serve(settings)
