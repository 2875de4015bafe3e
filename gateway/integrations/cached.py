"""A method's integration behind its stage's cache: what is remembered is answered without it.

Made only for methods that cache, so that others pay nothing. Recalled answers are whole, shared by
requests, and read only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from multidict import istr

from gateway.cache import (
    CachedResponses,
    CacheKey,
    Flight,
    Revalidation,
    accepted_codings,
    asks_for_fresh,
)
from gateway.cache.keys import Read
from gateway.errors import Fault, GatewayResponseType
from gateway.integrations.backend import whole_answer
from gateway.integrations.base import Answer, CompiledIntegration, Endpoints
from gateway.mapping.lookups import header_values_of_any_case
from gateway.messages import Exchange, InvocationRequest, InvocationResponse
from gateway.streams import BodyStream

_CACHE_CONTROL: Final = istr("Cache-Control")
_AUTHORIZATION: Final = istr("Authorization")
_ACCEPT_ENCODING: Final = istr("Accept-Encoding")
_FOR_ONE_REQUEST: Final = frozenset({206, 304, 412, 416})
"""Statuses that answer a request's own Range or precondition (RFC 9110 sections 13 and 14)."""
_FIRST_SERVER_ERROR: Final = 500
_WARNING: Final = (
    b'Warning: 199 - "Cache-control headers were ignored because the caller was unauthorized."\r\n'
)
_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CacheRules:
    """What a stage's settings make of one method's caching."""

    space: str
    """Stage, arm and flush count: keys of different spaces never meet."""
    seconds: float
    """Time to live."""
    only_get: bool
    """Whether other methods pass by: of what comes through an ANY method only GET is cached."""
    revalidation: Revalidation
    key: CacheKey


class _Asked:
    """What the headers of a request ask of a cache."""

    __slots__ = ("codings", "is_authorized", "is_fresh", "is_plain", "read", "values")

    def __init__(self, request: InvocationRequest) -> None:
        fields = request.fields
        self.is_authorized = _AUTHORIZATION in fields
        """Whether only the backend knows whom the answer is for (RFC 9111 section 3.5)."""
        self.is_fresh = False
        if _CACHE_CONTROL in fields:
            # Several are one list (RFC 9110 section 5.3).
            controls = header_values_of_any_case(request.headers, b"cache-control")
            self.is_fresh = asks_for_fresh(",".join(controls))
        self.codings = ""
        if _ACCEPT_ENCODING in fields:
            # All of them: the backend sees all.
            accepts = header_values_of_any_case(request.headers, b"accept-encoding")
            self.codings = accepted_codings(",".join(accepts))
        self.is_plain = not (self.is_authorized or self.is_fresh)
        """Whether they ask for nothing special."""
        self.read: Read | None = None
        self.values: tuple[object, ...] = ()
        """What `read` reads of them; the reader of the last method whose key is of headers."""
        request.derived.asked = self


