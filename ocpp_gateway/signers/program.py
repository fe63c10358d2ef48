"""A program as the signer (CERTIFICATE_SIGNER_COMMAND): the request on its standard input, the chain on its output."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings

from chargepoints.certificates import NoSigner

_MOST_SHOWN = 200  # characters of what it complains of


async def run_program(tenant: str, station: str, request: x509.CertificateSigningRequest) -> str:
    """Return what the program prints: the certificate and those behind it, in PEM.

    It finds tenant and station in CSMS_TENANT and CSMS_STATION. A thread waits for it, because the event loop's own
    child processes would depend on which server runs it.

    Raises:
        NoSigner: it cannot be started, takes too long, or ends with another code than 0; the text has its last line.
    """
    return await asyncio.to_thread(_run, tenant, station, request.public_bytes(Encoding.PEM))


def _run(tenant: str, station: str, request: bytes) -> str:
    seconds: float = settings.CERTIFICATE_SIGNER_TIMEOUT
    environment = _environment() | {"CSMS_TENANT": tenant, "CSMS_STATION": station}
    try:
        program = subprocess.Popen(
            shlex.split(settings.CERTIFICATE_SIGNER_COMMAND),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # so that what it starts can be ended with it
        )
    except (OSError, ValueError) as error:
        raise NoSigner(f"CERTIFICATE_SIGNER_COMMAND cannot be started: {error}") from None
    try:
        output, complaints = program.communicate(request, timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGKILL)
        program.communicate()
        raise NoSigner(f"CERTIFICATE_SIGNER_COMMAND took longer than {seconds:g} s") from None
    if program.returncode != 0:
        raise NoSigner(f"CERTIFICATE_SIGNER_COMMAND ended with {program.returncode}: {_last_line(complaints)}")
    return output.decode("ascii", "replace")


def _environment() -> dict[str, str]:
    """Return our environment without our secrets, which are none of its business."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return {name: value for name, value in os.environ.items() if name in kept or name.startswith("SIGNER_")}


def _last_line(complaints: bytes) -> str:
    lines = complaints.decode("utf-8", "replace").split("\n")
    told = [line.strip() for line in lines if line.strip()]
    return told[-1][:_MOST_SHOWN] if told else "it does not say why"
