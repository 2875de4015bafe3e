"""Whether a CA bundle can be used: looked at before a gateway starts, not when a backend is met."""

from __future__ import annotations

import ssl
from pathlib import Path


def problem_of_bundle(path: Path) -> str:
    """Return what is wrong with a PEM file of authorities; empty: nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=str(path))
    except ssl.SSLError:
        return f"{path} holds no certificates; write those of the authorities, as PEM"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror or error}"
    if not context.cert_store_stats()["x509_ca"]:
        return f"{path} holds no authority's certificate; write those that sign your backends'"
    return ""
