"""What a supervisor would hand to a child, made in this process."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Final

from gateway.configuration import load_settings
from gateway.inheritance import Inherited, pack_settings
from gateway.settings import AccessLog, Address, Settings, Timeouts
from gateway.supervisor import Boot, SupervisionTable
from gateway.telemetry.metrics import table_bytes
from gateway.throttle import bytes_needed
from gateway.throttle.usage_table import usage_bytes

BUCKETS: Final = 64
BLOCKS: Final = 64
RUN: Final = "this run"


def memory(size: int, opened: contextlib.ExitStack) -> int:
    """Return the descriptor of new memory."""
    descriptor = os.memfd_create("test")
    opened.callback(os.close, descriptor)
    os.ftruncate(descriptor, size)
    return descriptor


def settings_in(directory: Path) -> Settings:
    """Return settings of a gateway that lives in a directory."""
    return Settings(
        listen=Address("127.0.0.1", 0),
        admin=Address("127.0.0.1", 0),
        config=directory / "config",
        data=directory / "data",
        workers=1,
        timeouts=Timeouts(drain_seconds=5.0),
        access_log=AccessLog(flush_seconds=0.01),
    )


def inherited(
    directory: Path, opened: contextlib.ExitStack, *, worker: int, settings: Settings | None = None
) -> Inherited:
    """Return what worker `worker` (-1: control) would inherit; `opened` closes it."""
    settings = settings or settings_in(directory)
    listening = socket.create_server(("127.0.0.1", 0))
    release = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    release.bind("")
    release.listen()
    supervision = memory(SupervisionTable.bytes_needed(1), opened)
    SupervisionTable(supervision, 1).note_supervisor(os.getpid(), 1_700_000_000.0)
    host, port = listening.getsockname()
    boot: Boot = {
        "run": RUN,
        "supervisor": os.getppid(),
        "worker": worker,
        "workers": 1,
        "restarts": 0,
        "listen_fd": listening.detach(),
        "listen_tls_fd": -1,
        "release_fd": os.dup(release.fileno()),
        "release_address": release.getsockname()[1:].decode(),
        "tables": {
            "buckets": memory(bytes_needed(BUCKETS, 1), opened),
            "key_buckets": memory(bytes_needed(BUCKETS, 1), opened),
            "usage": memory(usage_bytes(BUCKETS, 1), opened),
            "metrics": memory(table_bytes(BLOCKS, 1), opened),
            "supervision": supervision,
        },
        "addresses": {"listen": f"{host}:{port}", "admin": f"{host}:{port}"},
        "payload": {
            "settings": pack_settings(settings),
            "file_settings": pack_settings(load_settings(settings.config, {}, {})),
            "tables": {
                "buckets": BUCKETS,
                "key_buckets": BUCKETS,
                "usage": BUCKETS,
                "blocks": BLOCKS,
            },
        },
    }
    return Inherited(boot)
