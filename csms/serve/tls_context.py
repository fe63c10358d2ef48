"""The TLS settings of this server: protocol versions, suites, its certificates, and whose client certificates count.

Files and authorities are looked at again every few seconds, when somebody connects: a renewed certificate needs no
restart. What cannot be read leaves the settings in force that worked before.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

# TLS 1.2: the four suites that the OCPP 1.6 security white paper asks of a central system (A00, TLS profiles), and
# ECDHE with RSA keys, which is better than the plain RSA ones. TLS 1.3 has suites of its own, all of them good.
SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)
LOOK_SECONDS = 5.0
# How long somebody who connects waits for the authorities to be looked up, before the last known ones do.
AUTHORITIES_SECONDS = 3.0

# Returns the certificates, in PEM, of those whose clients may present certificates; raises AuthoritiesUnknown.
Authorities = Callable[[], Awaitable[tuple[str, ...]]]


class BadCertificate(Exception):
    """A certificate or key cannot be used; the text says which and why."""


class AuthoritiesUnknown(Exception):
    """Nobody can tell at the moment whose client certificates count; the text says why."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """One certificate with those behind it, and its key; both may be in one file."""

    chain: str
    key: str | None = None


def server_context(files: tuple[CertificateFiles, ...], authorities: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Return the settings for a server with these certificates, of which each kind of key may have one.

    With authorities, clients are asked for a certificate and may have none; a certificate of anybody else ends the
    TLS handshake.

    Raises:
        BadCertificate: a file cannot be read, or does not fit.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(SUITES))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    for one in files:
        _load(context, one)
    for authority in authorities:
        # One that OpenSSL does not take was checked before it was stored, and must not lock out the others.
        with suppress(ssl.SSLError, ValueError):
            context.load_verify_locations(cadata=authority)
    if authorities:
        context.verify_mode = ssl.CERT_OPTIONAL
        # An authority need not be a root: a CPO may trust one sub-CA of a public one, and not its siblings.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _load(context: ssl.SSLContext, files: CertificateFiles) -> None:
    key = files.key or files.chain
    try:
        context.load_cert_chain(files.chain, key, password=_no_password)
    except FileNotFoundError:
        missing = next(name for name in (files.chain, key) if not Path(name).exists())
        raise BadCertificate(f"there is no file {missing}") from None
    except ssl.SSLError as error:
        what = "the key does not belong to the certificate" if error.reason == "KEY_VALUES_MISMATCH" else error.reason
        raise BadCertificate(f"{files.chain} with {key}: {what or 'not a certificate and a key in PEM'}") from None
    except OSError as error:
        raise BadCertificate(f"{files.chain} with {key}: {error.strerror}") from None
    except ValueError as error:
        raise BadCertificate(f"{key}: {error}") from None


def _no_password() -> str:
    raise ValueError("the key is encrypted; decrypt it, and let only this user read the file")


class TlsContexts:
    """The settings in force; `current` has a look whether they should be others."""

    def __init__(self, files: tuple[CertificateFiles, ...], authorities: Authorities | None = None) -> None:
        """Read the files; raises BadCertificate."""
        self._files = files
        self._ask = authorities
        self._trusted: tuple[str, ...] = ()
        self._seen = self._look_at_files()
        self._context = server_context(files)
        self._looked: float | None = None
        self._looking: asyncio.Task[None] | None = None

    async def current(self) -> ssl.SSLContext:
        """Return the settings for a new connection."""
        if self._looked is None or time.monotonic() - self._looked > LOOK_SECONDS:
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
            await asyncio.shield(self._looking)
        return self._context

    def reload(self) -> None:
        """Have the next connection look at everything again."""
        self._looked = None
        self._seen = None

    async def _look(self) -> None:
        try:
            trusted = await self._authorities()
            seen = self._look_at_files()
            if seen != self._seen or trusted != self._trusted:
                self._rebuild(trusted, seen)
        finally:
            self._looked, self._looking = time.monotonic(), None

    async def _authorities(self) -> tuple[str, ...]:
        if self._ask is None:
            return ()
        try:
            async with asyncio.timeout(AUTHORITIES_SECONDS):
                return await self._ask()
        except (AuthoritiesUnknown, TimeoutError) as error:
            logger.warning("the authorities of client certificates are not known: %r; the last known ones count", error)
            return self._trusted

    def _rebuild(self, trusted: tuple[str, ...], seen: object) -> None:
        try:
            self._context = server_context(self._files, trusted)
        except BadCertificate as error:
            logger.error("TLS: %s; the certificates that were read before stay in force", error)
            return
        self._trusted, self._seen = trusted, seen
        logger.info("TLS: certificates were read; %d authorities of client certificates", len(trusted))

    def _look_at_files(self) -> object:
        return tuple(_stamp(name) for one in self._files for name in (one.chain, one.key or one.chain))


def _stamp(name: str) -> tuple[int, int, int] | None:
    try:
        stat = Path(name).stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
