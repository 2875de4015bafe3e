"""Reads the audit trail of a store that may be in use: its own connection, and only to read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gateway.errors import ConfigurationError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailQuery:
    """Which records are wanted."""

    since_epoch: float = 0.0
    """Not older, in seconds since 1970."""
    user: str | None = None
    event: str | None = None
    """Name of the event, such as `CreateDeployment`."""
    limit: int | None = None
    """The newest so many; None: all."""


def read_trail(path: Path, query: TrailQuery) -> Iterator[dict[str, Any]]:
    """Yield records, oldest first.

    Raises:
        ConfigurationError: there is no store, or it cannot be read.
    """
    if not path.exists():
        raise ConfigurationError((Problem("", f"there is no store at {path}; is --data right?"),))
    statement = """
        SELECT record FROM (
            SELECT sequence, record FROM audit
            WHERE event_epoch >= :since AND (:user IS NULL OR user_name = :user)
              AND (:event IS NULL OR event_name = :event)
            ORDER BY sequence DESC LIMIT :limit
        ) ORDER BY sequence
    """
    parameters = {
        "since": query.since_epoch,
        "user": query.user,
        "event": query.event,
        "limit": -1 if query.limit is None else query.limit,
    }
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
            for (record,) in connection.execute(statement, parameters):
                yield orjson.loads(record)
    except sqlite3.Error as error:
        raise ConfigurationError((Problem("", f"the store {path}: {error}"),)) from error
