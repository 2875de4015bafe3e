"""Names of backends to addresses: what an answer of the resolver is believed for, and then.

getaddrinfo tells no time to live, so a setting says how long an answer is believed. Names that
pools are open for are looked up again whenever that time is over: connections to addresses that
are gone must end, however lively they are.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.messages import Origin
from gateway.server.tasks import spawn
from gateway.telemetry.logs import RateLimited

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""Family, type, protocol, canonical name, socket address: what getaddrinfo returns."""

Resolve = Callable[[str, int], Awaitable[Sequence[AddressInfo]]]
"""Looks a name up.

Raises:
    OSError: (socket.gaierror) there is no address, or no answer.
"""

Place = tuple[str, int]
"""A name and a port to look up, or an address and its port."""

_STRAGGLER_SECONDS: Final = 0.25
"""How long a link's other names are waited for when some are known: as long as for an address."""
_PATIENCE_SECONDS: Final = 1.0
"""How long a dial waits for the resolver when there is an older answer: one that hangs takes longer
than a connection may."""

_EXPIRED: Final = float("-inf")

_KEPT: Final = 4096
"""Names remembered; the one that was looked up first makes room."""


@dataclass(frozen=True, slots=True)
class _Answer:
    addresses: tuple[AddressInfo, ...]
    until: float
    """How long it is believed, seconds of CLOCK_MONOTONIC."""


def system_resolver(loop: asyncio.AbstractEventLoop) -> Resolve:
    """Return the resolver of the system: /etc/hosts, DNS, whatever it is set up for."""

    async def resolve(host: str, port: int) -> Sequence[AddressInfo]:
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)

    return resolve


