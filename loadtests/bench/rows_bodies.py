"""The row of large bodies: cost per byte beside nginx, and what a stream holds in memory."""

from __future__ import annotations

import contextlib
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from loadtests.bench.anchors import FILE_BYTES, NGINX, Anchor, Server, nginx
from loadtests.bench.body_sink import PAUSE_AFTER_BYTES, PAUSE_SECONDS
from loadtests.bench.lab import Lab
from loadtests.bench.lines import Line, paired
from loadtests.bench.ours import (
    DOWNLOAD,
    HEADERS,
    UPLOAD,
    Backends,
    gateway,
    shop_document,
    write_config,
)
from loadtests.bench.processes import free_port, resident_bytes, running, wait_for

STREAMS: Final = 4
SLOW_STREAMS: Final = 8
_PIECE: Final = bytes(256 * 1024)
_SAMPLE_SECONDS: Final = 0.02
_TIMEOUT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What one direction has shown in one round."""

    cost_per_megabyte: float
    growth_bytes: float
    """Of VmRSS, for each of the slow streams."""
    wrong: tuple[str, ...]


def download(port: int, target: str, *, is_slow: bool = False) -> str:
    """Fetch the large file; return what was wrong with it, nothing when all is well."""
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS) as connection:
        connection.sendall(_head("GET", target))
        status, received = _status(connection)
        buffer = bytearray(len(_PIECE))
        pause_at = PAUSE_AFTER_BYTES if is_slow else FILE_BYTES
        while received < FILE_BYTES:
            count = connection.recv_into(buffer)
            if not count:
                break
            received += count
            if received >= pause_at:
                pause_at = FILE_BYTES
                time.sleep(PAUSE_SECONDS)
    if (status, received) != (200, FILE_BYTES):
        return f"download: status {status}, {received} bytes of {FILE_BYTES}"
    return ""


def upload(port: int, target: str, *, is_slow: bool = False) -> str:
    """Send as many bytes; return what was wrong, nothing when all is well."""
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_SECONDS) as connection:
        path = f"{target}?pause" if is_slow else target
        connection.sendall(_head("POST", path, FILE_BYTES))
        for _ in range(FILE_BYTES // len(_PIECE)):
            connection.sendall(_PIECE)
        status, _ = _status(connection)
    return "" if status == 200 else f"upload: status {status}"


def _head(method: str, target: str, length: int | None = None) -> bytes:
    lines = [
        f"{method} {target} HTTP/1.1",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
    ]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def _status(connection: socket.socket) -> tuple[int, int]:
    """Return an answer's status, and how many bytes of its body came with the head."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65_536)
        if not more:
            return 0, 0
        received += more
    head, _, rest = received.partition(b"\r\n\r\n")
    return int(head[9:12]), len(rest)


def _all(
    send: Callable[..., str], port: int, target: str, streams: int, *, is_slow: bool
) -> list[str]:
    """Run streams side by side; return what was wrong with them."""

    def one(_: int) -> str:
        try:
            return send(port, target, is_slow=is_slow)
        except OSError as error:
            return f"{send.__name__}: {error}"

    with ThreadPoolExecutor(streams) as pool:
        return [wrong for wrong in pool.map(one, range(streams)) if wrong]


class _Growth:
    """The largest VmRSS of a server while it is watched, beyond what it was at the beginning."""

    def __init__(self, server: Server) -> None:
        self._pids = server.program.pids()
        self._before = self._resident()
        self.most = 0

    def _resident(self) -> int:
        total = 0
        for pid in self._pids:
            with contextlib.suppress(OSError, StopIteration):
                total += resident_bytes(pid)
        return total

    def watch(self, stop: threading.Event) -> None:
        """Look again and again until told to stop."""
        while not stop.wait(_SAMPLE_SECONDS):
            self.most = max(self.most, self._resident() - self._before)


