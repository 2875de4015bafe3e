"""The supervisor: holds sockets and shared tables, starts and restarts every other process.

Standard library only and nothing of this package, so that nothing that serves or configures can
take it down. It keeps its own copy of every listening socket: when a worker dies, connections that
wait in its accept queue stay there for the replacement. Linux only (memfd, abstract sockets).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import mmap
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypedDict

BACKLOG: Final = 1024
"""Connections that may wait for one worker; the kernel lowers it to net.core.somaxconn."""

DIRECTORY_MODE: Final = 0o750
"""Of the data directory and what is in it: definitions, users and certificates are nobody else's
business."""

HEALTHY_SECONDS: Final = 10.0
"""A process that lived as long is restarted at once, and its failures are forgotten."""

FIRST_DELAY_SECONDS: Final = 0.1
LONGEST_DELAY_SECONDS: Final = 1.0

KILL_GRACE_SECONDS: Final = 2.0
"""Added to the drain time, which processes keep themselves, before they are killed."""

_HANDLED: Final = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_log = logging.getLogger(__name__)


class CannotStartError(Exception):
    """The gateway cannot start; the message says what is in the way and how to mend it."""


class Boot(TypedDict):
    """What a child reads, as JSON, from the descriptor that its argument `--boot` names."""

    run: str
    """Differs from one supervisor to the next."""
    supervisor: int
    """Process id."""
    worker: int
    """The worker's index; -1 in the control process."""
    workers: int
    restarts: int
    """How often this process was restarted."""
    listen_fd: int
    """Listening socket: a worker's own, or control's admin socket."""
    listen_tls_fd: int
    """A worker's own listening socket for TLS; -1: there is none."""
    release_fd: int
    """Control's listening Unix socket; -1 in workers."""
    release_address: str
    """Name of that socket in the abstract namespace, without the leading NUL."""
    tables: dict[str, int]
    """Descriptors of shared tables by name; `supervision` is the supervisor's own."""
    addresses: dict[str, str]
    """Where the gateway listens: `listen`, `admin`, and `listen_tls` if there is TLS, as
    `host:port`."""
    payload: dict[str, Any]
    """Whatever the caller wants every process to have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to supervise."""

    listen: str
    """Address of the data plane, `host:port`, `[v6]:port`, or `:port` for all; port 0: any free."""
    admin: str
    """Address of the control plane."""
    listen_tls: str | None = None
    """Address of the data plane for TLS; None: there is none."""
    workers: int
    control_command: tuple[str, ...]
    worker_command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Laid over the supervisor's own environment."""
    tables: Mapping[str, int] = field(default_factory=dict)
    """Shared tables by name, with their size in bytes."""
    run_directory: Path
    """Holds `lock` and `addresses.json`; made when absent."""
    drain_seconds: float = 30.0
    payload: Mapping[str, Any] = field(default_factory=dict)
    """JSON for every process."""


def supervise(options: Options) -> int:
    """Run the gateway until SIGTERM or SIGINT; return the exit code.

    Raises:
        CannotStartError: an address is taken or invalid, the data directory is in use, or this is
            not Linux.
    """
    if not hasattr(os, "memfd_create"):
        raise CannotStartError(f"only Linux is supported, and this is {sys.platform}")
    with _locked(options.run_directory), contextlib.ExitStack() as opened:
        return Supervisor(options, opened).run()


