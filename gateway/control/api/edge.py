"""Where the control API meets aiohttp: requests to values, values to responses."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from gateway.control.api.service import (
    BODY_BYTES,
    ControlAnswer,
    ControlApi,
    ControlRequest,
)
from gateway.errors import ControlError, bad_request, too_many_requests

BODY_SECONDS: Final = 30.0
"""For the whole of a request's body."""

BODIES_BYTES: Final = 64 * 2**20
"""Of all requests in hand together: a signature is checked when the whole body is there."""


class ControlEdge:
    """aiohttp's handler of everything that is no path of the admin's own."""

    def __init__(self, api: ControlApi) -> None:
        self._api = api
        self._held_bytes = 0
        """Bodies of all requests in hand."""

    def __repr__(self) -> str:
        return f"<ControlEdge of {self._api!r}>"

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request."""
        chunks: list[bytes] = []
        try:
            try:
                await self._read(request, chunks)
            except ControlError as error:
                refused = _response(self._api.refuse(error))
                # What is left of the body is not worth reading.
                refused.force_close()
                return refused
            return await self._answer(request, b"".join(chunks))
        finally:
            self._held_bytes -= sum(map(len, chunks))

    async def _answer(self, request: web.Request, body: bytes) -> web.Response:
        path, _, query = request.raw_path.partition("?")
        peer = request.transport.get_extra_info("peername") if request.transport else None
        answer = await self._api.answer(
            ControlRequest(
                verb=request.method,
                path=path,
                query=query,
                headers=tuple((name.lower(), value) for name, value in request.headers.items()),
                body=body,
                source_ip=str(peer[0]) if isinstance(peer, tuple) else "",
            )
        )
        return _response(answer)

    async def _read(self, request: web.Request, chunks: list[bytes]) -> None:
        """Read the body into `chunks`, and count it; the caller counts it out, however it ends.

        Raises:
            ControlError: it is too long or too slow, or ends early; or too much is held already.
        """
        too_long = ControlError(
            "RequestEntityTooLargeException", 413, f"The body has more than {BODY_BYTES} bytes"
        )
        if (request.content_length or 0) > BODY_BYTES:
            raise too_long
        length = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.content.iter_any():
                    chunks.append(chunk)
                    length += len(chunk)
                    self._held_bytes += len(chunk)
                    if length > BODY_BYTES:
                        raise too_long
                    if self._held_bytes > BODIES_BYTES:
                        raise too_many_requests("Too many large requests at once")
        except TimeoutError:
            raise ControlError("RequestTimeoutException", 408, "The body came too slowly") from None
        except (web.PayloadAccessError, web.RequestPayloadError):
            raise bad_request("The body cannot be read") from None


def _response(answer: ControlAnswer) -> web.Response:
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body or None)
