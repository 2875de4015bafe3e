from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.cli.status import worries_of

Command = Callable[..., Any]


def worker(index: int, **changes: Any) -> dict[str, Any]:
    return {
        "worker": index,
        "pid": 100 + index,
        "restarts": 0,
        "uptime_seconds": 12.3,
        "heartbeat_age_seconds": 0.1,
        "is_connected": True,
        "is_draining": False,
        "revision": 4,
        "digest": "abcdef0123456789",
        "compile_seconds": 0.01,
        **changes,
    }


def report(*workers: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "version": "0.1.0",
        "build": "pure",
        "revision": 4,
        "digest": "abcdef0123456789",
        "listen": "127.0.0.1:8080",
        "apis": {"petstore": {"file": "apis/petstore.yaml", "stages": {"prod": "d1"}}},
        "control": {"pid": 99, "restarts": 1, "uptime_seconds": 12.3},
        "workers": list(workers),
        "last_reload": None,
        **changes,
    }


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Run a server that gives one answer to everything; yield its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Stay silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_gateway_whose_workers_serve_the_release_is_fine(stagegate: Command) -> None:
    with answering(200, json.dumps(report(worker(0), worker(1))).encode()) as admin:
        outcome = stagegate("status", "--admin", admin)

    assert (outcome.code, outcome.err) == (0, "")
    assert "revision 4 (abcdef01), 1 API, 1 stage" in outcome.out
    assert outcome.out.count("serving") == 2


def test_a_worker_that_lags_fails_the_command(stagegate: Command) -> None:
    body = json.dumps(report(worker(0), worker(1, revision=3))).encode()
    with answering(200, body) as admin:
        outcome = stagegate("status", "--admin", admin)

    assert outcome.code == 1
    assert "worker 1 serves revision 3, not 4" in outcome.err
    assert "behind" in outcome.out


def test_json_is_the_report_and_what_is_wrong_with_it(stagegate: Command) -> None:
    body = json.dumps(report(worker(0, is_connected=False, revision=None, pid=None))).encode()
    with answering(200, body) as admin:
        outcome = stagegate("status", "--json", "--admin", admin)

    assert outcome.code == 1
    assert outcome.json["revision"] == 4
    assert outcome.json["worries"] == ["worker 0 is not connected: it is starting, or down"]


def test_what_clients_made_and_is_not_served_is_told_and_no_failure(stagegate: Command) -> None:
    told = report(worker(0), problems=[{"text": "API a: not enforced"}], problems_left_out=2)
    with answering(200, json.dumps(told).encode()) as admin:
        outcome = stagegate("status", "--admin", admin)

    assert outcome.code == 0
    assert outcome.err == "warning: API a: not enforced\nwarning: and 2 more\n"


def test_a_failed_reload_is_a_worry_with_its_place() -> None:
    told = report(
        worker(0),
        last_reload={
            "ok": False,
            "time": "",
            "reason": "",
            "problems": [
                {"severity": "warning", "text": "not this one"},
                {"severity": "error", "text": "apis/petstore.yaml:3:1: is broken"},
            ],
        },
    )

    assert worries_of(told) == ["last reload: apis/petstore.yaml:3:1: is broken"]


def test_a_release_that_a_worker_refused_is_a_worry() -> None:
    told = report(worker(0, revision=3, refused={"revision": 4, "problems": ["no room"]}))

    assert worries_of(told) == ["worker 0 refused revision 4: no room"]


def test_what_the_store_has_and_is_not_served_is_a_worry() -> None:
    told = report(worker(0), unserved={"a": ["no room", "too large"]})

    assert worries_of(told) == ["API a is not served as the store has it: no room; too large"]


def test_a_gateway_that_is_not_there_is_told(stagegate: Command, closed_port: int) -> None:
    outcome = stagegate("status", "--admin", f"127.0.0.1:{closed_port}")

    assert (outcome.code, outcome.out) == (1, "")
    assert f"no gateway answers on 127.0.0.1:{closed_port}" in outcome.err


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"hello": 1}'])
def test_another_server_is_not_taken_for_a_gateway(stagegate: Command, body: bytes) -> None:
    with answering(200, body) as admin:
        outcome = stagegate("status", "--admin", admin)

    assert outcome.code == 1
    assert "no gateway's control port" in outcome.err


def test_a_refusal_gives_the_gateways_own_reason(stagegate: Command) -> None:
    with answering(403, b'{"message": "loopback only"}') as admin:
        outcome = stagegate("status", "--admin", admin)

    assert outcome.code == 1
    assert "answers 403: loopback only" in outcome.err


def test_a_proxy_of_the_environment_is_not_asked(
    stagegate: Command, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port}")
    monkeypatch.delenv("no_proxy", raising=False)
    with answering(200, json.dumps(report(worker(0))).encode()) as admin:
        outcome = stagegate("status", "--admin", admin)

    assert outcome.code == 0
