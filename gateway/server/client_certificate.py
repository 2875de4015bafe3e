"""What OpenSSL says of a verified client certificate → AWS's words. Pure."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.client_tls import ClientCertificate

_SHORT: Final[Mapping[str, str]] = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "userId": "UID",
}
"""RFC 4514, section 3; other names stay as OpenSSL has them."""

_SPECIAL: Final = re.compile(r'[,+"\\<>;]')
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def client_certificate(told: Mapping[str, Any], der: bytes) -> ClientCertificate:
    """Return a certificate from what `getpeercert` told, and from its DER form.

    Raises:
        KeyError: it lacks what every certificate has.
    """
    return ClientCertificate(
        pem=ssl.DER_cert_to_PEM_cert(der),
        subject_dn=distinguished_name(told["subject"]),
        issuer_dn=distinguished_name(told["issuer"]),
        serial_number=_serial_number(told["serialNumber"]),
        not_before=told["notBefore"],
        not_after=told["notAfter"],
    )


def distinguished_name(names: Iterable[Iterable[tuple[str, str]]]) -> str:
    """Return names, most general first, in the text form of RFC 4514, most specific first."""
    relative = [
        "+".join(f"{_SHORT.get(kind, kind)}={_escaped(value)}" for kind, value in each)
        for each in names
    ]
    return ",".join(reversed(relative))


def _escaped(value: str) -> str:
    escaped = _SPECIAL.sub(r"\\\g<0>", value)
    escaped = _CONTROL.sub(lambda found: f"\\{ord(found[0]):02X}", escaped)
    if escaped.startswith((" ", "#")):
        escaped = "\\" + escaped
    if escaped.endswith(" ") and not escaped.endswith("\\ "):
        escaped = f"{escaped[:-1]}\\ "
    return escaped


def _serial_number(text: str) -> str:
    digits = text.lower()
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return ":".join(digits[index : index + 2] for index in range(0, len(digits), 2))
