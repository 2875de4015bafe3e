"""AWS's REST-JSON protocol as values: what a handler is called with, and what lists look like."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlalchemy import Column, Row, Select

from gateway.control.api.operations import Operation
from gateway.control.api.shapes import Shape
from gateway.control.method_test import MethodTest
from gateway.errors import bad_request
from gateway.store.transaction import Transaction

LIMIT_DEFAULT: Final = 25
LIMIT_MAX: Final = 500

PAGE_BYTES: Final = 6 * 2**20
"""Of a page's items as JSON: one that holds more is shorter than asked for, but never empty."""

_POSITION_CHARACTERS: Final = 64

Answer = dict[str, Any] | None
"""A handler's result: AWS's JSON without absent members; None: an empty body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, and from where."""

    user: str
    """Name of the user; `anonymous` for unsigned calls on loopback."""
    access_key: str = ""
    role: str = "admin"
    is_known: bool = True
    """False: nobody knows who called, and nothing was done; `access_key` is what they claimed."""
    source_ip: str = ""
    user_agent: str = ""
    signature_mark: str = ""
    """A hash of the signature, where it must not count twice; empty: an unsigned call, or a GET."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of an operation, decoded and checked."""

    operation: Operation
    labels: Mapping[str, str]
    """Path labels, decoded: `{"restapi_id": "a1b2c3d4e5"}`."""
    query: Mapping[str, list[str]]
    """Query parameters in order of their coming."""
    body: dict[str, Any]
    """The body's members that are there, of the types that the operation's shape says."""
    raw: bytes = b""
    """The body of an import, as sent."""
    caller: Caller
    region: str
    account: str
    account_throttle: tuple[float, int] = (10_000.0, 5_000)
    """The account's rate and burst as GetAccount tells them."""
    request_id: str = ""
    test: MethodTest | None = None
    """Set by TestInvokeMethod's handler: what is to be invoked once the transaction is over."""
    details: dict[str, Any] = field(default_factory=dict)
    """What the audit record tells beside the rest; a handler may add."""

    def label(self, name: str) -> str:
        """Return a path label."""
        return self.labels[name]

    def text(self, name: str) -> str | None:
        """Return a query parameter's last value, or None."""
        values = self.query.get(name)
        return values[-1] if values else None

    def flag(self, name: str) -> bool:
        """Whether a query parameter is `true`."""
        return (self.text(name) or "").lower() == "true"


Handler = Callable[[Transaction, Call], Answer]
"""Serves an operation: reads and writes the transaction, returns AWS's JSON, or raises
ControlError, which undoes all that it wrote."""


@dataclass(frozen=True, slots=True)
class Served:
    """How an operation is served."""

    handler: Handler
    body: Shape | None = None
    """What its body holds; None: it has none, or a raw one."""
    is_raw: bool = False
    """Whether the body is no JSON object, but text for the handler."""


def page(
    transaction: Transaction,
    call: Call,
    query: Select[*tuple[Any, ...]],
    order: Column[Any],
    shown: Callable[[Row[*tuple[Any, ...]]], dict[str, Any]],
    *,
    newest_first: bool = False,
) -> Answer:
    """Return one page of a list: `{"item": […], "position": …}`.

    Args:
        transaction: The call's.
        call: Whose `limit` and `position` count.
        query: All rows of the list, without order and bound.
        order: The table's `sequence`, a column of the query: order and position follow it.
        shown: Turns a row into AWS's JSON.
        newest_first: Whether the highest `sequence` comes first.

    Raises:
        ControlError: (BadRequestException) limit or position is none.
    """
    limit = limit_of(call)
    position = call.text("position")
    if position:
        after = decode_position(position)
        query = query.where(order < after if newest_first else order > after)
    query = query.order_by(order.desc() if newest_first else order).limit(limit + 1)
    places: list[int] = []

    def items() -> Iterator[dict[str, Any]]:
        for row in rows:
            places.append(getattr(row, order.name))
            yield shown(row)

    # One row at a time: rows may be large, and only some of them fit.
    with closing(transaction.each(query)) as rows:
        listed: dict[str, Any] = {"item": list(fitting(items(), limit))}
    count = len(listed["item"])
    if len(places) > count:
        listed["position"] = encode_position(places[count - 1])
    return listed


def fitting(items: Iterable[dict[str, Any]], limit: int) -> Iterator[dict[str, Any]]:
    """Yield the items that a page holds: `limit` of them, or as many as fit into `PAGE_BYTES`.

    The one that does not fit any more, if there is one, is taken from `items` too.
    """
    held = 0
    for number, item in enumerate(items):
        if number == limit:
            return
        held += len(orjson.dumps(item))
        if number and held > PAGE_BYTES:
            return
        yield item


def limit_of(call: Call) -> int:
    """Return how many items a page may hold: `limit`, 25 unless given, 500 at most."""
    text = call.text("limit")
    if text is None:
        return LIMIT_DEFAULT
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise bad_request(f"Invalid limit specified: must be 1 to {LIMIT_MAX}")
    return min(max(int(text), 1), LIMIT_MAX)


def encode_position(sequence: int) -> str:
    """Return the opaque text that stands for a place in a list."""
    return base64.urlsafe_b64encode(orjson.dumps([sequence])).decode().rstrip("=")


def decode_position(position: str) -> int:
    """Return the place that `encode_position` wrote down.

    Raises:
        ControlError: (BadRequestException) it did not.
    """
    try:
        if len(position) <= _POSITION_CHARACTERS:
            padded = position + "=" * (-len(position) % 4)
            match orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True)):
                case [int(sequence)] if sequence is not True and 0 <= sequence < 2**63:
                    return sequence
    except (ValueError, binascii.Error):
        pass
    raise bad_request("Invalid position specified: use the one of the page before")


def present(**members: Any) -> dict[str, Any]:
    """Return the members that are not None, as AWS shows an object."""
    return {name: value for name, value in members.items() if value is not None}


def timestamp(epoch: float) -> int:
    """Return AWS's form of a moment: whole seconds since 1970."""
    return int(epoch)
