"""`stagegate status`: asks a running gateway how it is."""

from __future__ import annotations

import argparse
import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

import orjson

from gateway.cli.merged_settings import settings_of
from gateway.cli.output import Cell, Output, counted
from gateway.settings import Address

_SECONDS: Final = 5.0
_MOST_BYTES: Final = 16 * 2**20


class UnreachableError(Exception):
    """The gateway did not tell its status; the message says why and what to try."""


def status(arguments: argparse.Namespace, output: Output) -> int:
    """Print release and workers; return 1 when something is not as it should be."""
    admin = settings_of(arguments).admin
    try:
        report = fetch_status(admin)
    except UnreachableError as error:
        output.error(f"error: {error}")
        return 1
    worries = list(worries_of(report))
    if arguments.json:
        output.json({**report, "worries": worries})
    else:
        _print(report, output)
        for warning in warnings_of(report):
            output.error(f"warning: {warning}", style="yellow")
        for worry in worries:
            output.error(f"error: {worry}")
    return 1 if worries else 0


def fetch_status(admin: Address) -> dict[str, Any]:
    """Return what `/status` of a control port says.

    Raises:
        UnreachableError: nobody answers there, or not with a status.
    """
    # A gateway that listens everywhere is asked on loopback, where it answers.
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(admin.host, admin.host)  # noqa: S104 (compared, not bound)
    address = Address(host, admin.port)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{address}/status", timeout=_SECONDS) as answer:
            report = orjson.loads(answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            raise UnreachableError(
                f"{address} answers {error.code}: {_message(error.read(_MOST_BYTES))}"
            ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise UnreachableError(
            f"no gateway answers on {address} ({reason}); is it running, and is this its --admin?"
        ) from error
    except orjson.JSONDecodeError as error:
        raise UnreachableError(f"{address} answers, but is no gateway's control port") from error
    if not isinstance(report, dict) or "workers" not in report:
        raise UnreachableError(f"{address} answers, but is no gateway's control port")
    return report


def worries_of(report: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each thing that is not as it should be."""
    worries = []
    revision = report["revision"]
    for worker in report["workers"]:
        name = f"worker {worker['worker']}"
        if not worker["is_connected"]:
            worries.append(f"{name} is not connected: it is starting, or down")
        elif "refused" in worker:
            problems = "; ".join(worker["refused"]["problems"])
            worries.append(f"{name} refused revision {worker['refused']['revision']}: {problems}")
        elif worker["revision"] != revision:
            worries.append(f"{name} serves revision {worker['revision']}, not {revision}")
    reload = report["last_reload"]
    if reload is not None and not reload["ok"]:
        texts = [one["text"] for one in reload["problems"] if one["severity"] == "error"]
        worries += [f"last reload: {text}" for text in texts]
    worries += [
        f"API {api_id} is not served as the store has it: {'; '.join(texts)}"
        for api_id, texts in report.get("unserved", {}).items()
    ]
    return worries


def warnings_of(report: Mapping[str, Any]) -> list[str]:
    """Return a sentence for what clients made through the control API and is answered 500."""
    warnings = [each["text"] for each in report.get("problems", ())]
    left_out = report.get("problems_left_out", 0)
    return [*warnings, f"and {left_out} more"] if left_out else warnings


def _print(report: Mapping[str, Any], output: Output) -> None:
    stages = sum(len(api["stages"]) for api in report["apis"].values())
    tls = report.get("listen_tls")
    output.line(
        f"stagegate {report['version']} ({report['build']}) on {report['listen']}"
        f"{f', TLS on {tls}' if tls else ''}: "
        f"revision {report['revision']} ({report['digest'][:8]}), "
        f"{counted(len(report['apis']), 'APIs')}, {counted(stages, 'stages')}",
        style="bold",
    )
    control = report["control"]
    rows: list[tuple[Cell, ...]] = [
        ("control", _shown(control["pid"]), "", "", *_life(control)),
        *(_worker_cells(worker, report["revision"]) for worker in report["workers"]),
    ]
    output.table(("process", "pid", "state", "revision", "restarts", "uptime"), rows)
    reload = report["last_reload"]
    if reload is not None:
        outcome = "succeeded" if reload["ok"] else "failed"
        output.line(f"last reload {outcome} at {reload['time']} ({reload['reason']})")


def _worker_cells(worker: Mapping[str, Any], revision: int) -> tuple[Cell, ...]:
    served = worker["revision"]
    if not worker["is_connected"]:
        state: Cell = ("down", "red")
    elif worker["is_draining"]:
        state = ("draining", "yellow")
    elif served != revision:
        state = ("behind", "yellow")
    else:
        state = ("serving", "green")
    pid = _shown(worker["pid"])
    return f"worker {worker['worker']}", pid, state, _shown(served), *_life(worker)


def _life(process: Mapping[str, Any]) -> tuple[str, str]:
    uptime = process["uptime_seconds"]
    return str(process["restarts"]), "" if uptime is None else f"{uptime:.0f} s"


def _shown(value: object) -> str:
    return "" if value is None else str(value)


def _message(body: bytes) -> str:
    """Return the `message` of a JSON answer, or the beginning of another one."""
    try:
        return str(orjson.loads(body)["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")