class AddressBook:
    """The addresses of one worker's backends."""

    def __init__(
        self,
        resolve: Resolve,
        believed_seconds: float,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], float],
        log: RateLimited,
    ) -> None:
        self._resolve = resolve
        self._believed_seconds = believed_seconds
        self._loop = loop
        self._now = now
        self._log = log
        self._answers: dict[Place, _Answer] = {}
        self._asked: dict[Place, asyncio.Task[tuple[AddressInfo, ...]]] = {}
        """Look-ups under way: whoever wants the same waits for the same."""
        self._turn = 0
        """Grows with each dial, so that every address of a name gets its share."""
        self._watched: dict[str, tuple[tuple[Place, ...], Callable[[frozenset[Place]], None]]] = {}
        """By origin: the names that it depends on, and who follows them."""
        self._timer: asyncio.TimerHandle | None = None
        self._following: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<AddressBook {len(self._answers)} names, {len(self._watched)} watched>"

    async def find(self, origin: Origin) -> list[AddressInfo]:
        """Return every address that an origin may be reached at, another one first each time.

        Raises:
            OSError: (socket.gaierror) there is none.
        """
        places = places_of(origin)
        if len(places) == 1:
            found = list(await self._believed(places[0]))
        else:
            found = await self._believed_of_any(places)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        self._turn += 1
        return rotated(found, self._turn)

    async def _believed_of_any(self, places: Sequence[Place]) -> list[AddressInfo]:
        """Return the addresses of all names that have some, but wait for no straggler.

        A name whose servers are silent would use up the time for all the others.

        Raises:
            OSError: (socket.gaierror) none has any.
        """
        asked = [self._loop.create_task(self._believed_or_not(place)) for place in places]
        try:
            waiting = set(asked)
            while waiting and not any(each.done() and each.result()[0] for each in asked):
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if waiting:
                await asyncio.wait(waiting, timeout=_STRAGGLER_SECONDS)
        finally:
            for each in asked:
                each.cancel()
        answers = [each.result() for each in asked if each.done() and not each.cancelled()]
        found = [info for addresses, _ in answers for info in addresses]
        problems = [problem for _, problem in answers if problem is not None]
        if problems and not found:
            raise problems[-1]
        return found

    async def _believed_or_not(
        self, place: Place
    ) -> tuple[tuple[AddressInfo, ...], OSError | None]:
        try:
            return await self._believed(place), None
        except OSError as error:
            return (), error

    def distrust(self, origin: Origin) -> None:
        """Look an origin up anew for the next dial: no address answered."""
        for place in places_of(origin):
            answer = self._answers.get(place)
            if answer is not None:
                # Not forgotten: it may be all there is while the resolver is out of order.
                self._answers[place] = _Answer(answer.addresses, _EXPIRED)

    # Following names while connections are open

    def watch(self, origin: Origin, follow: Callable[[frozenset[Place]], None]) -> None:
        """Call back with all present addresses of an origin, each time they are looked up again."""
        names = tuple(place for place in places_of(origin) if not is_literal(place[0]))
        if names:
            self._watched[origin.key] = names, follow
            if self._timer is None:
                self._timer = self._loop.call_later(self._believed_seconds, self._look_again)

    def unwatch(self, origin: Origin) -> None:
        """Call back no more."""
        self._watched.pop(origin.key, None)

    def close(self) -> None:
        """Look nothing up any more."""
        self._watched.clear()
        for task in (*self._asked.values(), self._following):
            if task is not None:
                task.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_again(self) -> None:
        self._timer = None
        if not self._watched:
            return
        if self._following is None or self._following.done():
            # A resolver that is slower than the interval must not gather tasks.
            self._following = spawn(self._follow_all(), "resolve backends again")
        self._timer = self._loop.call_later(self._believed_seconds, self._look_again)

    async def _follow_all(self) -> None:
        places = {place for names, _ in self._watched.values() for place in names}
        # Those that cannot be looked up say nothing: whoever is connected stays.
        known = {place for place in places if await self._is_answered(place)}
        for names, follow in tuple(self._watched.values()):
            if known.issuperset(names):
                follow(frozenset(place for name in names for place in self._places(name)))

    async def _is_answered(self, place: Place) -> bool:
        try:
            await self._ask(place)
        except OSError as error:
            self._log.warning(
                place[0], "the backend %s cannot be resolved again: %s", place[0], error
            )
            return False
        return True

    def _places(self, name: Place) -> list[Place]:
        answer = self._answers.get(name)
        addresses = () if answer is None else answer.addresses
        return [(socket_address[0], socket_address[1]) for *_, socket_address in addresses]

    async def _believed(self, place: Place) -> tuple[AddressInfo, ...]:
        answer = self._answers.get(place)
        if answer is not None and self._now() < answer.until:
            return answer.addresses
        if answer is None:
            return await self._ask(place)
        problem = f"no answer in {_PATIENCE_SECONDS:g} s"
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._ask(place)
        except TimeoutError:
            pass
        except socket.gaierror as error:
            if error.errno != socket.EAI_AGAIN:
                raise
            problem = str(error)
        # The resolver is out of order, which says nothing about the backend.
        self._log.warning(
            place[0], "the backend %s cannot be resolved: %s; its last addresses are used",
            place[0], problem,
        )  # fmt: skip
        return answer.addresses

    async def _ask(self, place: Place) -> tuple[AddressInfo, ...]:
        asked = self._asked.get(place)
        if asked is None:
            asked = self._asked[place] = self._loop.create_task(self._look_up(place))
            asked.add_done_callback(lambda ended: self._note_end(place, ended))
        return await asyncio.shield(asked)

    def _note_end(self, place: Place, ended: asyncio.Task[tuple[AddressInfo, ...]]) -> None:
        self._asked.pop(place, None)
        # Taken note of: whoever waited may have given up meanwhile.
        _ = ended.cancelled() or ended.exception()

    async def _look_up(self, place: Place) -> tuple[AddressInfo, ...]:
        try:
            addresses = tuple(await self._resolve(*place))
        except UnicodeError as error:
            # Labels that are too long, or empty.
            raise socket.gaierror(socket.EAI_NONAME, str(error)) from error
        self._answers.pop(place, None)
        if len(self._answers) >= _KEPT:
            del self._answers[next(iter(self._answers))]
        self._answers[place] = _Answer(addresses, self._now() + self._believed_seconds)
        return addresses


def places_of(origin: Origin) -> list[Place]:
    """Return the names to look up for an origin, with their ports: its own or its VPC link's."""
    if not origin.targets:
        return [(origin.host, origin.port)]
    return [place_of(target, origin.port) for target in origin.targets]


def place_of(target: str, default_port: int) -> Place:
    """Read `host`, `host:port`, `[v6]` or `[v6]:port`."""
    host, colon, port = target.rpartition(":")
    if colon and port.isdigit() and (host.startswith("[") or ":" not in host):
        return host.strip("[]"), int(port)
    return target.strip("[]"), default_port


def is_literal(host: str) -> bool:
    """Whether a host is an address already, so that there is nothing to follow."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def rotated(addresses: Sequence[AddressInfo], turn: int) -> list[AddressInfo]:
    """Return addresses with another one of each family first at each turn.

    The family that the system prefers stays first (RFC 6724): a dial then takes the families by
    turns.
    """
    families: dict[int, list[AddressInfo]] = {}
    for each in addresses:
        families.setdefault(each[0], []).append(each)
    ordered: list[AddressInfo] = []
    for group in families.values():
        first = turn % len(group)
        ordered += group[first:] + group[:first]
    return ordered
