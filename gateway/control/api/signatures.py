"""Signatures of mutations that were used, kept with what they did: none counts twice.

`control.access` remembers them too, and refuses a replay before it costs a transaction; but its
memory ends with the control process, while a signature is good for as long as the clock may be off.
A signature is therefore stored in the transaction of its mutation: what was done is known to have
been done, by whichever process, and what was not done may be asked for again.

Refusing what was signed before the process started would be no substitute: clients' clocks are off
by minutes either way, so that good clients would be locked out after a restart, while a signature
dated ahead would pass.
"""

from __future__ import annotations

from typing import Final

from gateway.control.sigv4 import SKEW_SECONDS, used_already
from gateway.store.transaction import Transaction

_FORGET: Final = "DELETE FROM signature WHERE until_epoch < ?"
_NOTE: Final = (
    "INSERT INTO signature (mark, until_epoch) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1"
)


def use_signature(transaction: Transaction, mark: str) -> None:
    """Note a signature as used; `mark` is empty for a call that is not signed.

    Those that would not be accepted any more are forgotten, so that there are never more than
    `access.REPLAYS_MAX`, and those of a process before this one.

    Raises:
        ControlError: (InvalidSignatureException) it was used before.
    """
    if not mark:
        return
    transaction.execute(_FORGET, (transaction.epoch,))
    if not transaction.execute(_NOTE, (mark, transaction.epoch + 2 * SKEW_SECONDS)):
        raise used_already()
