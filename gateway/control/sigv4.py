"""AWS's Signature Version 4, verified. Pure: the time and the users come from the caller.

What is checked: the header's form, the scope (any region, service apigateway), that host and
x-amz-date and every other x-amz- header are signed, the clock (five minutes either way), the body's
hash, and the signature itself, compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from gateway.control.query import split_query
from gateway.errors import ControlError

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SERVICE: Final = "apigateway"
SKEW_SECONDS: Final = 300.0

_AUTHORIZATION: Final = re.compile(
    rf"{ALGORITHM} +Credential=([A-Za-z0-9]{{1,128}})/([0-9]{{8}})/([a-z0-9-]{{1,64}})/"
    r"([a-z0-9-]{1,64})/aws4_request *, *SignedHeaders=([a-z0-9;_-]{1,4096}) *, *"
    r"Signature=([0-9a-f]{64})"
)
_DATE: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_EMPTY_SECRET: Final = "0" * 40
"""Whom nobody knows is checked like anybody else: the time taken tells nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What of a request is signed."""

    verb: str
    path: str
    """As sent."""
    query: str
    """As sent."""
    headers: Sequence[tuple[str, str]]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What an Authorization header claims."""

    access_key: str
    day: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def is_signed(headers: Sequence[tuple[str, str]]) -> bool:
    """Whether a request claims to be signed."""
    return any(name == "authorization" for name, _ in headers)


def parse_authorization(headers: Sequence[tuple[str, str]]) -> Signature:
    """Return what the Authorization header claims.

    Raises:
        ControlError: (IncompleteSignatureException) it is none of SigV4's.
    """
    values = [value for name, value in headers if name == "authorization"]
    found = _AUTHORIZATION.fullmatch(values[0].strip()) if len(values) == 1 else None
    if found is None:
        raise ControlError(
            "IncompleteSignatureException",
            403,
            f"The Authorization header is not of the form {ALGORITHM} Credential=…, "
            "SignedHeaders=…, Signature=…",
        )
    return Signature(
        access_key=found[1],
        day=found[2],
        region=found[3],
        service=found[4],
        signed_headers=tuple(found[5].split(";")),
        signature=found[6],
    )


def claimed_access_key(headers: Sequence[tuple[str, str]]) -> str:
    """Return the access key that a request claims, whether it is right or not; empty: none."""
    try:
        return parse_authorization(headers).access_key
    except ControlError:
        return ""


def verify(
    request: SignedRequest, claimed: Signature, secret_key: str | None, epoch: float
) -> None:
    """Check a signature; `secret_key` is None when nobody has the access key.

    Raises:
        ControlError: (403) it is not right; the message says why as far as a stranger may know.
    """
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name, []).append(" ".join(value.split()))
    date = _checked_date(headers, claimed, epoch)
    canonical = _canonical_request(request, claimed, headers)
    scope = f"{claimed.day}/{claimed.region}/{claimed.service}/aws4_request"
    to_sign = f"{ALGORITHM}\n{date}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    key = signing_key(
        _EMPTY_SECRET if secret_key is None else secret_key,
        claimed.day,
        claimed.region,
        claimed.service,
    )
    expected = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    is_right = hmac.compare_digest(expected, claimed.signature)
    if secret_key is None:
        raise ControlError(
            "UnrecognizedClientException",
            403,
            "The security token included in the request is invalid.",
        )
    if not is_right:
        raise _invalid(
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            "details."
        )


def signing_key(secret_key: str, day: str, region: str, service: str) -> bytes:
    """Return the key that signs for a day, a region and a service."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _checked_date(headers: Mapping[str, list[str]], claimed: Signature, epoch: float) -> str:
    if claimed.service != SERVICE:
        raise _invalid(f"Credential should be scoped to correct service: '{SERVICE}'.")
    signed = claimed.signed_headers
    if list(signed) != sorted(set(signed)):
        raise _invalid("SignedHeaders must name each header once, in alphabetical order")
    absent = [name for name in signed if name not in headers]
    if absent:
        # Its line would be empty: whoever adds the header later changes nothing that was signed.
        raise _invalid(f"Signed headers are not in the request: {', '.join(absent)}")
    missing = {"host", "x-amz-date"} - set(signed)
    missing |= {name for name in headers if name.startswith("x-amz-")} - set(signed)
    if missing:
        raise _invalid(f"Headers must be signed: {', '.join(sorted(missing))}")
    dates = headers.get("x-amz-date", [])
    if len(dates) != 1 or not _DATE.fullmatch(dates[0]):
        raise _invalid("Date must be in ISO-8601 'basic format' in the x-amz-date header, once")
    date = dates[0]
    if not date.startswith(claimed.day):
        raise _invalid(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: "
            f"{claimed.day} and {date}"
        )
    try:
        moment = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise _invalid("Date must be in ISO-8601 'basic format'") from None
    now = datetime.fromtimestamp(epoch, UTC).strftime("%Y%m%dT%H%M%SZ")
    if moment < epoch - SKEW_SECONDS:
        raise _invalid(f"Signature expired: {date} is now earlier than {now} - 5 min.")
    if moment > epoch + SKEW_SECONDS:
        raise _invalid(f"Signature not yet current: {date} is still later than {now} + 5 min.")
    return date


def _canonical_request(
    request: SignedRequest, claimed: Signature, headers: Mapping[str, list[str]]
) -> bytes:
    body_hash = hashlib.sha256(request.body).hexdigest()
    told = headers.get("x-amz-content-sha256")
    if told is not None and told != [body_hash]:
        raise _invalid("The x-amz-content-sha256 header is not the body's hash")
    lines = [
        request.verb,
        # Encoded once more than on the wire, as SigV4 has it for every service but S3.
        quote(request.path or "/", safe="/~"),
        _canonical_query(request.query),
        *(f"{name}:{','.join(headers.get(name, []))}" for name in claimed.signed_headers),
        "",
        ";".join(claimed.signed_headers),
        body_hash,
    ]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _canonical_query(query: str) -> str:
    pairs = [(_encoded(name), _encoded(value)) for name, value in split_query(query)]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~", errors="surrogateescape")


def mark_of(signature: str) -> str:
    """Return what a signature is remembered by: half as long, and of no use to sign with."""
    return hashlib.blake2b(signature.encode(), digest_size=16).hexdigest()


def used_already() -> ControlError:
    """Return the refusal of a signature that was used before."""
    return _invalid("This signature was used already: sign again")


def _invalid(message: str) -> ControlError:
    return ControlError("InvalidSignatureException", 403, message)