class SupervisionTable:
    """Who runs, for the control process: doubles on a memfd. One writer: the supervisor."""

    _HEADER: Final = 3
    _PER_WORKER: Final = 3

    __slots__ = ("_cells", "workers")

    def __init__(self, descriptor: int, workers: int) -> None:
        self.workers = workers
        self._cells = memoryview(mmap.mmap(descriptor, self.bytes_needed(workers))).cast("d")

    @classmethod
    def bytes_needed(cls, workers: int) -> int:
        """Return the size of the table in bytes."""
        return 8 * (cls._HEADER + cls._PER_WORKER * (workers + 1))

    def note_supervisor(self, pid: int, epoch: float) -> None:
        """Write who the supervisor is and when it started."""
        self._cells[0], self._cells[1] = pid, epoch

    def note(self, index: int, pid: int, restarts: int, epoch: float) -> None:
        """Write what runs as worker `index` (-1: control) since `epoch`; pid 0: nothing."""
        start = self._HEADER + self._PER_WORKER * (index + 1)
        for offset, value in enumerate((pid, restarts, epoch)):
            self._cells[start + offset] = value

    def supervisor(self) -> tuple[int, float]:
        """Return the supervisor's process id and start, in seconds since 1970."""
        return int(self._cells[0]), self._cells[1]

    def process(self, index: int) -> tuple[int, int, float]:
        """Return process id, restarts and start (since 1970) of worker `index` (-1: control)."""
        start = self._HEADER + self._PER_WORKER * (index + 1)
        pid, restarts, epoch = self._cells[start : start + self._PER_WORKER]
        return int(pid), int(restarts), epoch


@dataclass(slots=True)
class Child:
    """A process that must run."""

    index: int
    """Worker index; -1: the control process."""
    command: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    failures: int = 0
    """Deaths in a row, none of which came after `HEALTHY_SECONDS`."""
    due: float | None = 0.0
    """When to start it, seconds of CLOCK_MONOTONIC; None while it runs."""

    def __repr__(self) -> str:
        state = f"pid {self.process.pid}" if self.process else "down"
        return f"<{self.name} {state}, {self.restarts} restarts>"

    @property
    def name(self) -> str:
        """What logs call it."""
        return "control" if self.index < 0 else f"worker {self.index}"

    def died(self, now: float) -> float:
        """Note a death and return the seconds to wait before the restart."""
        self.process = None
        if now - self.started >= HEALTHY_SECONDS:
            self.failures = 0
        delay = FIRST_DELAY_SECONDS * 2 ** (self.failures - 1) if self.failures else 0.0
        delay = min(delay, LONGEST_DELAY_SECONDS)
        self.failures += 1
        self.restarts += 1
        self.due = now + delay
        return delay


