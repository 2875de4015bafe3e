"""More, with AWS's own signer, is in tests/wire/test_signatures.py."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from gateway.control.sigv4 import (
    SignedRequest,
    claimed_access_key,
    is_signed,
    parse_authorization,
    signing_key,
    verify,
)
from gateway.errors import ControlError

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
EPOCH = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/apigateway/aws4_request, "
    "SignedHeaders=host;x-amz-date, "
    "Signature="
)
REQUEST = SignedRequest(
    verb="GET",
    path="/restapis/a%2Fb",
    query="limit=1&a=b%20c",
    headers=(("host", "localhost:8081"), ("x-amz-date", "20150830T123600Z")),
    body=b"",
)


def test_the_key_is_that_of_awss_documentation() -> None:
    key = signing_key(SECRET, "20150830", "us-east-1", "iam")

    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


def test_a_claim_is_read() -> None:
    claimed = parse_authorization((("authorization", AUTHORIZATION + "a" * 64),))

    assert (claimed.access_key, claimed.day, claimed.region) == (
        "AKIDEXAMPLE",
        "20150830",
        "us-east-1",
    )
    assert claimed.signed_headers == ("host", "x-amz-date")
    assert claimed_access_key((("authorization", AUTHORIZATION + "a" * 64),)) == "AKIDEXAMPLE"
    assert claimed_access_key((("authorization", "Basic YTpi"),)) == ""
    assert is_signed((("authorization", ""),))
    assert not is_signed((("host", "a"),))


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("authorization", AUTHORIZATION + "A" * 64),),
        (("authorization", AUTHORIZATION + "a" * 63),),
        (("authorization", AUTHORIZATION + "a" * 64), ("authorization", AUTHORIZATION + "a" * 64)),
    ],
)
def test_other_headers_are_none(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ControlError, match="IncompleteSignatureException"):
        parse_authorization(headers)


@pytest.mark.parametrize(
    ("signed", "date", "message"),
    [
        ("x-amz-date", "20150830T123600Z", "must be signed: host"),
        ("host", "20150830T123600Z", "must be signed: x-amz-date"),
        ("x-amz-date;host", "20150830T123600Z", "alphabetical order"),
        ("host;host;x-amz-date", "20150830T123600Z", "each header once"),
        ("accept;host;x-amz-date", "20150830T123600Z", "not in the request: accept"),
        ("host;x-amz-date", "20150831T123600Z", "does not match YYYYMMDD"),
        ("host;x-amz-date", "20150830T999999Z", "ISO-8601"),
        ("host;x-amz-date", "yesterday", "ISO-8601"),
        ("host;x-amz-date", "20150830T123059Z", "Signature expired"),
        ("host;x-amz-date", "20150830T124101Z", "Signature not yet current"),
    ],
)
def test_what_is_signed_and_when_is_checked(signed: str, date: str, message: str) -> None:
    claimed = parse_authorization(
        (("authorization", AUTHORIZATION.replace("host;x-amz-date", signed) + "a" * 64),)
    )
    request = dataclasses.replace(REQUEST, headers=(("host", "localhost"), ("x-amz-date", date)))

    with pytest.raises(ControlError, match=message) as error:
        verify(request, claimed, SECRET, EPOCH)
    assert (error.value.code, error.value.status) == ("InvalidSignatureException", 403)


def test_a_hash_that_is_told_must_be_the_bodys() -> None:
    claimed = parse_authorization(
        (
            (
                "authorization",
                AUTHORIZATION.replace("host;", "host;x-amz-content-sha256;") + "a" * 64,
            ),
        )
    )
    request = dataclasses.replace(
        REQUEST, headers=(*REQUEST.headers, ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"))
    )

    with pytest.raises(ControlError, match="body's hash"):
        verify(request, claimed, SECRET, EPOCH)


def test_nobody_learns_whether_a_key_exists_from_a_wrong_signature() -> None:
    claimed = parse_authorization((("authorization", AUTHORIZATION + "a" * 64),))

    with pytest.raises(ControlError, match="UnrecognizedClientException"):
        verify(REQUEST, claimed, None, EPOCH)
