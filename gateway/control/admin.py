"""The control plane's HTTP side: health, readiness, status, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from http import HTTPStatus
from typing import Any, Final

import orjson
from aiohttp import web

from gateway.control.access import Access, is_loopback_host
from gateway.control.api.edge import ControlEdge
from gateway.control.publisher import Publisher
from gateway.control.status import Status
from gateway.control.workers import WorkerLinks
from gateway.settings import Address
from gateway.telemetry.exposition import CONTENT_TYPE, ControlValues, Exposition

REVISION_HEADER: Final = "x-stagegate-revision"
"""Names the current release on every answer."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Admin:
    """Answers on the admin socket."""

    def __init__(
        self,
        *,
        publisher: Publisher,
        links: WorkerLinks,
        status: Status,
        exposition: Exposition,
        scraping: Executor,
        series_budget: int,
        address: Address,
        edge: ControlEdge | None = None,
        access: Access | None = None,
    ) -> None:
        self._publisher = publisher
        self._links = links
        self._status = status
        self._exposition = exposition
        self._scraping = scraping
        self._series_budget = series_budget
        self._is_private = address.is_loopback
        self._edge = edge
        self._access = access

    def __repr__(self) -> str:
        return f"<Admin {'private' if self._is_private else 'public'}>"

    def application(self) -> web.Application:
        """Return the application."""
        application = web.Application(middlewares=[self._finish])
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/status", self._show_status)
        application.router.add_get("/metrics", self._metrics)
        if self._edge is not None:
            # AWS's clients: whatever is none of the above, by our own table of operations.
            # A dot would miss an encoded line feed, which aiohttp decodes before it looks.
            application.router.add_route("*", r"/{path:[\s\S]*}", self._edge.handle)
        return application

    @web.middleware
    async def _finish(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Name the release, and answer what aiohttp refuses in JSON too."""
        try:
            answer = await handler(request)
        except web.HTTPException as refusal:
            allowed = refusal.headers.get("Allow")
            answer = _json({"message": refusal.reason}, refusal.status)
            if allowed is not None:
                answer.headers["Allow"] = allowed
        answer.headers[REVISION_HEADER] = str(self._publisher.release.revision)
        return answer

    async def _healthz(self, _request: web.Request) -> web.Response:
        """The control process is alive; says nothing about traffic."""
        return _json({"status": "ok"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        """At least one live worker serves a release."""
        if self._links.is_serving:
            return _json({"status": "ready", "revision": self._publisher.release.revision})
        reason = "no worker serves a release yet, or all are draining"
        return _json({"status": "not ready", "message": reason}, HTTPStatus.SERVICE_UNAVAILABLE)

    async def _show_status(self, request: web.Request) -> web.Response:
        if not self._is_private:
            reason = "served on a loopback address only: start the gateway with --admin 127.0.0.1"
            return _json({"message": reason}, HTTPStatus.FORBIDDEN)
        if not is_loopback_host(request.host):
            # A web page that had its own name resolve to this machine must not read it.
            return _json({"message": "the Host must be a loopback one"}, HTTPStatus.FORBIDDEN)
        return _json(self._status.report())

    async def _metrics(self, _request: web.Request) -> web.Response:
        state = self._publisher.state
        report = state.report
        values = ControlValues(
            revision=self._publisher.release.revision,
            reloads_succeeded=state.succeeded,
            reloads_failed=state.failed,
            is_last_reload_successful=report is None or report.is_ok,
            last_reload_success_epoch=state.success_epoch,
            last_reload_seconds=state.seconds,
            series_budget=self._series_budget,
            methods_without_detail=report.without_blocks if report else 0,
            failed_logins=self._access.failed_logins if self._access else 0,
            certificate_expiries={
                name: each.not_after
                for name, each in self._publisher.release.certificates.items()
                if each.certificate
            },
            client_certificate_expiries={
                id_: each.expiration_epoch
                for id_, each in self._publisher.release.client_certificates.items()
            },
        )
        loop = asyncio.get_running_loop()
        text = await loop.run_in_executor(self._scraping, self._exposition.render, values)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})


def _json(body: dict[str, Any], status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(
        body=orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n",
        status=status,
        content_type="application/json",
    )
