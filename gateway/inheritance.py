"""What a child process takes over from the supervisor: sockets, tables, settings, and its end.

Settings travel as they were merged when the gateway started: a child that is restarted later must
not see another `gateway.toml` than its siblings.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import mmap
import os
import signal
import socket
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from gateway.settings import Settings
from gateway.supervisor import Boot, SupervisionTable

_PR_SET_PDEATHSIG: Final = 1
"""prctl(2)."""

_MOST_BOOT_BYTES: Final = 1_048_576


class Inherited:
    """Everything that the supervisor gave to this process."""

    def __init__(self, boot: Boot) -> None:
        self.boot = boot

    def __repr__(self) -> str:
        return f"<Inherited worker {self.boot['worker']}/{self.boot['workers']}>"

    @property
    def release_address(self) -> str:
        """Address of the Unix socket between control and workers, for `connect`."""
        return "\0" + self.boot["release_address"]

    @property
    def settings(self) -> Settings:
        """The settings that the gateway was started with."""
        return unpack_settings(self.boot["payload"]["settings"])

    def listening(self) -> socket.socket:
        """Return the listening socket: a worker's own, or control's admin socket."""
        return _adopted(self.boot["listen_fd"])

    def listening_tls(self) -> socket.socket | None:
        """Return a worker's own socket for TLS; None: there is none."""
        descriptor = self.boot["listen_tls_fd"]
        return None if descriptor < 0 else _adopted(descriptor)

    def release_listening(self) -> socket.socket:
        """Return control's listening socket for workers."""
        return _adopted(self.boot["release_fd"])

    def table(self, name: str) -> memoryview:
        """Return the bytes of a shared table."""
        descriptor = self.boot["tables"][name]
        return memoryview(mmap.mmap(descriptor, os.fstat(descriptor).st_size))

    def supervision(self) -> SupervisionTable:
        """Return the supervisor's own table."""
        return SupervisionTable(self.boot["tables"]["supervision"], self.boot["workers"])


def take_over(arguments: Sequence[str]) -> Inherited:
    """Read what the supervisor passed, and tie this process's life to the supervisor's."""
    if len(arguments) != 2 or arguments[0] != "--boot":
        sys.exit("this process is started by `stagegate run`, not by hand")
    descriptor = int(arguments[1])
    boot: Boot = json.loads(os.pread(descriptor, _MOST_BOOT_BYTES, 0))
    os.close(descriptor)
    end_with_parent(boot["supervisor"])
    return Inherited(boot)


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies.

    KILL and not TERM: whoever kills the supervisor gets an empty machine even where a child hangs,
    and a new supervisor meets no old worker that still writes to the data directory.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        # It died before the kernel knew.
        os.kill(os.getpid(), signal.SIGKILL)


def accept_signals() -> None:
    """Let TERM and HUP in, which the supervisor blocked; call it once handlers are in place."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGHUP})


def _adopted(descriptor: int) -> socket.socket:
    adopted = socket.socket(fileno=descriptor)
    adopted.setblocking(False)
    return adopted


def pack_settings(settings: Settings) -> dict[str, Any]:
    """Return settings as JSON values."""
    packed: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(settings), default=str))
    return packed


def unpack_settings(packed: dict[str, Any]) -> Settings:
    """Return the settings that `pack_settings` packed."""
    settings: Settings = _unpack(Settings, packed)
    return settings


def _unpack(hint: Any, value: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (each for each in get_args(hint) if each is not type(None))
        if value is None:
            return None
    if dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        names = [field.name for field in dataclasses.fields(hint)]
        return hint(**{name: _unpack(hints[name], value[name]) for name in names})  # type: ignore[operator]
    if hint is Path:
        return Path(value)
    return tuple(value) if get_origin(hint) is tuple else value
