"""From a request's values to an answer's: find the operation, check, run its handler, publish.

The only thing that waits here is the store's thread and the workers' acknowledgement.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import orjson

from gateway.clock import IdMinter, SystemClock
from gateway.control.api import audit
from gateway.control.api.families import SERVED, refusal_of
from gateway.control.api.lookups import refuse_what_files_own
from gateway.control.api.operations import find_operation
from gateway.control.api.protocol import Answer, Call, Caller, Served
from gateway.control.api.refusals import Refusals
from gateway.control.api.shapes import check_body, members
from gateway.control.api.signatures import use_signature
from gateway.control.method_test import MethodTest
from gateway.control.query import is_utf8, split_query
from gateway.control.sigv4 import claimed_access_key
from gateway.errors import ControlError, bad_request, serialization_failed
from gateway.store.thread import StoreThread
from gateway.store.transaction import Changes, Transaction

_log = logging.getLogger(__name__)

BODY_BYTES: Final = 6 * 2**20
"""Of a request's body: AWS's bound for a definition file, the largest there is."""

_QUERY_CHARACTERS: Final = 8192
_PARAMETERS_MAX: Final = 200
_NO_BODY: Final = members()
_NEXT_REVISION: Final = "UPDATE revision SET number = number + 1 RETURNING number"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequest:
    """A request to the control API as values."""

    verb: str
    path: str
    """As sent, percent-encoded, without query."""
    query: str
    """As sent, without question mark."""
    headers: tuple[tuple[str, str], ...]
    """Names in lower case, in order of their coming."""
    body: bytes
    source_ip: str


@dataclass(slots=True, kw_only=True)
class ControlAnswer:
    """An answer as values."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Gate(Protocol):
    """Decides who calls."""

    def admit(self, request: ControlRequest) -> Caller:
        """Return the caller, or raise ControlError."""
        ...


class Tester(Protocol):
    """Invokes methods for TestInvokeMethod."""

    async def invoke(self, test: MethodTest) -> dict[str, Any]:
        """Return the answer, or raise ControlError."""
        ...


CheckRoom = Callable[[Transaction], None]
"""Called last in every mutation; raises ControlError when what it changes cannot be served."""

Publish = Callable[[Changes], Awaitable[bool | None]]
"""Publishes what a mutation changed; returns once the workers serve it, or have taken too long.
False: the current release does not hold it yet."""

PENDING_HEADER: Final = "x-stagegate-pending"
"""Is `true` on the answer to a mutation that the release named there may not hold yet."""

_SHOW_KEYS: Final = frozenset({"GetApiKey", "GetApiKeys", "GetUsagePlanKey", "GetUsagePlanKeys"})
"""Operations that show the values of keys, which are secrets: not to whoever may only read."""

_USAGE: Final = ("GetUsage", "UpdateUsage")
"""Operations that tell what keys used: what workers counted is stored before."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """A handler's refusal, once the audit record of it is durable."""

    error: ControlError


