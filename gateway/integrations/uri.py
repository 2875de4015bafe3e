"""An integration's uri: stage variables first, then path placeholders (semantics sheet 10.2).

`UriPlan` holds what a deployment freezes; `bind` puts one stage's variables in and decides
everything but the values of path placeholders, which only a request brings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.errors import Problem
from gateway.integrations.base import MisconfiguredError
from gateway.mapping.mapped_body import MappedBody
from gateway.messages import Exchange, Origin

_STAGE_VARIABLE: Final = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z0-9._$-]+)\+?\}")
_URI: Final = re.compile(r"(https?)://([^/?#]+)([^?#]*)(\?[^#]*)?", re.IGNORECASE | re.ASCII)
_AUTHORITY: Final = re.compile(
    r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
)
_TARGET_TEXT: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?\[\]|]|%[0-9A-Fa-f]{2})*")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_PORT: Final = 65_535

_UNIX_URI: Final = re.compile(
    r"(?P<scheme>https?)://unix:(?P<socket>/[^:?#]*)(?::(?P<path>/[^?#]*)?)?(?P<query>\?[^#]*)?",
    re.IGNORECASE | re.ASCII,
)
"""`http://unix:/run/app.sock:/path`: the socket ends at the second colon."""
_SOCKET_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~@+=,-]+)+")
_SOCKET_PATH_BYTES: Final = 107
"""The kernel's limit, less the zero at the end (unix(7))."""

PathValue = Callable[[Exchange, MappedBody | None], str]
"""Where a placeholder's text comes from, given the request's body where the mapping needs it."""


class InvalidEndpointAddressError(MisconfiguredError):
    """The uri, with the stage's variables in it, is no URL that can be called."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid endpoint address: {reason}")
        self.reason = reason


class PathParameter:
    """A placeholder that a path parameter of the request fills."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, exchange: Exchange, _body: MappedBody | None) -> str:
        """Return its text, as the client sent it."""
        return exchange.path_parameters.get(self.name, "")

    def __repr__(self) -> str:
        return f"<PathParameter {self.name}>"


@dataclass(frozen=True, slots=True, eq=False)
class BoundUri:
    """A backend's address with only path placeholders left open."""

    origin: Origin
    host_header: str
    pieces: tuple[str | PathValue, ...]
    """Texts and placeholders of the path and the uri's own query, in order."""
    has_query: bool
    """Whether the pieces hold a `?` already, so that more is appended with `&`."""

    @property
    def base(self) -> str:
        """Scheme and authority: what the target follows in a full URL."""
        if self.origin.unix_path:
            return f"http://unix:{self.origin.unix_path}:"
        return f"{self.origin.scheme}://{self.host_header}"

    @property
    def constant(self) -> str | None:
        """The target when it has no placeholder."""
        if len(self.pieces) == 1 and isinstance(self.pieces[0], str):
            return self.pieces[0]
        return None

    @property
    def around(self) -> tuple[str, str, str] | None:
        """What is before a path parameter, its name, what is after it: when it is the only one."""
        parameters = [piece for piece in self.pieces if isinstance(piece, PathParameter)]
        texts = [piece for piece in self.pieces if isinstance(piece, str)]
        if len(parameters) != 1 or len(parameters) + len(texts) != len(self.pieces):
            return None
        place = self.pieces.index(parameters[0])
        return "".join(texts[:place]), parameters[0].name, "".join(texts[place:])

    def at(self, origin: Origin) -> BoundUri:
        """Return this address with another way to it."""
        return replace(self, origin=origin)

    def target(self, exchange: Exchange, body: MappedBody | None) -> str:
        """Return path and own query for one request."""
        return "".join(
            [piece if isinstance(piece, str) else piece(exchange, body) for piece in self.pieces]
        )

    def describe(self) -> str:
        """Return the address for people, placeholders as `{…}`."""
        text = "".join(piece if isinstance(piece, str) else "{…}" for piece in self.pieces)
        return self.base + text

    def describe_way(self) -> dict[str, str]:
        """Return what `explain` prints of how the backend is reached, beyond its address."""
        told: dict[str, str] = {}
        if self.origin.targets:
            told["through"] = ", ".join(self.origin.targets)
        if self.origin.client_certificate is not None:
            told["shows"] = (
                f"client certificate {self.origin.client_certificate.client_certificate_id}"
            )
        return told


