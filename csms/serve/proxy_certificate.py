"""The client certificate of a connection whose TLS ended at a proxy.

Only a proxy in `TRUSTED_PROXIES` is believed, and only in the header that is set for it: a proxy that does not know of
this would hand through whatever a client writes there.
"""

from __future__ import annotations

import base64
import binascii
import logging
import ssl
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from csms.serve.tls_scope import client_certificate
from csms.serve.trusted_proxies import TrustedProxies
from csms.serve.websocket import Application

logger = logging.getLogger(__name__)


class ProxyCertificate:
    """Moves the certificate from its header to where an application looks for it, the TLS extension of ASGI."""

    def __init__(self, application: Application, proxies: Iterable[str], header: str) -> None:
        self._application = application
        self._proxies = TrustedProxies(proxies)
        self._header = header.lower().encode("ascii")

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            self._take(scope)
        await self._application(scope, receive, send)

    def _take(self, scope: dict[str, Any]) -> None:
        values = [value for name, value in scope["headers"] if name == self._header]
        client = scope.get("client")
        address = client[0] if client else ""
        if address not in self._proxies:
            if values:
                logger.info("a client certificate in a header from %s, which is no trusted proxy: ignored", address)
            return
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != self._header]
        # What the proxy itself has shown us is not its client's.
        scope["extensions"]["tls"] = client_certificate(self._chain(values, address))

    def _chain(self, values: list[bytes], proxy: str) -> list[str]:
        joined = b",".join(values)  # as Daphne does by itself
        if b"," in joined:
            logger.warning("the proxy %s adds to the client certificate of others instead of replacing it", proxy)
            return []
        return [certificate_in(joined.decode("latin-1"))] if joined.strip() else []


def certificate_in(value: str) -> str:
    """Return the PEM in a header: percent-encoded PEM (nginx and others), or as RFC 9440 writes it (`:<base64>:`)."""
    value = value.strip()
    if value.startswith(":"):
        try:
            return ssl.DER_cert_to_PEM_cert(base64.b64decode(value.strip(":"), validate=True))
        except binascii.Error:
            return value  # not a certificate, as whoever reads it will say
    return unquote(value)
