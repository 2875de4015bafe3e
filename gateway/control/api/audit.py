"""The trail of mutations: one record each, in CloudTrail's field names, in the call's transaction.

What is secret (values of API keys, private keys) never gets into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import orjson

from gateway.control.api.protocol import Answer, Call, Caller
from gateway.errors import ControlError
from gateway.store.transaction import Transaction

RECORDS_MAX: Final = 1_000_000
"""The oldest go when there are more."""

TRAIL_BYTES: Final = 2**30
"""Of all records together; the oldest go when they are more, at a glance every `_PRUNE_EVERY`."""

RECORD_BYTES: Final = 65_536
"""Of a record; of a longer one the parameters and the answer are left out."""

REDACTED: Final = "HIDDEN_DUE_TO_SECURITY_REASONS"
"""AWS's word for it."""

_SECRETS: Final = frozenset(
    {
        "certificatePrivateKey",
        "certificateBody",
        "authorization",
        "pemEncodedPrivateKey",
        "secret",
    }
)
_KEY_OPERATIONS: Final = frozenset(
    {"CreateApiKey", "UpdateApiKey", "ImportApiKeys", "CreateUsagePlanKey"}
)
"""Operations where `value` is the secret itself."""

_EVENTS: Final = uuid5(NAMESPACE_URL, "urn:stagegate:audit")

_INSERT: Final = (
    "INSERT INTO audit (event_epoch, event_name, user_name, revision, error_code, record) "
    "VALUES (?, ?, ?, ?, ?, ?) RETURNING sequence"
)

_LENGTHS: Final = (
    "SELECT sequence, length(CAST(record AS BLOB)) FROM audit WHERE sequence > ? "
    "ORDER BY sequence LIMIT 1000"
)

_PRUNE_EVERY: Final = 1000


def note(
    transaction: Transaction,
    call: Call,
    answer: Answer,
    *,
    revision: int | None,
    error: ControlError | None = None,
) -> None:
    """Write the record of a mutation, or of one that was refused."""
    event = event_of(transaction.epoch, call, answer, error)
    write(transaction, {**event, "stagegateRevision": revision})


def write(transaction: Transaction, event: Mapping[str, Any]) -> None:
    """Write an event down, and forget the oldest if there are too many or they are too long."""
    record = orjson.dumps(event)
    if len(record) > RECORD_BYTES:
        outline = {"requestParameters": {"omitted": "too long"}, "responseElements": None}
        record = orjson.dumps({**event, **outline})
    ((sequence,),) = transaction.execute(
        _INSERT,
        (
            transaction.epoch,
            event["eventName"],
            event["userIdentity"]["userName"],
            event.get("stagegateRevision"),
            event.get("errorCode"),
            record.decode(),
        ),
    )
    if sequence % _PRUNE_EVERY == 0:
        transaction.execute("DELETE FROM audit WHERE sequence <= ?", (sequence - RECORDS_MAX,))
        _forget_bytes(transaction)


def _forget_bytes(transaction: Transaction) -> None:
    """Delete the oldest records until what is left is no longer than `TRAIL_BYTES`."""
    ((held,),) = transaction.execute("SELECT bytes FROM audit_size")
    excess, last = held - TRAIL_BYTES, 0
    while excess > 0:
        for sequence, length in transaction.execute(_LENGTHS, (last,)):
            excess, last = excess - length, sequence
            if excess <= 0:
                break
    if last:
        transaction.execute("DELETE FROM audit WHERE sequence <= ?", (last,))


def event_of(
    epoch: float, call: Call, answer: Answer, error: ControlError | None
) -> dict[str, Any]:
    """Return a call as CloudTrail tells it."""
    caller = call.caller
    is_key = call.operation.name in _KEY_OPERATIONS
    parameters = {
        **call.labels,
        **{name: values[-1] for name, values in call.query.items()},
        **call.body,
    }
    event: dict[str, Any] = {
        "eventVersion": "1.08",
        "userIdentity": {
            "type": _identity_type(caller),
            "accountId": call.account,
            "userName": caller.user,
            **({"accessKeyId": caller.access_key} if caller.access_key else {}),
        },
        "eventTime": _moment(epoch),
        "eventSource": "apigateway.amazonaws.com",
        "eventName": call.operation.name,
        "awsRegion": call.region,
        "sourceIPAddress": caller.source_ip,
        "userAgent": caller.user_agent,
        "requestParameters": redacted(parameters, is_key=is_key),
        "responseElements": None if answer is None else redacted(answer, is_key=is_key),
        "requestID": call.request_id,
        # A call is one event: a name of its own, that follows from the call's.
        "eventID": str(uuid5(_EVENTS, call.request_id)),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.account,
        **call.details,
    }
    if error is not None:
        event |= {"errorCode": error.code, "errorMessage": error.message}
    return event


def _identity_type(caller: Caller) -> str:
    if not caller.is_known:
        return "Unknown"
    return "IAMUser" if caller.access_key else "Anonymous"


def _moment(epoch: float) -> str:
    text = datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def redacted(value: Any, *, is_key: bool = False) -> Any:
    """Return a JSON value without what is secret in it."""
    if isinstance(value, Mapping):
        return {
            name: REDACTED
            if name in _SECRETS or (is_key and name == "value" and "op" not in value)
            else redacted(each, is_key=is_key)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [redacted(each, is_key=is_key) for each in value]
    return value
