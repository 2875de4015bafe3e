"""The control API in this process: a store, a real socket on a free port, and AWS's own client."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from aiohttp import web
from botocore.config import Config
from botocore.exceptions import ClientError
from sqlalchemy import select

from gateway.clock import SystemClock
from gateway.control.admin_bounds import AdminBounds
from gateway.control.admin_listener import AdminListener
from gateway.control.api.edge import ControlEdge
from gateway.control.api.protocol import Caller
from gateway.control.api.service import ControlAnswer, ControlApi, ControlRequest, Gate
from gateway.control.probe import Probe
from gateway.settings import Settings
from gateway.store.database import Store
from gateway.store.tables import AUDIT
from gateway.store.thread import StoreThread
from gateway.store.transaction import Changes, Transaction
from tests.aws_shapes import differences

T = TypeVar("T")

ACCOUNT = "000000000000"
REGION = "us-east-1"


class OpenGate:
    """Lets everybody in, with the role that is set."""

    def __init__(self) -> None:
        self.role = "admin"

    def admit(self, request: ControlRequest) -> Caller:
        return Caller(user="tester", role=self.role, source_ip=request.source_ip)


class ControlPlane:
    """The control API over a store, served from a thread of its own."""

    def __init__(self, directory: Path, gate: Gate | None = None) -> None:
        self.gate = gate or OpenGate()
        self.store = StoreThread(lambda: Store(directory / "store.sqlite", SystemClock()))
        self.published: list[Changes] = []
        """What mutations would have published."""
        self.probe = Probe(Settings(), SystemClock(), dict)
        self.api = ControlApi(
            store=self.store,
            gate=self.gate,
            publish=self._publish,
            region=REGION,
            account=ACCOUNT,
            tester=self.probe,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="control plane")
        self._thread.start()
        application = web.Application()
        application.router.add_route("*", r"/{path:[\s\S]*}", ControlEdge(self.api).handle)
        self._listener = AdminListener(
            application, self.api.refuse, SystemClock(), AdminBounds(linger_seconds=0.2)
        )
        listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = listening.getsockname()[1]
        self.await_(self._listener.start(listening))
        self.answers: list[tuple[str, int, dict[str, str], Any]] = []
        """Operation, status, headers and JSON of every answer that the client got."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def await_(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def client(self, service: str = "apigateway") -> Any:
        """Return a stock client; every answer is compared with AWS's model of it."""
        client = _session().client(
            service,
            endpoint_url=self.url,
            config=Config(retries={"max_attempts": 0}, read_timeout=30),
        )
        client.meta.events.register(f"after-call.{service}", self._check)
        return client

    def send(
        self, verb: str, path: str, body: bytes = b"", query: str = "", **headers: str
    ) -> ControlAnswer:
        """Ask without a socket and without AWS's client: for what it would never send."""
        return self.await_(
            self.api.answer(
                ControlRequest(
                    verb=verb,
                    path=path,
                    query=query,
                    headers=tuple((name.replace("_", "-"), text) for name, text in headers.items()),
                    body=body,
                    source_ip="127.0.0.1",
                )
            )
        )

    def error(
        self, verb: str, path: str, body: Any = None, query: str = ""
    ) -> tuple[int, str, str]:
        """Return status, type and message of a call that fails; `body` becomes JSON."""
        encoded = b"" if body is None else json.dumps(body).encode()
        answer = self.send(verb, path, encoded, query)
        assert answer.status >= 400, answer
        message = json.loads(answer.body)["message"]
        return answer.status, answer.headers["x-amzn-ErrorType"], message

    def last_audit(self) -> dict[str, Any]:
        """Return the newest record of the audit trail."""

        def newest(transaction: Transaction) -> str:
            query = select(AUDIT.c.record).order_by(AUDIT.c.sequence.desc()).limit(1)
            return str(transaction.value(query))

        record: dict[str, Any] = json.loads(self.await_(self.store.read(newest)))
        return record

    def close(self) -> None:
        self.await_(self._listener.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.probe.close()
        self.store.close()

    async def _publish(self, changes: Changes) -> None:
        self.published.append(changes)

    def _check(self, http_response: Any, model: Any, **_: Any) -> None:
        headers = {name.lower(): value for name, value in http_response.headers.items()}
        content = http_response.content
        value = json.loads(content) if content else None
        self.answers.append((model.name, http_response.status_code, headers, value))
        assert headers["x-amzn-requestid"]
        if http_response.status_code >= 300:
            assert headers["x-amzn-errortype"]
            assert value is not None
            assert set(value) == {"message"}
            return
        assert http_response.status_code == model.http.get("responseCode", 200), model.name
        if model.output_shape is None:
            assert not content
        else:
            assert list(differences(model.output_shape, value, model.name)) == []


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session(
        aws_access_key_id="AKIATESTTESTTESTTEST",
        aws_secret_access_key="secret",
        region_name=REGION,
    )


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    """Return type and message of what AWS's client raised."""
    told = error.value.response["Error"]
    return told["Code"], told["Message"]


def patch(op: str, path: str, value: str | None = None, **more: str) -> dict[str, str]:
    """Return a patch operation; `patch("copy", path, **{"from": other})` too."""
    operation = {"op": op, "path": path, **more}
    return operation if value is None else {**operation, "value": value}
