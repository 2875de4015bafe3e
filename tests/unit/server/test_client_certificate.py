"""Facts about client certificates in words."""

from __future__ import annotations

import ssl

import pytest

from gateway.server.client_certificate import client_certificate, distinguished_name
from tests.certificates import Authority

TOLD = {
    "subject": ((("countryName", "DE"),), (("organizationName", "A, B"),), (("commonName", "x"),)),
    "issuer": ((("domainComponent", "example"), ("userId", "7")),),
    "serialNumber": "A1B",
    "notBefore": "May 28 12:30:02 2019 GMT",
    "notAfter": "Aug  5 09:36:04 2021 GMT",
}


def test_a_certificate_is_told_as_aws_tells_it() -> None:
    der = Authority().client("x").der

    told = client_certificate(TOLD, der)

    assert ssl.PEM_cert_to_DER_cert(told.pem) == der
    assert told.subject_dn == r"CN=x,O=A\, B,C=DE"
    assert told.issuer_dn == "DC=example+UID=7"
    assert told.serial_number == "0a:1b"
    assert (told.not_before, told.not_after) == (TOLD["notBefore"], TOLD["notAfter"])


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (" a ", r"\ a\ "),
        ("#1", r"\#1"),
        ('a,b+c"d\\e<f>g;h', r"a\,b\+c\"d\\e\<f\>g\;h"),
        ("a\nb\0", r"a\0Ab\00"),
        ("Jürgen", "Jürgen"),
    ],
)
def test_values_cannot_pass_for_more_than_one_name(value: str, written: str) -> None:
    assert distinguished_name(((("commonName", value),),)) == f"CN={written}"


def test_other_kinds_of_names_stay() -> None:
    assert distinguished_name(((("emailAddress", "a@b"),),)) == "emailAddress=a@b"
    assert distinguished_name(()) == ""


def test_a_certificate_that_lacks_something_is_none() -> None:
    with pytest.raises(KeyError):
        client_certificate({"subject": ()}, b"")
