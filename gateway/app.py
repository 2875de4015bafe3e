"""Puts a gateway together: from settings to running processes."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Final

from gateway import __version__
from gateway.build import BUILD
from gateway.configuration.settings_file import load_settings
from gateway.errors import ConfigurationError, Problem
from gateway.inheritance import pack_settings
from gateway.settings import Settings
from gateway.supervisor import CannotStartError, Options, supervise
from gateway.telemetry import logs
from gateway.telemetry.metrics import SERIES_PER_BLOCK, table_bytes
from gateway.throttle.table import bytes_needed
from gateway.throttle.usage_table import usage_bytes

_log = logging.getLogger(__name__)

KEY_BUCKETS: Final = 524_288
"""Token buckets of API keys, in a table of their own: they never take a method's room."""

USAGE_ROWS: Final = 262_144
"""Keys in usage plans whose requests can be counted."""


def serve(settings: Settings) -> int:
    """Run a gateway in this process and its children until SIGTERM or SIGINT; return the exit code.

    Raises:
        ConfigurationError: it cannot start; an address is taken, or the data directory in use.
    """
    logs.set_up("supervisor")
    _log.info("stagegate %s, %s build", __version__, BUILD)
    try:
        return supervise(options_of(settings))
    except CannotStartError as error:
        raise ConfigurationError((Problem("", str(error)),)) from error


def options_of(settings: Settings) -> Options:
    """Return what the supervisor is to run for these settings.

    Raises:
        ConfigurationError: `gateway.toml` has changed since the settings were read, and is invalid.
    """
    metrics, buckets = settings.metrics, settings.throttle.buckets
    blocks = 1 + metrics.stages + metrics.series_budget // SERIES_PER_BLOCK
    workers = settings.workers
    return Options(
        listen=str(settings.listen),
        admin=str(settings.admin),
        listen_tls=None if settings.listen_tls is None else str(settings.listen_tls),
        workers=workers,
        control_command=_command("gateway.control.main"),
        worker_command=_command("gateway.worker.main"),
        environment={"PYTHONPATH": _python_path()},
        tables={
            "buckets": bytes_needed(buckets, workers),
            "key_buckets": bytes_needed(KEY_BUCKETS, workers),
            "usage": usage_bytes(USAGE_ROWS, workers),
            "metrics": table_bytes(blocks, workers),
        },
        run_directory=settings.data / "run",
        drain_seconds=settings.timeouts.drain_seconds,
        payload={
            "settings": pack_settings(settings),
            "file_settings": pack_settings(load_settings(settings.config, {}, {})),
            "tables": {
                "buckets": buckets,
                "key_buckets": KEY_BUCKETS,
                "usage": USAGE_ROWS,
                "blocks": blocks,
            },
        },
    )


def _command(module: str) -> tuple[str, ...]:
    # -P: a directory named `gateway` where the user happens to be must not be taken for this one.
    return (sys.executable, "-P", "-m", module)


def _python_path() -> str:
    """Return the search path on which the children find this very package."""
    here = str(Path(__file__).resolve().parent.parent)
    return os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
