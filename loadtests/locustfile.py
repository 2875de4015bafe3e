"""Loads a gateway over HTTP with locust, and checks that it answers rightly while it is loaded.

Serve what `loadtests.make_config` writes, then `locust -f loadtests/locustfile.py --host http://…`;
docs/benchmarks.md has the commands. Users, by the names that locust's command line takes:

| user | does |
|---|---|
| RoutingUser | real route sets, several hosts, base paths, stages; the right resource must answer |
| ThrottleUser | presses a throttled method; what was admitted must be rate × time + burst |
| CanaryUser | counts who answers, the stage or its canary; the share must be as set |
| ReloadUser | with `--reload-config`: rewrites an API of 300 methods each second, awaits it |

FastHttpUser, not HttpUser: it costs the generator a fifth, so that latencies are the gateway's and
not the generator's own queue, and like a real client it keeps its connection. locust remains slow
(one or two thousand requests a second for each core): what it shows are latencies, rights and
wrongs, not throughput.
"""

from __future__ import annotations

import json
import logging
import random
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from locust import FastHttpUser, constant_throughput, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import WorkerRunner

from loadtests import make_config
from loadtests.checks import Observed, State, check_canary, check_throttle
from loadtests.make_config import DEMO_HOST, Target

LOG: Final = logging.getLogger("stagegate.checks")
TARGETS: Final = make_config.targets()
BY_KIND: Final[Mapping[str, tuple[Target, ...]]] = {
    kind: tuple(target for target in TARGETS if target.kind == kind)
    for kind in ("static", "param", "greedy")
}
_HOOKS: Final[Any] = events
"""locust's hooks have no types of their own."""
SETTLE_SECONDS: Final = 1.0
"""Until the throttled method's bucket is full, whatever was asked before."""
RELOADED_WITHIN_SECONDS: Final = 30.0
CHANGING: Final = "/restapis/reloaded/prod/_user_request_/things/0/x"


STATE: Final = State()


class RoutingUser(FastHttpUser):
    """Asks for every kind of path; statistics are by kind and API."""

    weight = 10
    wait_time = constant_throughput(20)

    @task(5)
    def static(self) -> None:
        """Ask for a path without variables."""
        self._ask("static")

    @task(8)
    def param(self) -> None:
        """Ask for a path with variables."""
        self._ask("param")

    @task(2)
    def greedy(self) -> None:
        """Ask for a path that only a greedy variable matches."""
        self._ask("greedy")

    def _ask(self, kind: str) -> None:
        target = random.choice(BY_KIND[kind])
        expected = {"resource": target.resource, "stage": target.stage}
        with self.client.get(
            target.path,
            headers={"Host": target.host},
            name=f"{kind} {target.api}",
            catch_response=True,
        ) as response:
            if response.status_code == 200 and _json_of(response.text) != expected:
                response.failure(f"{target.host}{target.path}: wrong resource: {response.text}")


class ThrottleUser(FastHttpUser):
    """Asks four times as often as the throttle allows."""

    fixed_count = 1
    wait_time = constant_throughput(4 * make_config.THROTTLE_RATE)

    def on_start(self) -> None:
        """Let the bucket fill. Under locust, sleeping lets other users run."""
        time.sleep(SETTLE_SECONDS)

    @task
    def limited(self) -> None:
        """Ask once; 429 is as right as 200."""
        asked = time.monotonic()
        with self.client.get(
            "/limited", headers={"Host": DEMO_HOST}, name="throttled", catch_response=True
        ) as response:
            if response.status_code in (200, 429):
                STATE.own.limited(response.status_code, asked)
                response.success()


class CanaryUser(FastHttpUser):
    """Counts who answers."""

    fixed_count = 1
    wait_time = constant_throughput(50)

    @task
    def arm(self) -> None:
        """Ask once."""
        with self.client.get(
            "/arm", headers={"Host": DEMO_HOST}, name="canary", catch_response=True
        ) as response:
            if response.status_code != 200:
                return
            found = _json_of(response.text)
            if found == {"arm": "canary"}:
                STATE.own.canary += 1
            elif found == {"arm": "base"}:
                STATE.own.base += 1
            else:
                response.failure(f"neither base nor canary: {response.text}")


