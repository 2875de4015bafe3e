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
from gateway.errors import ControlError, bad_request

BODY_SECONDS: Final = 30.0
"""For the whole of a request's body."""


class ControlEdge:
    """aiohttp's handler of everything that is no path of the admin's own."""

    def __init__(self, api: ControlApi) -> None:
        self._api = api

    def __repr__(self) -> str:
        return f"<ControlEdge of {self._api!r}>"

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request."""
        path, _, query = request.raw_path.partition("?")
        try:
            body = await _read(request)
        except ControlError as error:
            refused = _response(self._api.refuse(error))
            # What is left of the body is not worth reading.
            refused.force_close()
            return refused
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


async def _read(request: web.Request) -> bytes:
    """Return the body.

    Raises:
        ControlError: it is too long or too slow, or ends early.
    """
    too_long = ControlError(
        "RequestEntityTooLargeException", 413, f"The body has more than {BODY_BYTES} bytes"
    )
    if (request.content_length or 0) > BODY_BYTES:
        raise too_long
    chunks: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                length += len(chunk)
                if length > BODY_BYTES:
                    raise too_long
                chunks.append(chunk)
    except TimeoutError:
        raise ControlError("RequestTimeoutException", 408, "The body came too slowly") from None
    except (web.PayloadAccessError, web.RequestPayloadError):
        raise bad_request("The body cannot be read") from None
    return b"".join(chunks)


def _response(answer: ControlAnswer) -> web.Response:
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body or None)
