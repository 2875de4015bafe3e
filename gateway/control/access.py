"""Who may call the control API: users by signature, and anybody on loopback.

The rules: a call on a loopback address may be unsigned, unless a web page could have made it (a
foreign Origin, or a Host that is not a loopback one). Once there are users, a signature that is
there must be right; as long as there are none, whatever credentials a client has are ignored. On
any other address there is nothing without a user.
"""

from __future__ import annotations

import ipaddress
import logging
from collections import deque
from pathlib import Path
from typing import Final

from gateway.clock import Clock
from gateway.control.api.protocol import Caller
from gateway.control.api.service import ControlRequest
from gateway.control.sigv4 import (
    SKEW_SECONDS,
    Signature,
    SignedRequest,
    is_signed,
    mark_of,
    parse_authorization,
    used_already,
    verify,
)
from gateway.control.users import FILE_NAME, User, load_users
from gateway.errors import ConfigurationError, ControlError, access_denied, too_many_requests
from gateway.settings import Address

_log = logging.getLogger(__name__)

REPLAYS_MAX: Final = 262_144
"""Signatures of mutations that are remembered; ten minutes' worth at 400 a second."""

USER_AGENT_CHARACTERS: Final = 256
"""Of a client's own word for itself, as the trail keeps it."""

_LOGGED_SECONDS: Final = 1.0
"""Failed logins are logged once in so long; all are counted."""


class Access:
    """The gate of the control API. One writer: the control process's loop."""

    def __init__(self, data: Path, address: Address, clock: Clock) -> None:
        self._data = data
        self._is_private = address.is_loopback
        self._clock = clock
        self._replays = Replays()
        self._users: dict[str, User] = {}
        self._stamp: tuple[int, int, int, int] | None = None
        self._problem: str | None = None
        self._logged = -_LOGGED_SECONDS
        self.failed_logins = 0
        """Signatures that were refused."""

    def __repr__(self) -> str:
        where = "loopback" if self._is_private else "public"
        return f"<Access {where}, {len(self._users)} users, {self.failed_logins} failed>"

    def admit(self, request: ControlRequest) -> Caller:
        """Return the caller.

        Raises:
            ControlError: (401 or 403) nobody may call like this.
        """
        self._refresh()
        headers = dict(request.headers)
        is_known = bool(self._users) or self._problem is not None
        if is_known and is_signed(request.headers):
            return self._signed(request, headers)
        if not self._is_private:
            raise self._failed(
                request,
                ControlError(
                    "MissingAuthenticationTokenException", 403, "Missing Authentication Token"
                )
                if is_known
                else access_denied(
                    "No users are defined: make one with `stagegate user add NAME`, or bind "
                    "--admin to a loopback address"
                ),
            )
        _refuse_web_pages(headers)
        return Caller(
            user="anonymous",
            source_ip=request.source_ip,
            user_agent=_user_agent(headers),
        )

    def _signed(self, request: ControlRequest, headers: dict[str, str]) -> Caller:
        try:
            if self._problem is not None:
                raise access_denied(f"No signature can be checked: {self._problem}")
            claimed = parse_authorization(request.headers)
            user = self._users.get(claimed.access_key)
            mark = self._verify(request, claimed, user)
        except ControlError as error:
            raise self._failed(request, error) from None
        # Without the user, `verify` has raised.
        known = self._users[claimed.access_key]
        return Caller(
            user=known.name,
            access_key=known.access_key,
            role=known.role,
            source_ip=request.source_ip,
            user_agent=_user_agent(headers),
            signature_mark=mark,
        )

    def _verify(self, request: ControlRequest, claimed: Signature, user: User | None) -> str:
        """Check a signature; return its mark, empty where it may count twice."""
        epoch = self._clock.epoch()
        verify(
            SignedRequest(
                verb=request.verb,
                path=request.path,
                query=request.query,
                headers=request.headers,
                body=request.body,
            ),
            claimed,
            None if user is None else user.secret_key,
            epoch,
        )
        # Reading twice harms nobody, and clients that poll sign the same text twice in a second.
        if request.verb == "GET":
            return ""
        mark = mark_of(claimed.signature)
        self._replays.note(mark, epoch)
        return mark

    def _failed(self, request: ControlRequest, error: ControlError) -> ControlError:
        self.failed_logins += 1
        now = self._clock.now()
        if now - self._logged >= _LOGGED_SECONDS:
            self._logged = now
            _log.warning(
                "control API: refused %s from %s: %s (%d so far)",
                request.verb,
                request.source_ip,
                error.code,
                self.failed_logins,
            )
        return error

    def _refresh(self) -> None:
        """Read the users again if their file has changed."""
        try:
            found = (self._data / FILE_NAME).stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)
        except OSError:
            stamp = None
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._users, self._problem = load_users(self._data), None
        except ConfigurationError as error:
            # Nobody gets in by breaking the file.
            self._users, self._problem = {}, str(error)
            _log.error("%s", error)


class Replays:
    """Signatures seen within the time in which they would be accepted again. Bounded.

    Of this process: `control.api.signatures` keeps those that mutations were made with.
    """

    __slots__ = ("_order", "_seen", "capacity")

    def __init__(self, capacity: int = REPLAYS_MAX) -> None:
        self.capacity = capacity
        self._seen: set[str] = set()
        self._order: deque[tuple[float, str]] = deque()

    def __repr__(self) -> str:
        return f"<Replays {len(self._seen)}/{self.capacity}>"

    def note(self, mark: str, epoch: float) -> None:
        """Remember a signature by its mark.

        Raises:
            ControlError: it was seen before, or too many are remembered.
        """
        while self._order and self._order[0][0] < epoch:
            self._seen.discard(self._order.popleft()[1])
        if mark in self._seen:
            raise used_already()
        if len(self._seen) >= self.capacity:
            raise too_many_requests("Too many signed requests within ten minutes")
        self._seen.add(mark)
        self._order.append((epoch + 2 * SKEW_SECONDS, mark))


def _refuse_web_pages(headers: dict[str, str]) -> None:
    """Refuse what a web page could have sent to this machine from its user's browser."""
    host = headers.get("host", "")
    origin = headers.get("origin")
    if not is_loopback_host(host):
        raise access_denied("An unsigned call must name a loopback Host")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        raise access_denied("An unsigned call must not come from another Origin")
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise access_denied("An unsigned call must not come from another site")


def _user_agent(headers: dict[str, str]) -> str:
    """Return a client's own word for itself, harmless wherever it is shown.

    Bytes that are no UTF-8 come as surrogates, which JSON cannot hold; control characters would
    reach the terminal of whoever reads the trail.
    """
    text = headers.get("user-agent", "")[:USER_AGENT_CHARACTERS]
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def is_loopback_host(host: str) -> bool:
    """Whether a Host header names this machine to itself."""
    name, colon, port = host.rpartition(":")
    if not colon or not port.isdigit():
        name = host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
