"""Serves the control port's application on a socket, each connection within `AdminBounds`."""

from __future__ import annotations

import asyncio
import socket
from typing import Final, cast

from aiohttp import web

from gateway.clock import Clock
from gateway.control.admin_bounds import AdminBounds, AdminConnections, Refuse
from gateway.control.admin_connection import AdminConnection

SHUTDOWN_SECONDS: Final = 1.0
"""For answers on the admin socket that are under way at the end."""


class AdminListener:
    """Owns the socket and its connections, from `start` to `close`."""

    def __init__(
        self,
        application: web.Application,
        refuse: Refuse,
        clock: Clock,
        bounds: AdminBounds | None = None,
    ) -> None:
        self._runner = web.AppRunner(application, shutdown_timeout=SHUTDOWN_SECONDS)
        self._refuse = refuse
        self._clock = clock
        self._bounds = bounds or AdminBounds()
        self._server: asyncio.Server | None = None

    def __repr__(self) -> str:
        return f"<AdminListener {'open' if self._server else 'closed'}>"

    async def start(self, listening: socket.socket) -> None:
        """Accept connections from now on; the socket is this object's."""
        await self._runner.setup()
        # A runner that is set up has one.
        server = cast("web.Server", self._runner.server)
        loop = asyncio.get_running_loop()
        connections = AdminConnections(self._bounds, self._refuse, self._clock, loop)
        self._server = await loop.create_server(
            lambda: AdminConnection(server, connections, loop), sock=listening
        )

    async def close(self) -> None:
        """Accept no more, let answers under way end, and close the rest."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()