class Supervisor:
    """One run: opens everything, then waits for signals and nothing else."""

    def __init__(self, options: Options, opened: contextlib.ExitStack) -> None:
        """Open sockets and tables; `opened` closes them.

        Raises:
            CannotStartError: an address is taken or invalid.
        """
        self._options = options
        self._run = os.urandom(8).hex()
        self._listening = listen_sockets(options.listen, options.workers, opened)
        self._listening_tls = listen_sockets(options.listen_tls, options.workers, opened)
        self._admin = listen_sockets(options.admin, 1, opened)[0]
        self._release = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        # An empty name: the kernel picks one in the abstract namespace; no file can be left over.
        self._release.bind("")
        self._release.listen(BACKLOG)
        sizes = dict(options.tables)
        sizes["supervision"] = SupervisionTable.bytes_needed(options.workers)
        self._tables = {name: _memory(name, size, opened) for name, size in sizes.items()}
        self._supervision = SupervisionTable(self._tables["supervision"], options.workers)
        self._children = [Child(-1, options.control_command)]
        self._children += [Child(i, options.worker_command) for i in range(options.workers)]
        self._stop_by: float | None = None
        """When what still runs is killed, seconds of CLOCK_MONOTONIC; None: not stopping."""

    @property
    def addresses(self) -> dict[str, str]:
        """Where the gateway listens, with real ports."""
        named = {"listen": self._listening, "listen_tls": self._listening_tls}
        named["admin"] = [self._admin]
        return {name: _name_of(sockets[0]) for name, sockets in named.items() if sockets}

    def run(self) -> int:
        """Start everything, and return once everything has ended."""
        addresses_file = self._options.run_directory / "addresses.json"
        self._supervision.note_supervisor(os.getpid(), time.time())
        with _signals() as wakeup:
            self._write_addresses(addresses_file)
            tls = "".join(f", https://{_name_of(each)}" for each in self._listening_tls[:1])
            told = "listening on http://%(listen)s" + tls + ", control plane on http://%(admin)s"
            _log.info(told, self.addresses)
            try:
                self._serve(wakeup)
            finally:
                self._kill()
                addresses_file.unlink(missing_ok=True)
        return 0

    def _serve(self, wakeup: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(wakeup, selectors.EVENT_READ)
            while self._stop_by is None or any(child.process for child in self._children):
                self._start_due(time.monotonic())
                selector.select(self._next_wait(time.monotonic()))
                self._handle(_received(wakeup))
                self._reap(time.monotonic())
                if self._stop_by is not None:
                    self._advance_stop(self._stop_by, time.monotonic())

    def _handle(self, signals: bytes) -> None:
        if signal.SIGHUP in signals and self._stop_by is None:
            self._forward(signal.SIGHUP, self._children)
        if signal.SIGTERM in signals or signal.SIGINT in signals:
            self._begin_stop(is_impatient=signal.SIGINT in signals)

    def _begin_stop(self, *, is_impatient: bool) -> None:
        now = time.monotonic()
        if self._stop_by is not None:
            # A second Ctrl-C: whoever presses it does not want to wait for the drain.
            self._stop_by = now if is_impatient else self._stop_by
            return
        _log.info("stopping: draining for at most %g s", self._options.drain_seconds)
        self._stop_by = now + self._options.drain_seconds + KILL_GRACE_SECONDS
        # Our copies go first: a port is closed to newcomers only when every copy is.
        for listening in (*self._listening, *self._listening_tls):
            listening.close()
        self._forward(signal.SIGTERM, self._children[1:])

    def _advance_stop(self, stop_by: float, now: float) -> None:
        control, *workers = self._children
        if now >= stop_by:
            self._kill()
        elif control.process is not None and not any(child.process for child in workers):
            # Last, so that health and metrics can be read during the drain.
            self._admin.close()
            self._forward(signal.SIGTERM, [control])

    def _kill(self) -> None:
        for child in self._children:
            if child.process is not None:
                _log.warning("%s did not end in time and is killed", child.name)
                child.process.kill()
                child.process.wait()
                child.process = None

    def _forward(self, number: signal.Signals, children: list[Child]) -> None:
        for child in children:
            if child.process is not None:
                # Not Popen.send_signal, which may reap the process behind the back of `_reap`.
                os.kill(child.process.pid, number)

    def _start_due(self, now: float) -> None:
        for child in self._children:
            if self._stop_by is None and child.due is not None and child.due <= now:
                self._start(child, now)

    def _start(self, child: Child, now: float) -> None:
        is_control = child.index < 0
        listening = self._admin if is_control else self._listening[child.index]
        boot: Boot = {
            "run": self._run,
            "supervisor": os.getpid(),
            "worker": child.index,
            "workers": self._options.workers,
            "restarts": child.restarts,
            "listen_fd": listening.fileno(),
            "listen_tls_fd": -1
            if is_control or not self._listening_tls
            else self._listening_tls[child.index].fileno(),
            "release_fd": self._release.fileno() if is_control else -1,
            "release_address": self._release.getsockname()[1:].decode("ascii"),
            "tables": self._tables,
            "addresses": self.addresses,
            "payload": dict(self._options.payload),
        }
        child.started, child.due = now, None
        try:
            child.process = self._spawn(child.command, boot)
        except OSError as error:
            delay = child.died(now)
            _log.error("cannot start %s: %s; next try in %.1f s", child.name, error, delay)
            return
        self._supervision.note(child.index, child.process.pid, child.restarts, time.time())

    def _spawn(self, command: tuple[str, ...], boot: Boot) -> subprocess.Popen[bytes]:
        # Not the environment: it has a size limit and shows in /proc.
        boot_fd = os.memfd_create("stagegate-boot")
        # Blocked signals stay blocked through exec, and wait: one that comes before the child has
        # its handlers must neither kill it nor get lost. `inheritance.accept_signals` lets them in.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
        try:
            os.write(boot_fd, json.dumps(boot).encode())
            passed = [boot_fd, boot["listen_fd"], boot["listen_tls_fd"], boot["release_fd"]]
            passed += boot["tables"].values()
            return subprocess.Popen(  # noqa: S603 (the command is the caller's own)
                (*command, "--boot", str(boot_fd)),
                stdin=subprocess.DEVNULL,
                pass_fds=[fd for fd in passed if fd >= 0],
                env={**os.environ, **self._options.environment},
                # Ctrl-C in a terminal is for the supervisor alone; it tells the others.
                process_group=0,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.close(boot_fd)

    def _reap(self, now: float) -> None:
        """Take in every dead process; as process 1 of a container, foreign ones too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self._children:
                if child.process is not None and child.process.pid == pid:
                    child.process.returncode = os.waitstatus_to_exitcode(status)
                    self._note_death(child, child.process.returncode, now)

    def _note_death(self, child: Child, code: int, now: float) -> None:
        if self._stop_by is not None:
            child.process = None
            return
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        delay = child.died(now)
        self._supervision.note(child.index, 0, child.restarts, time.time())
        _log.warning("%s %s; restarting in %.1f s", child.name, how, delay)

    def _next_wait(self, now: float) -> float | None:
        """Return the seconds until something is due; None: only a signal can bring work."""
        if self._stop_by is not None:
            return max(0.0, self._stop_by - now)
        due = [child.due for child in self._children if child.due is not None]
        return max(0.0, min(due) - now) if due else None

    def _write_addresses(self, path: Path) -> None:
        addresses = {"pid": os.getpid(), "run": self._run, **self.addresses}
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(addresses) + "\n", encoding="utf-8")
        temporary.replace(path)


def listen_sockets(
    address: str | None, count: int, opened: contextlib.ExitStack
) -> list[socket.socket]:
    """Return `count` listening sockets that share an address by SO_REUSEPORT; without one, none.

    Raises:
        CannotStartError: the address is taken, malformed, or not this machine's.
    """
    if address is None:
        return []
    try:
        family, where = _resolved(address)
        if where[1]:
            # SO_REUSEPORT would let a second gateway share the port, and the traffic, unnoticed.
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(where)
        sockets: list[socket.socket] = []
        for _ in range(count):
            sockets.append(_listen(family, where, opened))
            where = sockets[0].getsockname()
    except (OSError, ValueError, OverflowError) as error:
        raise CannotStartError(
            f"cannot listen on {address!r}: {error}; give a free address of this machine, host:port"
        ) from error
    return sockets


def _resolved(address: str) -> tuple[int, Any]:
    """Return the family and socket address of `host:port`.

    Raises:
        ValueError: there is no such port.
        OSError: there is no such host.
    """
    host, _, port = address.rpartition(":")
    if not 0 <= int(port) <= 65535:
        # getaddrinfo would take it modulo 65536.
        raise ValueError("there is no such port")
    found = socket.getaddrinfo(
        host.strip("[]") or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, _, _, _, where = found[0]
    return family, where


def _listen(family: int, where: Any, opened: contextlib.ExitStack) -> socket.socket:
    listening = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind(where)
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening


def _name_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _memory(name: str, size: int, opened: contextlib.ExitStack) -> int:
    descriptor = os.memfd_create(f"stagegate-{name}")
    opened.callback(os.close, descriptor)
    os.ftruncate(descriptor, size)
    return descriptor


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock of a data directory: two gateways must not write the same files."""
    try:
        directory.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        directory.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        with (directory / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError as error:
        raise CannotStartError(
            f"{directory.parent} is in use by another gateway; give each its own --data"
        ) from error
    except OSError as error:
        raise CannotStartError(f"cannot write to {directory}: {error.strerror}") from error


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """Turn the handled signals into bytes, one each, on the socket yielded."""
    readable, writable = socket.socketpair()
    readable.setblocking(False)
    writable.setblocking(False)
    earlier_fd = signal.set_wakeup_fd(writable.fileno(), warn_on_full_buffer=False)
    earlier = {number: signal.signal(number, _ignore) for number in _HANDLED}
    try:
        yield readable
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(earlier_fd)
        readable.close()
        writable.close()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: with no handler at all, no byte would be written."""


def _received(wakeup: socket.socket) -> bytes:
    try:
        return wakeup.recv(4096)
    except BlockingIOError:
        return b""
