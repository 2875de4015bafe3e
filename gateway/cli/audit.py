"""`stagegate audit`: what was changed through the control API, by whom, and when."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from gateway.cli.flag_values import UsageError
from gateway.cli.merged_settings import settings_of
from gateway.cli.output import Output
from gateway.errors import Problem
from gateway.store.database import FILE_NAME
from gateway.store.trail import TrailQuery, read_trail

_UNITS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN: Final = re.compile(r"([0-9]{1,6})([smhd])")


def audit(arguments: argparse.Namespace, output: Output) -> int:
    """Print the audit trail, oldest first; with `--json` a CloudTrail record a line.

    Raises:
        UsageError: `--since` is no time.
        ConfigurationError: there is no store.
    """
    query = TrailQuery(
        since_epoch=since_epoch(arguments.since, datetime.now(UTC)),
        user=arguments.user,
        event=arguments.event,
        limit=arguments.limit,
    )
    for record in read_trail(settings_of(arguments).data / FILE_NAME, query):
        if arguments.json:
            output.line(orjson.dumps(record).decode())
        else:
            output.line(shown(record))
    return 0


def since_epoch(text: str | None, now: datetime) -> float:
    """Return the moment that `--since` means: `90m`, `2d`, or a time in ISO 8601.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return 0.0
    if span := _SPAN.fullmatch(text):
        return now.timestamp() - int(span[1]) * _UNITS[span[2]]
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        told = f"{text} is no time: write 30m, 12h, 7d, or 2026-05-01T12:00:00Z"
        raise UsageError((Problem("--since", told),)) from None


def shown(record: Mapping[str, Any]) -> str:
    """Return a record as one line: time, user, address, event, what it was about, outcome."""
    parameters = record.get("requestParameters") or {}
    about = " ".join(
        f"{name}={value}" for name, value in parameters.items() if isinstance(value, str)
    )
    revision = record.get("stagegateRevision")
    outcome = record.get("errorCode") or ("done" if revision is None else f"revision {revision}")
    user = record["userIdentity"]["userName"]
    cut = about if len(about) <= 120 else f"{about[:119]}…"
    safe = cut if cut.isprintable() else cut.encode("unicode_escape").decode("ascii")
    return "  ".join(
        (
            record["eventTime"],
            user,
            record["sourceIPAddress"],
            record["eventName"],
            safe,
            outcome,
        )
    )
