"""What one writes first: `aiohttp.web` in front, `ClientSession` behind, and nothing but proxying.

It has no routes, limits, ids or logs; it shows what the two libraries cost by themselves.
`python -m loadtests.bench.naive_proxy PORT BACKEND_PORT`
"""

from __future__ import annotations

import sys
from typing import Final

import uvloop
from aiohttp import ClientSession, DummyCookieJar, TCPConnector, web

_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade"})


def application(backend: str) -> web.Application:
    """Build a proxy to a backend such as `http://127.0.0.1:9000`."""
    app = web.Application()
    sessions: list[ClientSession] = []

    async def start(_: web.Application) -> None:
        # As fast as it gets without giving up ClientSession: no limit, no cookies, no inflating.
        sessions.append(
            ClientSession(
                connector=TCPConnector(limit=0, keepalive_timeout=75),
                auto_decompress=False,
                cookie_jar=DummyCookieJar(),
            )
        )

    async def stop(_: web.Application) -> None:
        await sessions[0].close()

    async def forward(request: web.Request) -> web.StreamResponse:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _HOP_BY_HOP
        }
        async with sessions[0].request(
            request.method,
            backend + request.raw_path,
            headers=headers,
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
        ) as answer:
            body = await answer.read()
            return web.Response(
                status=answer.status,
                body=body,
                headers={
                    name: value
                    for name, value in answer.headers.items()
                    if name.lower() not in _HOP_BY_HOP
                },
            )

    app.on_startup.append(start)
    app.on_cleanup.append(stop)
    app.router.add_route("*", "/{path:.*}", forward)
    return app


def main() -> None:
    """Serve until told to stop."""
    port, backend_port = sys.argv[1:]
    web.run_app(
        application(f"http://127.0.0.1:{backend_port}"),
        host="127.0.0.1",
        port=int(port),
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main()
