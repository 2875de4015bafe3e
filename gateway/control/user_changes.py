"""Users made and removed with a record of it in the audit trail: both happen, or neither.

The trail is the store's, which a running gateway may have open: SQLite lets one write at a time.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

from gateway import __version__
from gateway.clock import IdMinter, SystemClock
from gateway.control.api import audit
from gateway.control.users import Record, User, add_user, find_user, remove_user
from gateway.errors import ConfigurationError, Problem
from gateway.settings import Settings
from gateway.store.database import FAILURES, FILE_NAME, Store
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
    return _recorded(
        settings, "CreateUser", lambda record: add_user(settings.data, name, role, record)
    )


def remove_recorded(settings: Settings, name: str) -> User:
    """Forget a user, and record who did; return who it was.

    Raises:
        ConfigurationError: as `remove_user`, or the store cannot be used.
    """
    # Without a user there is nothing to open a store for, or to make one.
    find_user(settings.data, name)
    return _recorded(
        settings, "DeleteUser", lambda record: remove_user(settings.data, name, record)
    )


def _recorded(settings: Settings, event_name: str, change: Callable[[Record], User]) -> User:
    """Make a change in the transaction of its record, which is written just before the file.

    A change that fails leaves no record, and without a record there is no change.
    """

    def work(transaction: Transaction) -> User:
        def record(user: User) -> None:
            audit.write(transaction, _event(settings, event_name, user, transaction.epoch))

        return change(record)

    with closing(Store(settings.data / FILE_NAME, SystemClock())) as store:
        outcome = store.run(work)
    if isinstance(outcome.error, FAILURES):
        text = f"the audit trail cannot be written: {outcome.error}"
        text += "; `stagegate user list` tells who is there now"
        raise ConfigurationError((Problem("", text),)) from outcome.error
    if outcome.error is not None:
        raise outcome.error
    user: User = outcome.value
    return user


def _event(settings: Settings, name: str, user: User, epoch: float) -> dict[str, Any]:
    moment = datetime.fromtimestamp(epoch, UTC).replace(tzinfo=None)
    return {
        **_EVENT,
        "eventID": IdMinter().request_id(),
        "eventTime": f"{moment.isoformat(timespec='milliseconds')}Z",
        "eventName": name,
        "userIdentity": {
            "type": "OperatingSystemUser",
            "accountId": settings.account,
            "userName": _operating_system_user(),
        },
        "awsRegion": settings.region,
        "recipientAccountId": settings.account,
        "requestParameters": {"userName": user.name, "role": user.role},
        "responseElements": {"accessKeyId": user.access_key},
    }


def _operating_system_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