def _transfer(lab: Lab, server: Server, send: Callable[..., str], target: str) -> Transfer:
    wrong = _all(send, server.port, target, 1, is_slow=False)
    with lab.meter.measuring(server.program) as reading:
        wrong += _all(send, server.port, target, STREAMS, is_slow=False)
    growth = _Growth(server)
    stop = threading.Event()
    watcher = threading.Thread(target=growth.watch, args=(stop,))
    watcher.start()
    try:
        wrong += _all(send, server.port, target, SLOW_STREAMS, is_slow=True)
    finally:
        stop.set()
        watcher.join()
    return Transfer(
        cost_per_megabyte=reading.total / (STREAMS * FILE_BYTES / 1e6),
        growth_bytes=growth.most / SLOW_STREAMS,
        wrong=tuple(dict.fromkeys(wrong)),
    )


@contextlib.contextmanager
def _sink(lab: Lab) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "loadtests.bench.body_sink", str(port)]
    with running("sink", command, directory=lab.directory, cores=lab.cores.load) as program:
        wait_for(program, port)
        yield port


def bodies(lab: Lab) -> list[Line]:
    """P7: 100 MB up and down, several at once, against nginx."""
    anchor: Anchor = NGINX
    found: dict[tuple[str, str], list[Transfer]] = {}
    with _sink(lab) as sink:
        config = lab.directory / "config-bodies"
        backends = Backends(origin=lab.origin.port, sink=sink)
        write_config(config, {"shop": shop_document(backends, other_methods=0)})
        for turn in range(min(lab.pace.rounds, 3)):
            with gateway(lab.directory, lab.cores, config, name="gateway-bodies") as server:
                for name, send, target in (
                    ("down", download, DOWNLOAD),
                    ("up", upload, UPLOAD),
                ):
                    found.setdefault(("ours", name), []).append(
                        _transfer(lab, server, send, target)
                    )
            if not anchor.absence:
                for name, send, port, target in (
                    ("down", download, lab.origin.port, "/files/large.bin"),
                    ("up", upload, sink, "/upload"),
                ):
                    with nginx(lab.directory, lab.cores, port) as server:
                        found.setdefault(("nginx", name), []).append(
                            _transfer(lab, server, send, target)
                        )
            lab.say(f"  round {turn + 1}: {_said(found)}")
    return [line for name in ("down", "up") for line in _lines(lab, name, found, anchor)]


def _said(found: dict[tuple[str, str], list[Transfer]]) -> str:
    return ", ".join(
        f"{who} {name} {each[-1].cost_per_megabyte:.0f} a MB, +{each[-1].growth_bytes / 1e6:.2f} MB"
        for (who, name), each in found.items()
    )


def _lines(
    lab: Lab, name: str, found: dict[tuple[str, str], list[Transfer]], anchor: Anchor
) -> list[Line]:
    ours = found["ours", name]
    theirs = found.get(("nginx", name), [])
    wrong = [why for each in (*ours, *theirs) for why in each.wrong]
    costs = [each.cost_per_megabyte for each in ours]
    anchor_costs = [each.cost_per_megabyte for each in theirs]
    growths = [each.growth_bytes / 1e6 for each in ours]
    work = f"{FILE_BYTES // 2**20} MB {name}"
    voided = tuple(dict.fromkeys(wrong))
    raw: tuple[dict[str, Any], ...] = tuple(
        {
            "ours_per_megabyte": own.cost_per_megabyte,
            "nginx_per_megabyte": theirs[turn].cost_per_megabyte if theirs else None,
            "ours_growth": own.growth_bytes,
            "nginx_growth": theirs[turn].growth_bytes if theirs else None,
        }
        for turn, own in enumerate(ours)
    )
    return [
        Line(
            row="P7",
            work=f"{work}, {STREAMS} streams, cost per MB",
            anchor=anchor.name,
            ours=statistics.median(costs),
            theirs=statistics.median(anchor_costs) if anchor_costs else None,
            unit=lab.meter.unit,
            value=paired(costs, anchor_costs) if anchor_costs else None,
            must=2.0,
            moonshot=1.3,
            voided=voided,
            skipped=anchor.absence,
            rounds=raw,
        ),
        Line(
            row="P7",
            work=f"{work}, VmRSS grown per stalled stream, of {SLOW_STREAMS}",
            anchor=anchor.name,
            ours=statistics.median(growths),
            theirs=(
                statistics.median(each.growth_bytes / 1e6 for each in theirs) if theirs else None
            ),
            unit="MB",
            value=statistics.median(growths),
            value_unit="MB",
            must=2.0,
            voided=voided,
            rounds=raw,
        ),
    ]