class Cached(CompiledIntegration):
    """An integration and the cache before it."""

    __slots__ = (
        "_cache", "_count", "_find", "_get_space", "_inner", "_is_authorization_told",
        "_is_of_headers", "_most_bytes", "_path_parameter", "_read", "_rules", "_space",
    )  # fmt: skip

    def __init__(
        self,
        inner: CompiledIntegration,
        rules: CacheRules,
        cache: CachedResponses,
        most_bytes: int,
    ) -> None:
        self._inner = inner
        self._rules = rules
        self._cache = cache
        self._count = cache.count
        self._find = cache.find
        self._most_bytes = most_bytes
        self._read = rules.key.reader()
        self._is_of_headers = rules.key.is_of_headers
        self._path_parameter = rules.key.path_parameter
        self._is_authorization_told = rules.key.has_authorization
        """Whether keys tell callers apart."""
        self._space = "\0".join((rules.space, rules.key.namespace, *rules.key.parameters))
        # One text whose hash is computed once.
        self._get_space = f"{self._space}\0GET"

    def describe(self) -> dict[str, str]:
        """Return what `explain` prints."""
        rules = self._rules
        parameters = ", ".join(rules.key.parameters) or "no parameters"
        return {
            **self._inner.describe(),
            "cache": f"{rules.seconds:g} s, by {rules.key.namespace} and {parameters}",
            "buffers": "the whole answer, for the cache",
        }

    def invoke(self, exchange: Exchange, endpoints: Endpoints) -> Answer:
        """Return the answer that is remembered, or the integration's.

        Raises:
            Fault: ACCESS_DENIED (403) when the client asks for a fresh answer, and the method's
                strategy is to refuse that.
        """
        request = exchange.request
        asked: _Asked | None = request.derived.asked
        if asked is None:
            asked = _Asked(request)
        if not asked.is_plain or request.body is not None or request.method != "GET":
            return self._invoke_otherwise(asked, exchange, endpoints)
        # The key must be what `_key_of` returns: other requests are remembered under that.
        value = exchange.path_parameters.get(self._path_parameter)
        key: _Key
        if value:
            key = self._get_space, asked.codings, value
        elif self._is_of_headers:
            key = self._key_of(self._get_space, asked, exchange)
        else:
            read = self._read
            key = (self._get_space, asked.codings) + read(exchange, None, ())  # noqa: RUF005
        find = self._find
        entry = find(key)
        if entry is None or exchange.now >= entry.until:
            return self._recall_or_fetch(key, exchange, endpoints)
        # As `recall`, without a call.
        entry.is_used = True
        recalled = entry.response
        if recalled is None:
            return self._miss(key, exchange, endpoints)
        count = self._count
        count(exchange.scope.metrics_block, True)
        return recalled

    def _key_of(self, space: str, asked: _Asked, exchange: Exchange) -> _Key:
        """Return what an answer is remembered under: codings and values, in a space."""
        read = self._read
        if not self._is_of_headers:
            return (space, asked.codings, *read(exchange, None, ()))
        if asked.read is not read:
            asked.values = read(exchange, None, ())
            asked.read = read
        # A sum costs a third of what unpacking does.
        return (space, asked.codings) + asked.values  # noqa: RUF005

    def _recall_or_fetch(self, key: _Key, exchange: Exchange, endpoints: Endpoints) -> Answer:
        recalled = self._cache.recall(key, exchange.now)
        if recalled is None:
            return self._miss(key, exchange, endpoints)
        self._count(exchange.scope.metrics_block, True)
        return recalled

    def _invoke_otherwise(self, asked: _Asked, exchange: Exchange, endpoints: Endpoints) -> Answer:
        """Answer what is no plain GET."""
        request = exchange.request
        method = request.method
        if (
            (method != "GET" and self._rules.only_get)
            or (asked.is_authorized and not self._is_authorization_told)
            # No key holds a body, but a backend may look at it.
            or (request.body is not None and method == "GET")
        ):
            return self._inner.invoke(exchange, endpoints)
        key = self._key_of(f"{self._space}\0{method}", asked, exchange)
        if asked.is_fresh:
            return self._revalidate(key, exchange, endpoints)
        return self._recall_or_fetch(key, exchange, endpoints)

    def _revalidate(self, key: _Key, exchange: Exchange, endpoints: Endpoints) -> Answer:
        """Do as the method's settings say when a client asks for a fresh answer."""
        how = self._rules.revalidation
        if how is Revalidation.REFUSED:
            raise Fault(GatewayResponseType.ACCESS_DENIED, source="client")
        if how is Revalidation.HEEDED:
            self._count(exchange.scope.metrics_block, False)
            return self._lead(key, exchange, endpoints)
        recalled = self._cache.recall(key, exchange.now)
        self._count(exchange.scope.metrics_block, recalled is not None)
        warned = how is Revalidation.IGNORED_WITH_WARNING
        if recalled is not None:
            return _warning(recalled) if warned else recalled
        return self._fetch(key, exchange, endpoints, warned=warned)

    def _miss(self, key: _Key, exchange: Exchange, endpoints: Endpoints) -> Answer:
        self._count(exchange.scope.metrics_block, False)
        return self._fetch(key, exchange, endpoints)

    async def _fetch(
        self, key: _Key, exchange: Exchange, endpoints: Endpoints, *, warned: bool = False
    ) -> InvocationResponse:
        """Ask, or wait for whoever asks already."""
        cache = self._cache
        flight = cache.flights.get(key)
        response: InvocationResponse | None
        if cache.is_passed(key):
            response = await self._ask(exchange, endpoints)
        elif flight is None:
            response = await self._lead(key, exchange, endpoints)
        else:
            response = await flight.wait()
            if response is None:
                response = await self._ask(exchange, endpoints)
        return _warning(response) if warned else response

    async def _lead(
        self, key: _Key, exchange: Exchange, endpoints: Endpoints
    ) -> InvocationResponse:
        """Ask, remember the answer, and give it to those that wait for it."""
        cache = self._cache
        flight = cache.flights[key] = Flight()
        shared: InvocationResponse | None = None
        try:
            response = await self._ask(exchange, endpoints)
            if cache.flights.get(key) is not flight:
                # Somebody asked for a fresh answer meanwhile: this one is the older.
                shared = response if _may_be_shared(response) else None
            elif _may_be_shared(response) and cache.remember(key, response, self._rules.seconds):
                shared = response
            elif response.status not in _FOR_ONE_REQUEST:
                # Whoever asks for a part must not keep others from the cache.
                cache.remember_pass(key)
        except Fault as fault:
            self._end(key, flight)
            flight.fail(fault)
            raise
        finally:
            # Also when the client has left: those that wait ask for themselves.
            self._end(key, flight)
            flight.land(shared)
        return response

    def _end(self, key: _Key, flight: Flight) -> None:
        if self._cache.flights.get(key) is flight:
            del self._cache.flights[key]

    async def _ask(self, exchange: Exchange, endpoints: Endpoints) -> InvocationResponse:
        """Return the integration's answer with its whole body."""
        answer = self._inner.invoke(exchange, endpoints)
        response = answer if isinstance(answer, InvocationResponse) else await answer
        body = response.body
        if not isinstance(body, BodyStream):
            return response
        whole = await whole_answer(body, self._most_bytes)
        return InvocationResponse(response.status, response.head, whole)


def _may_be_shared(response: InvocationResponse) -> bool:
    """Whether an answer may go to other callers; a broken backend's is not kept for minutes."""
    return (
        response.status < _FIRST_SERVER_ERROR
        and response.status not in _FOR_ONE_REQUEST
        and b"\nset-cookie:" not in b"\n" + response.head.lower()
    )


def _warning(response: InvocationResponse) -> InvocationResponse:
    return InvocationResponse(
        response.status, response.head + _WARNING, response.body, response.length
    )
