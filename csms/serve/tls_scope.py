"""What an application is told of the TLS under a connection: the TLS extension of ASGI."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

# https://asgi.readthedocs.io/en/latest/specs/tls.html
Extension = dict[str, Any]


def tls_extension(transport: asyncio.BaseTransport) -> Extension | None:
    """Return the extension for a connection, None where it has no TLS."""
    connection = transport.get_extra_info("ssl_object")
    if connection is None:
        return None
    certificate = connection.getpeercert(True)
    return client_certificate([ssl.DER_cert_to_PEM_cert(certificate)] if certificate else [])


def client_certificate(chain: list[str]) -> Extension:
    """Return the extension for a client that has shown a certificate, and proven its key, or none."""
    return {
        "server_cert": None,
        "client_cert_chain": chain,
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": None,
        "cipher_suite": None,
    }
