"""Signers beside our own CA: a program, an HTTP service, a function; what they refuse is visible to the operator."""

from __future__ import annotations

import asyncio
import http.server
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from chargepoints.certificates import NoSigner, read_request
from chargepoints.station import Station
from ocpp_gateway.signing import chain_for
from tenants.directory import TenantRecord
from tests.signing_requests import Key, new_key, signing_request

STATION = "acme_CP001"


@pytest.fixture
def station() -> Station:
    tenant = TenantRecord("acme", "acme", True, 0, True, "ocpp", False, 1, 300)
    return Station(tenant, STATION, 1, "1.6", "accepted", True)


@pytest.fixture(autouse=True)
def _no_signer(settings: Any) -> None:
    settings.CA_DIRECTORY = settings.CERTIFICATE_SIGNER = settings.CERTIFICATE_SIGNER_COMMAND = ""
    settings.CERTIFICATE_SIGNER_URL = settings.CERTIFICATE_SIGNER_TOKEN = ""
    settings.CERTIFICATE_SIGNER_TIMEOUT = 5.0


def request() -> x509.CertificateSigningRequest:
    return read_request(signing_request(STATION), frozenset({STATION}))


def certificate(for_request: x509.CertificateSigningRequest, *, key: Key | None = None, days: int = 30) -> str:
    """Return a certificate as a PKI would give it, for the request's key or for another."""
    issuer, now = new_key(), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "PKI")])
    made = (
        x509.CertificateBuilder()
        .subject_name(for_request.subject)
        .issuer_name(name)
        .public_key(key.public_key() if key else for_request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=40))
        .not_valid_after(now + timedelta(days=days))
        .sign(issuer, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode("ascii")


async def refusal(station: Station) -> str:
    """Return why nobody signs, as the operator reads it."""
    with pytest.raises(NoSigner) as refused:
        await chain_for(station, request())
    return str(refused.value)


async def test_nobody_signs(station: Station) -> None:
    assert "CERTIFICATE_SIGNER_COMMAND" in await refusal(station)


# -- A program ---------------------------------------------------------------------------------------


def program(tmp_path: Path, text: str) -> str:
    """Return the command that runs a script."""
    path = tmp_path / "sign.py"
    path.write_text(text, encoding="utf-8")
    return f"{sys.executable} '{path}' --profile 'ocpp stations'"


async def test_a_program_signs(station: Station, settings: Any, tmp_path: Path) -> None:
    asked = request()
    (tmp_path / "chain.pem").write_text("Certificate of the station:\n" + certificate(asked), encoding="ascii")
    settings.CERTIFICATE_SIGNER_COMMAND = program(
        tmp_path,
        f"""
import os, pathlib, sys
told = [sys.stdin.read(), os.environ["CSMS_TENANT"], os.environ["CSMS_STATION"], *sys.argv[1:]]
told += [name for name in os.environ if "SECRET" in name or name == "MONGODB_URI"]
pathlib.Path({str(tmp_path)!r}, "told").write_text("|".join(told))
print(pathlib.Path({str(tmp_path)!r}, "chain.pem").read_text())
""",
    )
    chain = await chain_for(station, asked)
    assert chain.startswith("-----BEGIN CERTIFICATE-----"), "what a program says around it is left out"
    assert x509.load_pem_x509_certificate(chain.encode()).public_key() == asked.public_key()
    told = (tmp_path / "told").read_text().split("|")
    assert told == [asked.public_bytes(Encoding.PEM).decode(), "acme", STATION, "--profile", "ocpp stations"]


async def test_a_program_refuses(station: Station, settings: Any, tmp_path: Path) -> None:
    text = "import sys; sys.stderr.write('looking up\\nthe station is not in our inventory\\n'); sys.exit(3)"
    settings.CERTIFICATE_SIGNER_COMMAND = program(tmp_path, text)
    assert await refusal(station) == "CERTIFICATE_SIGNER_COMMAND ended with 3: the station is not in our inventory"


async def test_a_program_that_takes_too_long_is_ended_with_what_it_has_started(
    station: Station, settings: Any, tmp_path: Path
) -> None:
    settings.CERTIFICATE_SIGNER_TIMEOUT = 1.0
    child = tmp_path / "child"
    settings.CERTIFICATE_SIGNER_COMMAND = program(
        tmp_path,
        f"""
import pathlib, subprocess, time
sleeper = subprocess.Popen(["sleep", "600"])
pathlib.Path({str(child)!r}).write_text(str(sleeper.pid))
time.sleep(600)
""",
    )
    assert await refusal(station) == "CERTIFICATE_SIGNER_COMMAND took longer than 1 s"
    assert _gone(int(child.read_text()))


def _gone(pid: int) -> bool:
    """Return whether a process has ended; a killed one may wait to be buried."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
    return False


async def test_a_program_that_is_not_there(station: Station, settings: Any) -> None:
    settings.CERTIFICATE_SIGNER_COMMAND = "/nowhere/sign --now"
    assert "CERTIFICATE_SIGNER_COMMAND cannot be started" in await refusal(station)


@pytest.mark.parametrize(
    "what, reason",
    [("nothing", "no certificate in PEM"), ("another key", "for another key"), ("an old one", "that ended at")],
)
async def test_what_a_program_gives_is_looked_at(
    station: Station, settings: Any, tmp_path: Path, what: str, reason: str
) -> None:
    asked = request()
    given = {
        "nothing": "signed!",
        "another key": certificate(asked, key=new_key()),
        "an old one": certificate(asked, days=-1),
    }[what]
    settings.CERTIFICATE_SIGNER_COMMAND = program(tmp_path, f"print({given!r})")
    with pytest.raises(NoSigner, match=reason):
        await chain_for(station, asked)


# -- An HTTP service ---------------------------------------------------------------------------------

Serve = Callable[[http.server.BaseHTTPRequestHandler, bytes], None]


@pytest.fixture
def service(settings: Any) -> Iterator[Callable[[Serve], None]]:
    """`service(answer)` starts one, which the settings then name."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(answer: Serve) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *said: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.CERTIFICATE_SIGNER_URL = f"http://127.0.0.1:{server.server_port}/sign"
        settings.CERTIFICATE_SIGNER_TOKEN = "a-token"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def reply(handler: http.server.BaseHTTPRequestHandler, status: int, text: str, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(text)))
    handler.end_headers()
    handler.wfile.write(text.encode())