class ReloadUser(FastHttpUser):
    """Rewrites an API and waits until the change is served; both show in the statistics."""

    fixed_count = 1
    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        """Find the file to rewrite; None when there is nothing to do."""
        options = self.environment.parsed_options
        directory = options.reload_config if options else ""
        self._file = Path(directory) / "apis" / "reloaded.yaml" if directory else None
        if self._file is not None and not self._file.exists():
            LOG.error("--reload-config: no %s; loadtests.make_config writes it", self._file)
            self.environment.process_exit_code = 1
            self._file = None
        self._turn = time.time_ns() // 1_000_000

    @task
    def reload(self) -> None:
        """Write a change, and see it answered."""
        if self._file is None:
            raise StopUser
        self._turn += 1
        began = time.monotonic()
        make_config.write_yaml(self._file, make_config.reloaded_document(self._turn))
        error: Exception | None = None
        while not self._is_served():
            if time.monotonic() - began > RELOADED_WITHIN_SECONDS:
                error = TimeoutError(f"not served after {RELOADED_WITHIN_SECONDS:.0f} s")
                break
            time.sleep(0.05)
        self.environment.events.request.fire(
            request_type="FILE",
            name="reload, written to served",
            response_time=(time.monotonic() - began) * 1000,
            response_length=0,
            exception=error,
            context={},
        )

    def _is_served(self) -> bool:
        with self.client.get(CHANGING, name="during reloads", catch_response=True) as response:
            return response.status_code == 200 and _json_of(response.text) == {"turn": self._turn}


def _json_of(text: str | None) -> object:
    try:
        value: object = json.loads(text or "")
    except ValueError:
        return None
    return value


def _add_options(parser: ArgumentParser) -> None:
    """Add what the checks expect; the defaults are what `loadtests.make_config` writes."""
    group = parser.add_argument_group("Stagegate checks")
    group.add_argument("--throttle-rate", type=float, default=make_config.THROTTLE_RATE)
    group.add_argument("--throttle-burst", type=int, default=make_config.THROTTLE_BURST)
    group.add_argument("--throttle-tolerance", type=float, default=1.0, metavar="PERCENT")
    group.add_argument("--canary-percent", type=float, default=make_config.CANARY_PERCENT)
    group.add_argument(
        "--reload-config", default="", metavar="DIR", help="the served config directory, to rewrite"
    )


def _begin(environment: Environment, **_more: Any) -> None:  # noqa: ARG001
    STATE.own = Observed()
    STATE.workers.clear()
    STATE.results.clear()


def _report(client_id: str, data: dict[str, Any]) -> None:  # noqa: ARG001
    data["stagegate"] = asdict(STATE.own)


def _reported(client_id: str, data: dict[str, Any]) -> None:
    STATE.workers[client_id] = Observed(**data.get("stagegate", {}))


def _quit(environment: Environment, **_more: Any) -> None:
    """Turn a wrong check into the exit code; nothing overrides what locust itself found wrong."""
    if any(check.is_right is False for check in STATE.results):
        environment.process_exit_code = 1


def _end(environment: Environment, **_more: Any) -> None:
    if isinstance(environment.runner, WorkerRunner):
        return  # Its master checks.
    options = environment.parsed_options
    assert options is not None
    total = STATE.total()
    STATE.results[:] = [
        check_throttle(
            total, options.throttle_rate, options.throttle_burst, options.throttle_tolerance
        ),
        check_canary(total, options.canary_percent),
    ]
    for check in STATE.results:
        word = {True: "right", False: "WRONG", None: "not told"}[check.is_right]
        level = logging.ERROR if check.is_right is False else logging.INFO
        LOG.log(level, "%s: %s: %s", check.name, word, check.text)


def _add_page(environment: Environment, **_more: Any) -> None:
    """Show the checks' results beside locust's own pages, at /checks."""
    if environment.web_ui is None or environment.web_ui.app is None:
        return

    def checks() -> list[dict[str, Any]]:
        return [asdict(check) for check in STATE.results]

    environment.web_ui.app.add_url_rule("/checks", view_func=checks)


_HOOKS.init_command_line_parser.add_listener(_add_options)
_HOOKS.init.add_listener(_add_page)
_HOOKS.test_start.add_listener(_begin)
_HOOKS.test_stop.add_listener(_end)
_HOOKS.quitting.add_listener(_quit)
_HOOKS.report_to_master.add_listener(_report)
_HOOKS.worker_report.add_listener(_reported)
