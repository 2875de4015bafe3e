"""Keeps credentials out of execution logs: what a name calls a secret is masked everywhere.

Of long credentials in `Authorization` and `x-api-key` the last six characters are left, as on AWS,
so that one can be told from another. Whatever could be a person's password shows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote_plus

from gateway.telemetry.escaping import visible

MASK: Final = "******"
"""Stands for a secret, whatever its length was."""

_SHOWN_CHARACTERS: Final = 6
_LEAST_CHARACTERS: Final = 20
"""Of shorter credentials nothing is shown: six characters would be too much of them."""
_TELLING_SCHEMES: Final = frozenset({"", "bearer", "aws4-hmac-sha256"})
"""Whose credentials end in something random; Basic's end in a password."""

_RECOGNISABLE_HEADERS: Final = frozenset({"authorization", "x-api-key"})
_ADDRESS_HEADERS: Final = frozenset(
    (
        "content-location", "destination", "link", "location", "referer", "refresh",
        "x-forwarded-uri", "x-original-uri", "x-original-url", "x-rewrite-url",
    )
)  # fmt: skip
_SECRET_HEADERS: Final = frozenset(
    {"ocp-apim-subscription-key", "x-amz-credential", "x-functions-key"}
)
_SECRET_PARAMETERS: Final = frozenset(
    (
        "assertion", "client_assertion", "code", "code_verifier", "jwt", "key", "otp",
        "passcode", "pwd", "samlresponse", "sig", "x-amz-credential",
    )
)  # fmt: skip
_SECRET_NAME: Final = re.compile(
    r".*(?:access|api|auth|encryption|private|secret|signing)[-_.]?key(?:[-_.]?id)?"
    r"|.*(?:authorization|cookie|credentials?|jwt|pass(?:wd|word|phrase)|secret|signature|token"
    r"|sess(?:ion)?(?:[-_.]?id)?)"
    r"|(?:.*[-_.])?auth",
    re.DOTALL,
)
"""Names that say themselves what they hold, such as `client_secret`, `newPassword` or
`X-Vault-Token`."""
_TELLING_CHARACTERS: Final = 64
"""Of a name's end: a client may send kilobytes of one."""
_BRACKETS: Final = str.maketrans({"[": ".", "]": None})
"""`user[password]` and `password[]` are read as `user.password` and `password.`."""
_USER_INFO: Final = re.compile(r"//[^/?#\s]*@")


def header_value(name: str, value: str) -> str:
    """Return what a log may show of a header."""
    lower = name.strip().lower()
    if lower in _RECOGNISABLE_HEADERS:
        return credential(value)
    if lower in _SECRET_HEADERS or _names_secret(lower):
        return MASK
    return uri(value) if lower in _ADDRESS_HEADERS else value


def credential(value: str) -> str:
    """Return the mask, with the last six characters of a long token, key or AWS signature.

    >>> credential("Bearer eyJhbGciOiJIUzI1NiJ9.e30.abcdef")
    '******abcdef'
    """
    # At any white space: some servers take a tab for the space of RFC 9110.
    words = value.strip().split(None, 1)
    scheme, token = words if len(words) == 2 else ("", *words, "")[:2]
    if scheme.lower() not in _TELLING_SCHEMES or len(token) < _LEAST_CHARACTERS:
        return MASK
    return MASK + token[-_SHOWN_CHARACTERS:]


def query_pairs(query: str) -> Iterator[tuple[str, str]]:
    """Yield the parameters as they were sent, decoded only to recognise secrets."""
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        yield name, MASK if _is_secret_parameter(name) else value


def _is_secret_parameter(name: str) -> bool:
    decoded = unquote_plus(name).strip().lower().translate(_BRACKETS).rstrip(".")
    return decoded in _SECRET_PARAMETERS or _names_secret(decoded)


def _names_secret(name: str) -> bool:
    return _SECRET_NAME.fullmatch(name[-_TELLING_CHARACTERS:]) is not None


def form(text: str) -> str:
    """Return a query or a form's body without the values of its secret parameters."""
    return "&".join(f"{name}={value}" if value else name for name, value in query_pairs(text))


def uri(text: str) -> str:
    """Return the URI without user information and without the values of secret parameters.

    >>> uri("https://me:pw@app/cb?code=x#access_token=y")
    'https://******@app/cb?code=******#access_token=******'
    """
    # A fragment, too: the tokens of an implicit grant stand there (RFC 6749 section 4.2.2).
    text, hash_mark, fragment = text.partition("#")
    head, mark, query = text.partition("?")
    head = _USER_INFO.sub(f"//{MASK}@", head)
    return head + mark + form(query) + hash_mark + form(fragment)


def headers_text(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return `{name=value, name=value}`, in the order of the lines, without secrets."""
    pairs = ((_text(name), _text(value)) for name, value in headers)
    return pairs_text((name, header_value(name, value)) for name, value in pairs)


def pairs_text(pairs: Iterable[tuple[str, str]]) -> str:
    """Return `{name=value, name=value}`; nothing in it can end a line."""
    return "{" + ", ".join(f"{visible(name)}={visible(value)}" for name, value in pairs) + "}"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