async def test_a_service_signs(station: Station, service: Callable[[Serve], None]) -> None:
    asked = request()
    seen: dict[str, str] = {}

    def answer(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        seen.update(dict(handler.headers), body=body.decode(), path=handler.path)
        reply(handler, 201, certificate(x509.load_pem_x509_csr(body)))

    service(answer)
    chain = await chain_for(station, asked)
    assert x509.load_pem_x509_certificate(chain.encode()).public_key() == asked.public_key()
    assert seen["body"] == asked.public_bytes(Encoding.PEM).decode()
    assert (seen["path"], seen["Authorization"]) == ("/sign", "Bearer a-token")
    assert seen["Content-Type"] == "application/pkcs10"
    assert {name.lower(): value for name, value in seen.items()}["x-csms-station"] == STATION


async def test_a_service_refuses(station: Station, service: Callable[[Serve], None]) -> None:
    service(lambda handler, body: reply(handler, 403, "not in our inventory\nrequest 77"))
    assert await refusal(station) == "CERTIFICATE_SIGNER_URL answered 403: not in our inventory"


async def test_the_token_is_carried_nowhere_else(station: Station, service: Callable[[Serve], None]) -> None:
    asked: list[str] = []

    def answer(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        asked.append(handler.path)
        reply(handler, 302, "", Location="/elsewhere")

    service(answer)
    assert "answered 302" in await refusal(station)
    assert asked == ["/sign"]


async def test_a_service_that_is_silent(station: Station, settings: Any, service: Callable[[Serve], None]) -> None:
    over = threading.Event()
    service(lambda handler, body: reply(handler, 200, str(over.wait(20))))
    settings.CERTIFICATE_SIGNER_TIMEOUT = 0.5
    try:
        assert await refusal(station) == "CERTIFICATE_SIGNER_URL took longer than 0.5 s"
    finally:
        over.set()


async def test_a_service_that_never_comes_to_an_end(station: Station, service: Callable[[Serve], None]) -> None:
    service(lambda handler, body: reply(handler, 200, "x" * 1_000_000))
    assert "more than 65536 bytes" in await refusal(station)


async def test_a_service_that_is_not_there(station: Station, settings: Any) -> None:
    settings.CERTIFICATE_SIGNER_URL = "http://127.0.0.1:9/sign"
    assert "CERTIFICATE_SIGNER_URL cannot be reached" in await refusal(station)


# -- A function --------------------------------------------------------------------------------------


async def sign(tenant: str, station: str, asked: x509.CertificateSigningRequest) -> str:
    assert (tenant, station) == ("acme", STATION)
    return certificate(asked)


async def fail(tenant: str, station: str, asked: x509.CertificateSigningRequest) -> str:
    raise LookupError("no such profile")


async def wait(tenant: str, station: str, asked: x509.CertificateSigningRequest) -> str:
    await asyncio.Event().wait()
    return ""


async def test_a_function_signs(station: Station, settings: Any) -> None:
    settings.CERTIFICATE_SIGNER = f"{__name__}.sign"
    assert (await chain_for(station, request())).startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize(
    "name, reason",
    [("fail", "the signer failed: no such profile"), ("nothing", "CERTIFICATE_SIGNER="), ("wait", "took longer than")],
)
async def test_a_function_that_does_not(station: Station, settings: Any, name: str, reason: str) -> None:
    settings.CERTIFICATE_SIGNER, settings.CERTIFICATE_SIGNER_TIMEOUT = f"{__name__}.{name}", 0.1
    assert reason in await refusal(station)
