"""From a request's values to an answer's: find the operation, check, run its handler, publish.

The only thing that waits here is the store's thread and the workers' acknowledgement.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

import orjson

from gateway.clock import IdMinter
from gateway.control.api import audit
from gateway.control.api.families import SERVED, refusal_of
from gateway.control.api.lookups import refuse_what_files_own
from gateway.control.api.operations import find_operation
from gateway.control.api.protocol import Answer, Call, Caller, Served
from gateway.control.api.shapes import check_body, members
from gateway.control.method_test import MethodTest
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

Publish = Callable[[Changes], Awaitable[None]]
"""Publishes what a mutation changed; returns once the workers serve it, or after 250 ms."""


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
        check_room: CheckRoom = lambda _: None,
    ) -> None:
        self._store = store
        self._gate = gate
        self._publish = publish
        self._region = region
        self._account = account
        self._account_throttle = account_throttle
        self._served = served
        self._tester = tester
        self._check_room = check_room
        self._ids = IdMinter()

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
        caller = self._gate.admit(request)
        query = parse_query(request.query)
        operation, labels = find_operation(request.verb, request.path, query)
        if caller.role != "admin" and request.verb != "GET":
            raise ControlError(
                "AccessDeniedException",
                403,
                f"User: {caller.user} is not authorized to perform: apigateway:{request.verb}: "
                "the user's role is read-only",
            )
        served = self._served.get(operation.name)
        if served is None:
            raise bad_request(refusal_of(operation.name))
        call = Call(
            operation=operation,
            labels=labels,
            query=query,
            body={} if served.is_raw else _body(request.body, served, operation.input_name),
            raw=request.body if served.is_raw else b"",
            caller=caller,
            region=self._region,
            account=self._account,
            account_throttle=self._account_throttle,
            request_id=request_id,
        )
        if not operation.is_mutation:
            value = await self._store.read(lambda transaction: served.handler(transaction, call))
            if call.test is not None:
                if self._tester is None:
                    raise bad_request(f"{operation.name} is not supported here")
                value = await self._tester.invoke(call.test)
            return _success(value, operation.status)
        outcome = await self._store.run(
            lambda transaction: _mutate(transaction, call, served, self._check_room),
            is_mutation=True,
        )
        if isinstance(outcome.value, _Refused):
            raise outcome.value.error
        if outcome.changes:
            await self._publish(outcome.changes)
        return _success(outcome.value, operation.status)


def _mutate(
    transaction: Transaction, call: Call, served: Served, check_room: CheckRoom
) -> Answer | _Refused:
    """Run a handler with its audit record and the new revision, all or nothing.

    A refusal leaves nothing but its record.
    """
    try:
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
    try:
        return parse_qs(
            text, keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS_MAX
        )
    except ValueError:
        raise bad_request("The query string cannot be parsed") from None


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
