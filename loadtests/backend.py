"""A sample backend that echoes requests and, when asked, misbehaves in a chosen way.

For trying the gateway, for its tests and for loads:
`python -m loadtests.backend --listen 127.0.0.1:9000`.

| path | answer |
|---|---|
| any other | JSON: method, path, query, headers as sent, body length and beginning |
| `/bytes/{n}` | n bytes with Content-Length |
| `/chunked/{n}?size=` | n bytes in chunks of `size` (default 16384), chunked |
| `/slow/{seconds}` | the echo, after a wait |
| `/status/{code}` | that status; a body says it again |
| `/sse?n=&interval=` | n server-sent events (default 5), one each `interval` seconds (default 1) |
| `/drip?n=&interval=` | n bytes (default 10), one at a time, with Content-Length |
| `/upload` | counts the request body while it arrives: `{"bytes": n}` |
| `/early?status=` | answers (default 413) before it has read the request body |
| `/fault/{name}` | a broken answer; `/fault/` lists the names |
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import orjson
from aiohttp import web

try:
    import uvloop
except ImportError:  # The sample runs without it, only slower.
    new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    new_event_loop = uvloop.new_event_loop

ECHOED_BODY_BYTES: Final = 8192
"""How much of a request body the echo repeats."""
_BLOCK: Final = b"0123456789abcdef" * 4096

_OK: Final = b"HTTP/1.1 200 OK\r\n"
_ONE_BYTE: Final = _OK + b"Content-Length: 1\r\n\r\nx"

FAULTS: Final[dict[str, bytes | None]] = {
    # No bytes; the connection ends at once, with FIN or RST.
    "close": b"",
    "rst": None,
    # Broken off.
    "half": _OK + b"Content-Length: 1000\r\n\r\n" + b"x" * 100,
    "half-chunk": _OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\nonly this",
    "half-head": _OK + b"Content-Type: text/pl",
    # Not HTTP, or not safely so.
    "garbage": b"\x16\x03\x01 this is not HTTP\r\n\r\n",
    "nul": _OK + b"X-Bad: a\0b\r\nContent-Length: 0\r\n\r\n",
    "both-framings": _OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two-lengths": _OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "bad-chunk": _OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "gzip-coding": _OK + b"Transfer-Encoding: gzip\r\n\r\nabc",
    "status-99": b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
    "status-999": b"HTTP/1.1 999 High\r\nContent-Length: 0\r\n\r\n",
    "upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n",
    "endless-1xx": b"HTTP/1.1 102 Processing\r\n\r\n" * 1000 + _ONE_BYTE,
    "huge-head": _OK + b"X-Huge: " + b"x" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n",
    # Fine, but for what follows it.
    "extra": _ONE_BYTE + b"and more",
    "second-answer": _ONE_BYTE + _ONE_BYTE,
    # Fine: the length is where the connection ends.
    "until-close": _OK + b"Content-Type: text/plain\r\n\r\nuntil I close",
}
"""Raw answers by name; the connection is closed after them. None: reset instead."""

STALLS: Final[dict[str, bytes]] = {
    "silent": b"",
    "stall-head": _OK + b"Content-Type: te",
    "stall-body": _OK + b"Content-Length: 1000\r\n\r\n" + b"x" * 100,
}
"""Raw beginnings by name, after which nothing comes until the peer leaves."""


async def echo(request: web.Request) -> web.Response:
    """Repeat the request as JSON."""
    length = 0
    beginning = bytearray()
    async for piece in request.content.iter_any():
        length += len(piece)
        if len(beginning) < ECHOED_BODY_BYTES:
            beginning += piece[: ECHOED_BODY_BYTES - len(beginning)]
    path, _, query = request.raw_path.partition("?")
    return _json(
        {
            "method": request.method,
            "path": path,
            "query": query,
            "headers": [
                [name.decode("latin-1"), value.decode("latin-1")]
                for name, value in request.raw_headers
            ],
            "bodyLength": length,
            "body": beginning.decode("utf-8", "replace"),
        }
    )


async def send_bytes(request: web.Request) -> web.StreamResponse:
    """Answer n bytes with Content-Length."""
    return await _send(request, int(request.match_info["n"]), len(_BLOCK), is_chunked=False)


async def send_chunked(request: web.Request) -> web.StreamResponse:
    """Answer n bytes in chunks."""
    size = min(max(int(request.query.get("size", "16384")), 1), len(_BLOCK))
    return await _send(request, int(request.match_info["n"]), size, is_chunked=True)


async def slow(request: web.Request) -> web.Response:
    """Echo after a wait."""
    await asyncio.sleep(float(request.match_info["seconds"]))
    return await echo(request)


async def status(request: web.Request) -> web.Response:
    """Answer with a status."""
    code = int(request.match_info["code"])
    return _json({"status": code}, status=code)


async def events(request: web.Request) -> web.StreamResponse:
    """Send server-sent events."""
    response = web.StreamResponse(headers={"Cache-Control": "no-store"})
    response.content_type = "text/event-stream"
    await response.prepare(request)
    for number in range(int(request.query.get("n", "5"))):
        await response.write(b"id: %d\ndata: event %d\n\n" % (number, number))
        await asyncio.sleep(float(request.query.get("interval", "1")))
    return response


async def drip(request: web.Request) -> web.StreamResponse:
    """Send a body byte by byte."""
    count = int(request.query.get("n", "10"))
    response = web.StreamResponse()
    response.content_length = count
    await response.prepare(request)
    for _ in range(count):
        await response.write(b"x")
        await asyncio.sleep(float(request.query.get("interval", "0.1")))
    return response


async def upload(request: web.Request) -> web.Response:
    """Count the bytes of the request body without keeping them."""
    count = 0
    async for piece in request.content.iter_any():
        count += len(piece)
    return _json({"bytes": count})


async def early(request: web.Request) -> web.Response:
    """Answer without reading the request body, and close."""
    code = int(request.query.get("status", "413"))
    response = _json({"status": code}, status=code)
    response.force_close()
    return response


async def fault(request: web.Request) -> web.Response:
    """Send a broken answer, or the list of what can be had."""
    name = request.match_info["name"]
    transport = request.transport
    if transport is None or (name not in FAULTS and name not in STALLS):
        return _json({"faults": sorted({*FAULTS, *STALLS})}, status=200 if not name else 404)
    if name in STALLS:
        transport.write(STALLS[name])
        # Ends by cancellation, when the peer leaves (handler_cancellation below).
        await asyncio.Event().wait()
    raw = FAULTS.get(name)
    if raw is None:
        _reset_on_close(transport)
        transport.abort()
    else:
        transport.write(raw)
        transport.close()
    return web.Response()


def application() -> web.Application:
    """Build the backend."""
    app = web.Application()
    routes: tuple[tuple[str, Callable[[web.Request], Awaitable[web.StreamResponse]]], ...] = (
        ("/bytes/{n:[0-9]+}", send_bytes),
        ("/chunked/{n:[0-9]+}", send_chunked),
        (r"/slow/{seconds:[0-9]+(?:\.[0-9]+)?}", slow),
        ("/status/{code:[2-5][0-9][0-9]}", status),
        ("/sse", events),
        ("/drip", drip),
        ("/upload", upload),
        ("/early", early),
        ("/fault/{name:.*}", fault),
        ("/{path:.*}", echo),
    )
    for path, handler in routes:
        app.router.add_route("*", path, handler)
    return app


async def serve(
    host: str, port: int, *, announce: Callable[[str], None], ended: asyncio.Event
) -> None:
    """Serve until `ended` is set; `announce` gets the address, with the port that was bound."""
    runner = web.AppRunner(
        application(),
        access_log=None,
        auto_decompress=False,
        handler_cancellation=True,
        shutdown_timeout=1.0,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024)
        await site.start()
        bound = runner.addresses[0]
        announce(f"http://{host}:{bound[1]}")
        await ended.wait()
    finally:
        await runner.cleanup()


async def _send(
    request: web.Request, count: int, size: int, *, is_chunked: bool
) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = "application/octet-stream"
    if is_chunked:
        response.enable_chunked_encoding()
    else:
        response.content_length = count
    await response.prepare(request)
    while count > 0 and request.method != "HEAD":
        await response.write(_BLOCK[: min(size, count)])
        count -= size
    return response


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(value), status=status, headers={"Content-Type": "application/json"}
    )


def _reset_on_close(transport: asyncio.Transport) -> None:
    """Make the coming close a reset: a zero linger time drops what is unsent."""
    transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address; write HOST:PORT, for example 127.0.0.1:9000 (port 0: any)"
        )
    return host.strip("[]") or "127.0.0.1", int(port)


async def _main(host: str, port: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    await serve(
        host,
        port,
        announce=lambda address: print(f"backend listening on {address}", flush=True),
        ended=ended,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the backend until it is told to end."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.backend", description="A sample echo and fault backend."
    )
    parser.add_argument(
        "--listen",
        type=_address,
        default=("127.0.0.1", 9000),
        metavar="HOST:PORT",
        help="address to listen on; port 0 takes a free one (default 127.0.0.1:9000)",
    )
    host, port = parser.parse_args(arguments).listen
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_main(host, port))


if __name__ == "__main__":
    main()