@dataclass(frozen=True, slots=True, eq=False)
class UriPlan:
    """A uri as a deployment freezes it."""

    text: str
    is_verified: bool
    values: Mapping[str, PathValue]
    """Placeholder to its source."""
    bound: BoundUri | None = None
    """What `bind` gives for every stage: known when no stage variable is in the uri."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The stage variables that the uri names."""
        return variables_of(self.text)

    def bind(self, stage_variables: Mapping[str, str]) -> BoundUri:
        """Put a stage's variables in; an undefined one becomes an empty text, as on AWS.

        Raises:
            InvalidEndpointAddressError: the result is no http(s) URL.
        """
        if self.bound is not None:
            return self.bound
        text = with_stage_variables(self.text, stage_variables)
        if unix := _UNIX_URI.fullmatch(text):
            return self._bind_unix(unix)
        parsed = _URI.fullmatch(text)
        if parsed is None:
            raise InvalidEndpointAddressError(f"{text!r} is no http:// or https:// URL")
        scheme, authority = parsed[1].lower(), parsed[2]
        if "{" in authority:
            raise InvalidEndpointAddressError(
                f"{text!r} has a path placeholder in its host; only ${{stageVariables.…}} may be"
            )
        address = _AUTHORITY.fullmatch(authority)
        port = int(address["port"] or _DEFAULT_PORTS[scheme]) if address else 0
        if address is None or not 0 < port <= _MAX_PORT:
            raise InvalidEndpointAddressError(f"{authority!r} in {text!r} is no host and port")
        return BoundUri(
            origin=Origin.make(
                scheme, address["host"].strip("[]").lower(), port, is_verified=self.is_verified
            ),
            host_header=authority,
            pieces=self._pieces(parsed[3] or "/", parsed[4] or ""),
            has_query=parsed[4] is not None,
        )

    def _bind_unix(self, parsed: re.Match[str]) -> BoundUri:
        """Return the address of a backend on a unix socket, written as other proxies have it."""
        text, scheme, socket_path = parsed[0], parsed["scheme"].lower(), parsed["socket"]
        if scheme != "http":
            raise InvalidEndpointAddressError(
                f"{text!r} asks for TLS over a unix socket; write http://unix:"
            )
        problem = problem_of_socket_path(socket_path)
        if problem:
            raise InvalidEndpointAddressError(f"{socket_path!r} in {text!r} {problem}")
        return BoundUri(
            origin=Origin.make_unix(socket_path),
            # What it would be for a port of this machine, and what other proxies send.
            host_header="localhost",
            pieces=self._pieces(parsed["path"] or "/", parsed["query"] or ""),
            has_query=parsed["query"] is not None,
        )

    def _pieces(self, path: str, query: str) -> tuple[str | PathValue, ...]:
        pieces: list[str | PathValue] = []
        literal = ""
        parts = _PLACEHOLDER.split(path + query)
        for index, part in enumerate(parts):
            if index % 2 == 0:
                if _TARGET_TEXT.fullmatch(part) is None:
                    raise InvalidEndpointAddressError(
                        f"{part!r} holds characters that must be percent-encoded in a URL"
                    )
                literal += part
            elif part in self.values:
                pieces += [literal, self.values[part]] if literal else [self.values[part]]
                literal = ""
            else:
                # AWS leaves an unmapped placeholder in the URL; braces must be encoded on the wire.
                literal += f"%7B{part}%7D"
        if literal or not pieces:
            pieces.append(literal)
        return tuple(pieces)


def variables_of(text: str) -> tuple[str, ...]:
    """Return the names of the stage variables in a text."""
    return tuple(_STAGE_VARIABLE.findall(text))


def with_stage_variables(text: str, stage_variables: Mapping[str, str]) -> str:
    """Put stage variables in; an undefined one becomes an empty text, as on AWS."""
    return _STAGE_VARIABLE.sub(lambda found: stage_variables.get(found[1], ""), text)


def problem_of_socket_path(path: str) -> str:
    """Return what is wrong with the path of a unix socket, to follow it; empty: nothing."""
    if _SOCKET_PATH.fullmatch(path) is None or {".", ".."}.intersection(path.split("/")):
        return "is no plain absolute path: letters, digits and ._~@+=,- between slashes"
    if len(path) > _SOCKET_PATH_BYTES:
        return f"has more than {_SOCKET_PATH_BYTES} characters, the system's limit"
    return ""


def compile_uri(
    text: str | None,
    *,
    is_verified: bool,
    values: Mapping[str, PathValue],
    path: str,
    problems: list[Problem],
) -> UriPlan:
    """Check a uri as far as it can be without a stage, and return its plan.

    Problems found: no uri, a scheme other than http(s), placeholders that nothing fills.
    """
    where = f"{path}.uri"
    plan = UriPlan(text or "", is_verified, values)
    if not text:
        problems.append(Problem(where, "is missing; give the backend's http:// or https:// URL"))
        return plan
    if not text.lower().startswith(("http://", "https://")):
        problems.append(
            Problem(
                where,
                "Invalid HTTP endpoint specified for URI: it must start with http:// or https://",
            )
        )
        return plan
    placeholders = _PLACEHOLDER.findall(_STAGE_VARIABLE.sub("x", text))
    problems += [
        Problem(
            where,
            f"placeholder {{{name}}} is filled by nothing; name a path parameter of the resource "
            f"or map integration.request.path.{name} in requestParameters",
        )
        for name in placeholders
        if name not in values
    ]
    if not plan.variables:
        try:
            return replace(plan, bound=plan.bind({}))
        except InvalidEndpointAddressError as error:
            reason = f"Invalid HTTP endpoint specified for URI: {error.reason}"
            problems.append(Problem(where, reason))
    return plan
