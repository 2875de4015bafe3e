"""Users made and removed with a record of it in the audit trail: both happen, or neither.

The trail is the store's, which a running gateway may have open: SQLite lets one write at a time.
"""

from __future__ import annotations

import os
import pwd
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.exc import DBAPIError

from gateway import __version__
from gateway.clock import IdMinter, SystemClock
from gateway.control.api import audit
from gateway.control.users import User, add_user, find_user, remove_user
from gateway.errors import ConfigurationError, Problem
from gateway.settings import Settings
from gateway.store.database import FILE_NAME, Store
from gateway.store.transaction import Transaction

_EVENT: Final = {
    "eventVersion": "1.08",
    "eventSource": "iam.amazonaws.com",
    "eventType": "StagegateCommand",
    # Whoever runs the command is on the machine itself.
    "sourceIPAddress": "localhost",
    "userAgent": f"stagegate/{__version__}",
    "readOnly": False,
    "managementEvent": True,
}


def add_recorded(settings: Settings, name: str, role: str) -> User:
    """Make a user with a new access key, and record who did.

    Raises:
        ConfigurationError: as `add_user`, or the store cannot be used.
    """

    def add() -> tuple[User, dict[str, Any]]:
        made = add_user(settings.data, name, role)
        return made, {"accessKeyId": made.access_key}

    return _recorded(settings, "CreateUser", {"userName": name, "role": role}, add)


def remove_recorded(settings: Settings, name: str) -> User:
    """Forget a user, and record who did; return who it was.

    Raises:
        ConfigurationError: as `remove_user`, or the store cannot be used.
    """
    gone = find_user(settings.data, name)

    def remove() -> tuple[User, None]:
        remove_user(settings.data, name)
        return gone, None

    parameters = {"userName": name, "accessKeyId": gone.access_key}
    return _recorded(settings, "DeleteUser", parameters, remove)


def _recorded(
    settings: Settings,
    event_name: str,
    parameters: dict[str, Any],
    change: Callable[[], tuple[User, dict[str, Any] | None]],
) -> User:
    """Make a change in the transaction that records it: a change that fails leaves no record."""

    def work(transaction: Transaction) -> User:
        user, told = change()
        moment = datetime.fromtimestamp(transaction.epoch, UTC).replace(tzinfo=None)
        event = {
            **_EVENT,
            "eventID": IdMinter().request_id(),
            "eventTime": f"{moment.isoformat(timespec='milliseconds')}Z",
            "eventName": event_name,
            "userIdentity": {
                "type": "OperatingSystemUser",
                "accountId": settings.account,
                "userName": _operating_system_user(),
            },
            "awsRegion": settings.region,
            "recipientAccountId": settings.account,
            "requestParameters": parameters,
            "responseElements": told,
        }
        audit.write(transaction, event)
        return user

    with closing(Store(settings.data / FILE_NAME, SystemClock())) as store:
        outcome = store.run(work)
    if isinstance(outcome.error, DBAPIError | sqlite3.Error):
        text = f"the audit trail cannot be written, so nothing was changed: {outcome.error}"
        raise ConfigurationError((Problem("", text),)) from outcome.error
    if outcome.error is not None:
        raise outcome.error
    user: User = outcome.value
    return user


def _operating_system_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