class ControlApi:
    """Answers AWS's clients."""

    def __init__(
        self,
        *,
        store: StoreThread,
        gate: Gate,
        publish: Publish,
        region: str,
        account: str,
        account_throttle: tuple[float, int] = (10_000.0, 5_000),
        served: Mapping[str, Served] = SERVED,
        tester: Tester | None = None,
        flush_usage: Callable[[], Awaitable[None]] | None = None,
        check_room: CheckRoom = lambda _: None,
        now: Callable[[], float] = SystemClock.now,
    ) -> None:
        self._store = store
        self._gate = gate
        self._publish = publish
        self._region = region
        self._account = account
        self._account_throttle = account_throttle
        self._served = served
        self._tester = tester
        self._flush_usage = flush_usage
        self._check_room = check_room
        self._ids = IdMinter()
        self._refusals = Refusals(store, now)

    def __repr__(self) -> str:
        return f"<ControlApi {len(self._served)} operations served>"

    async def answer(self, request: ControlRequest) -> ControlAnswer:
        """Return the answer to any request whatever: success, or an error in AWS's shape."""
        request_id = self._ids.request_id()
        try:
            answer = await self._answer(request, request_id)
        except ControlError as error:
            answer = error_answer(error)
        except Exception:  # noqa: BLE001 (a bug must not become a traceback on the wire)
            _log.exception("control API: %s %s failed: a bug", request.verb, request.path)
            answer = error_answer(
                ControlError("InternalServerErrorException", 500, "Internal server error")
            )
        answer.headers["x-amzn-RequestId"] = request_id
        return answer

    def refuse(self, error: ControlError) -> ControlAnswer:
        """Return the answer to a request that cannot even be read."""
        answer = error_answer(error)
        answer.headers["x-amzn-RequestId"] = self._ids.request_id()
        return answer

    async def _answer(self, request: ControlRequest, request_id: str) -> ControlAnswer:
        if not (request.path.isascii() and request.query.isascii()):
            # Bytes beyond ASCII come as surrogates, which nothing below can encode again.
            raise bad_request("The path and the query must be percent-encoded: they hold raw bytes")
        try:
            caller = self._gate.admit(request)
        except ControlError as error:
            await self._note_stranger(request, request_id, error)
            raise
        call = self._call(request, request_id, caller)
        operation = call.operation
        try:
            served = self._served_to(call, request)
        except ControlError as error:
            await self._refusals.note(call, error)
            raise
        if self._flush_usage is not None and operation.name in _USAGE:
            await self._flush_usage()
        if not operation.is_mutation:
            return await self._read(call, served)
        outcome = await self._store.run(
            lambda transaction: _mutate(transaction, call, served, self._check_room),
            is_mutation=True,
        )
        if isinstance(outcome.value, _Refused):
            raise outcome.value.error
        answer = _success(outcome.value, operation.status)
        if outcome.changes and await self._publish(outcome.changes) is False:
            answer.headers[PENDING_HEADER] = "true"
        return answer

    async def _read(self, call: Call, served: Served) -> ControlAnswer:
        """Answer an operation that changes nothing in the store."""
        operation, caller = call.operation, call.caller
        if caller.signature_mark:
            # No GET, such as TestInvokeMethod: it may change what backends hold.
            await self._store.run(
                lambda transaction: use_signature(transaction, caller.signature_mark),
                is_mutation=True,
            )
        value = await self._store.read(lambda transaction: served.handler(transaction, call))
        if call.test is not None:
            if self._tester is None:
                raise bad_request(f"{operation.name} is not supported here")
            value = await self._tester.invoke(call.test)
        if caller.role != "admin" and operation.name in _SHOW_KEYS:
            value = audit.redacted(value, is_key=True)
        return _success(value, operation.status)

    def _call(self, request: ControlRequest, request_id: str, caller: Caller) -> Call:
        """Return what is called, without its body.

        Raises:
            ControlError: nothing is.
        """
        query = parse_query(request.query)
        operation, labels = find_operation(request.verb, request.path, query)
        return Call(
            operation=operation,
            labels=labels,
            query=query,
            body={},
            caller=caller,
            region=self._region,
            account=self._account,
            account_throttle=self._account_throttle,
            request_id=request_id,
        )

    def _served_to(self, call: Call, request: ControlRequest) -> Served:
        """Return what serves a call, which is given its body.

        Raises:
            ControlError: the caller may not call it, it is not served, or its body is not right.
        """
        if call.caller.role != "admin" and request.verb != "GET":
            raise ControlError(
                "AccessDeniedException",
                403,
                f"User: {call.caller.user} is not authorized to perform: apigateway:{request.verb}:"
                " the user's role is read-only",
            )
        served = self._served.get(call.operation.name)
        if served is None:
            raise bad_request(refusal_of(call.operation.name))
        if served.is_raw:
            call.raw = request.body
        else:
            call.body = _body(request.body, served, call.operation.input_name)
        return served

    async def _note_stranger(
        self, request: ControlRequest, request_id: str, error: ControlError
    ) -> None:
        """Leave a record of somebody who may not call, if it was for a mutation."""
        claimed = claimed_access_key(request.headers)
        stranger = Caller(
            user="unknown", access_key=claimed, is_known=False, source_ip=request.source_ip
        )
        try:
            call = self._call(request, request_id, stranger)
        except ControlError:
            return
        await self._refusals.note(call, error)


def _mutate(
    transaction: Transaction, call: Call, served: Served, check_room: CheckRoom
) -> Answer | _Refused:
    """Run a handler with its audit record and the new revision, all or nothing.

    A refusal leaves nothing but its record, and its signature used.
    """
    try:
        use_signature(transaction, call.caller.signature_mark)
        with transaction.savepoint():
            refuse_what_files_own(transaction, call)
            answer = served.handler(transaction, call)
            ((revision,),) = transaction.execute(_NEXT_REVISION)
            audit.note(transaction, call, answer, revision=revision)
            check_room(transaction)
    except ControlError as error:
        audit.note(transaction, call, None, revision=None, error=error)
        return _Refused(error)
    return answer


def parse_query(text: str) -> dict[str, list[str]]:
    """Return query parameters by name, with every value.

    Raises:
        ControlError: (BadRequestException) they are too many, or no UTF-8.
    """
    if len(text) > _QUERY_CHARACTERS:
        raise bad_request("The query string is too long")
    if text.count("&") >= _PARAMETERS_MAX:
        raise bad_request(f"The query string has more than {_PARAMETERS_MAX} parameters")
    found: dict[str, list[str]] = {}
    for name, value in split_query(text):
        if not is_utf8(name + value):
            raise bad_request("The query string is not percent-encoded UTF-8")
        if name or value:
            found.setdefault(name, []).append(value)
    return found


def error_answer(error: ControlError) -> ControlAnswer:
    """Return an error in AWS's shape."""
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    if error.status in (429, 503):
        headers["Retry-After"] = "1"
    return ControlAnswer(
        status=error.status, headers=headers, body=orjson.dumps({"message": error.message})
    )


def _success(value: Any, status: int) -> ControlAnswer:
    if value is None:
        return ControlAnswer(status=status)
    return ControlAnswer(
        status=status, headers={"Content-Type": "application/json"}, body=orjson.dumps(value)
    )


def _body(body: bytes, served: Served, input_name: str) -> dict[str, Any]:
    if not body.strip():
        value: Any = {}
    else:
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise serialization_failed(f"The body is not JSON: {error}") from None
    return check_body(served.body or _NO_BODY, value, input_name)
