"""TLS contexts towards backends: whom to trust, and what to show. One set for each worker.

The rules: issuer, name and dates of a backend's certificate are checked, the issuer against the
system's authorities or `backends.ca_bundle`; only `insecureSkipVerification` spares the issuer. A
context belongs to one client certificate, so that no connection can show another's.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gateway.definitions.client_certificate import ClientCertificate
from gateway.messages import Origin
from gateway.server.backend_failures import CannotConnectError, Failure

_KEPT: Final = 1024
"""Contexts remembered; the one that was made first makes room."""


class TlsContexts:
    """Makes contexts and remembers them: loading the system's authorities takes some 20 ms."""

    def __init__(self, ca_bundle: Path | None) -> None:
        self._ca_bundle = ca_bundle
        self._verified: dict[str, ssl.SSLContext] = {}
        """By the client certificate's digest; empty: none."""
        self._pinned: dict[str, ssl.SSLContext] = {}
        """By origin: contexts that trust the certificate which the backend showed last."""

    def __repr__(self) -> str:
        return f"<TlsContexts {len(self._verified)} verified, {len(self._pinned)} pinned>"

    async def verified(self, origin: Origin) -> ssl.SSLContext:
        """Return a context that checks everything.

        Raises:
            CannotConnectError: the client certificate, or the bundle, cannot be used.
        """
        shown = origin.client_certificate
        digest = "" if shown is None else shown.digest
        context = self._verified.get(digest)
        if context is None:
            # In a thread: the loop has requests to answer.
            context = await asyncio.to_thread(_made, lambda: verifying(self._ca_bundle), shown)
            _keep(self._verified, digest, context)
        return context

    async def unchecked(self, origin: Origin) -> ssl.SSLContext:
        """Return a context that looks at a certificate and trusts nothing: never for a request."""
        return await asyncio.to_thread(_made, _trusting_nobody, origin.client_certificate)

    def pinned(self, origin: Origin) -> ssl.SSLContext | None:
        """Return the context that trusts what the backend showed last; None: it showed nothing."""
        return self._pinned.get(origin.key)

    async def pin(self, origin: Origin, certificate: bytes) -> ssl.SSLContext:
        """Make and remember a context that trusts one certificate (DER), if name and dates fit."""
        context = await asyncio.to_thread(
            _made, lambda: _trusting(certificate), origin.client_certificate
        )
        _keep(self._pinned, origin.key, context)
        return context


def verifying(ca_bundle: Path | None) -> ssl.SSLContext:
    """Return a context that trusts the authorities of a PEM file; None: the system's.

    Raises:
        OSError: the file cannot be read, or (ssl.SSLError) holds no certificate.
    """
    return ssl.create_default_context(cafile=None if ca_bundle is None else str(ca_bundle))


def show(context: ssl.SSLContext, certificate: ClientCertificate) -> None:
    """Have a context show a certificate to backends that ask.

    Raises:
        OSError: (ssl.SSLError) certificate and key are broken, or do not belong together.
    """
    # Python loads keys from files only. This one is in memory, without a name, and gone at once.
    descriptor = os.memfd_create("client certificate", os.MFD_CLOEXEC)
    try:
        content = f"{certificate.certificate}\n{certificate.private_key}\n".encode()
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        # A password that is never right: OpenSSL would ask the terminal for one.
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=b"")
    finally:
        os.close(descriptor)


def _made(
    make: Callable[[], ssl.SSLContext], certificate: ClientCertificate | None
) -> ssl.SSLContext:
    try:
        context = make()
    except OSError as error:
        text = f"backends.ca_bundle cannot be used: {error}"
        raise CannotConnectError(text, Failure.TLS_FAILED) from error
    context.set_alpn_protocols(["http/1.1"])
    if certificate is not None:
        try:
            show(context, certificate)
        except (OSError, ValueError) as error:
            name = certificate.client_certificate_id
            text = f"the client certificate {name} cannot be used: {error}"
            raise CannotConnectError(text, Failure.CLIENT_CERTIFICATE_UNUSABLE) from error
    return context


def _trusting_nobody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _trusting(certificate: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags = ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_TRUSTED_FIRST
    context.load_verify_locations(cadata=certificate)
    return context


def _keep(contexts: dict[str, ssl.SSLContext], key: str, context: ssl.SSLContext) -> None:
    if len(contexts) >= _KEPT:
        del contexts[next(iter(contexts))]
    contexts[key] = context
