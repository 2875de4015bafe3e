"""The account: its throttle and its log role."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select, update

from gateway.control.api import patch
from gateway.control.api.patch import PatchOperation, PatchTable, Working, rule
from gateway.control.api.protocol import Answer, Call, Served, present
from gateway.control.api.shapes import PATCH
from gateway.errors import bad_request
from gateway.store.tables import ACCOUNT
from gateway.store.transaction import Transaction

API_KEY_VERSION: Final = "4"
_FEATURES: Final = ("UsagePlans",)


def get_account(transaction: Transaction, call: Call) -> Answer:
    """Serve GetAccount."""
    row = transaction.one(select(ACCOUNT))
    rate, burst = call.account_throttle
    return present(
        cloudwatchRoleArn=row.cloudwatch_role_arn,
        throttleSettings={"burstLimit": burst, "rateLimit": rate},
        features=row.features,
        apiKeyVersion=API_KEY_VERSION,
    )


def update_account(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateAccount."""
    changed = patch.patch_row(transaction.one(select(ACCOUNT)), call.body, _PATCHES)
    if changed:
        transaction.run(update(ACCOUNT).values(**changed))
    return get_account(transaction, call)


def _patch_feature(working: Working, operation: PatchOperation, _places: tuple[str, ...]) -> None:
    if operation.value not in _FEATURES:
        raise bad_request(f"Invalid feature specified. Must be one of: [{', '.join(_FEATURES)}]")
    features: list[str] = working["features"]
    if operation.op == "add" and operation.value not in features:
        features.append(operation.value)
    elif operation.op == "remove" and operation.value in features:
        features.remove(operation.value)


_PATCHES: Final = PatchTable(
    (
        rule("/cloudwatchRoleArn", "replace", patch.member("cloudwatch_role_arn")),
        rule("/features", "add remove", _patch_feature),
    )
)

OPERATIONS: Final = {
    "GetAccount": Served(get_account),
    "UpdateAccount": Served(update_account, body=PATCH),
}
"""Operations of this family by name."""
