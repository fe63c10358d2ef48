"""TLS of our own: versions, suites, both kinds of keys, client certificates, renewal without a restart."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from csms.serve.start import SERVERS
from tests.certificates import Certificate, authority, client_context, for_server, issued
from tests.serve.served import DEADLINE, Raw, Served, Start, eventually, handshake


class Trust:
    """The certificates of one server, on disk, and those who may certify clients."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.root = authority("CA of servers")
        self.clients = authority("CA of clients")
        self.authorities = directory / "authorities"
        self.authorities.mkdir()
        (self.authorities / "clients.pem").write_text(self.clients.pem)
        self.files = [list(for_server(self.root, kind).write(directory, kind)) for kind in ("rsa", "ecdsa")]

    @property
    def options(self) -> dict[str, Any]:
        return {"files": self.files, "authorities": str(self.authorities)}

    def client(self, presenting: Certificate | None = None) -> ssl.SSLContext:
        return client_context(self.root, presenting, self.directory)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return Trust(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", params=SERVERS)
def served(request: pytest.FixtureRequest, trust: Trust) -> Iterator[Served]:
    served = Served(request.param, tls=trust.options)
    yield served
    served.stop()


def secured(served: Served, context: ssl.SSLContext) -> ssl.SSLSocket:
    raw = socket.create_connection(("127.0.0.1", served.tls_port), timeout=DEADLINE)
    return context.wrap_socket(raw, server_hostname="127.0.0.1")


def s_client(served: Served, *options: str) -> str:
    """Return what `openssl s_client` says, which can speak versions and suites that Python refuses to."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{served.tls_port}", *options],
        check=False,
        input="",
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    return done.stdout + done.stderr


def negotiated(output: str) -> tuple[str, str] | None:
    """Return version and suite, None where there was no agreement."""
    found = re.search(r"New, (\S+), Cipher is (\S+)", output)
    return None if found is None or found[2] == "(NONE)" else (found[1], found[2])


# -- Versions and suites -------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_old_versions_are_refused(served: Served, version: str) -> None:
    assert negotiated(s_client(served, f"-{version}", "-cipher", "ALL:@SECLEVEL=0")) is None


@pytest.mark.parametrize(
    "suite",
    [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
    ],
)
def test_each_suite_of_the_white_paper_works_with_both_kinds_of_keys_there(served: Served, suite: str) -> None:
    assert negotiated(s_client(served, "-tls1_2", "-cipher", suite)) == ("TLSv1.2", suite)


@pytest.mark.parametrize(
    "suite",
    [
        "ECDHE-RSA-AES128-SHA",
        "ECDHE-ECDSA-AES256-SHA384",
        "AES128-SHA",
        "AES256-SHA256",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "NULL-SHA256",
        "AECDH-AES128-SHA",
        "PSK-AES128-GCM-SHA256",
    ],
)
def test_other_suites_are_refused(served: Served, suite: str) -> None:
    output = s_client(served, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0")
    assert "no cipher match" not in output, "this openssl cannot even ask for it"
    assert negotiated(output) is None


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"])
def test_tls_1_3_is_spoken(served: Served, suite: str) -> None:
    assert negotiated(s_client(served, "-tls1_3", "-ciphersuites", suite)) == ("TLSv1.3", suite)


@pytest.mark.parametrize("kind, suite", [("rsa", "ECDHE-RSA-AES128-GCM-SHA256"), ("ecdsa", "AES128-GCM-SHA256")])
def test_a_suite_needs_its_kind_of_key(start: Start, trust: Trust, kind: str, suite: str) -> None:
    files = [files for files in trust.files if files[0].endswith(f"{kind}.pem")]
    served = start(tls={"files": files})
    works = negotiated(s_client(served, "-tls1_2", "-cipher", suite)) is not None
    assert works is (kind == "rsa")


# -- What goes over it ---------------------------------------------------------------------------


async def test_a_websocket(served: Served, trust: Trust) -> None:
    async with connect(f"wss://127.0.0.1:{served.tls_port}/echo", ssl=trust.client()) as socket:
        for text in ("a", "b" * 100_000, "c" * 900_000):
            await socket.send(text)
            assert await socket.recv() == text
    await socket.wait_closed()
    assert socket.close_code == 1000


async def test_the_application_knows_of_tls_and_the_certificate(served: Served, trust: Trust) -> None:
    mine = issued(trust.clients, "CP1")
    for certificate, chain in ((None, []), (mine, [mine.pem])):
        async with connect(f"wss://127.0.0.1:{served.tls_port}/scope", ssl=trust.client(certificate)) as socket:
            scope = json.loads(await socket.recv())
        assert scope["scheme"] == "wss"
        assert scope["extensions"]["tls"]["client_cert_chain"] == chain
        assert scope["client"][0] == "127.0.0.1"


async def test_a_resumed_session_still_has_its_certificate(served: Served, trust: Trust) -> None:
    """Nobody gets in without a certificate because somebody with one was there before."""
    mine, context = issued(trust.clients, "CP1"), trust.client()
    context.load_cert_chain(*mine.write(trust.directory, "resumed"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with secured(served, context) as first:
        session = first.session
    raw = socket.create_connection(("127.0.0.1", served.tls_port), timeout=DEADLINE)
    with context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as second:
        second.sendall(handshake("scope"))
        answer = b""
        while b"client_cert_chain" not in answer:
            answer += second.recv(65536)
    assert json.dumps(mine.pem).encode()[1:-1] in answer


def test_without_tls_there_is_no_tls_to_know_of(served: Served) -> None:
    raw = served.raw("scope")
    scope = json.loads(raw.frame()[1])
    assert scope["scheme"] == "ws"
    assert "tls" not in scope["extensions"]


def test_http_goes_on_over_one_connection(served: Served, trust: Trust) -> None:
    import http.client

    connection = http.client.HTTPSConnection("127.0.0.1", served.tls_port, timeout=DEADLINE, context=trust.client())
    for _ in range(2):
        connection.request("GET", "/scope")
        answer = connection.getresponse()
        assert json.load(answer)["scheme"] == "https"
    connection.request("POST", "/size", body=b"x" * 3_000_000)
    assert json.load(connection.getresponse()) == 3_000_000
    connection.close()


async def test_a_broken_frame_gets_its_close_code(served: Served, trust: Trust) -> None:
    async with connect(f"wss://127.0.0.1:{served.tls_port}/echo", ssl=trust.client(), max_size=None) as socket:
        await socket.send("x" * (1024 * 1024 + 1))
        await socket.wait_closed()
    assert socket.close_code == 1009


async def test_a_refusal_arrives(served: Served, trust: Trust) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.tls_port, ssl=trust.client())
    writer.write(handshake("refuse/401"))
    answer = await asyncio.wait_for(reader.read(), DEADLINE)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.endswith(b'{"why":"because"}')
    writer.close()


def test_the_first_request_may_come_with_the_end_of_the_handshake(served: Served, trust: Trust) -> None:
    """Everything a client has to say, in as few segments as it can."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trust.client().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    raw = Raw(served.tls_port)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            raw.send(outgoing.read())
            incoming.write(raw.socket.recv(65536))
    tls.write(handshake("echo"))
    raw.send(outgoing.read())  # Finished and the request together
    answer = b""
    while b"\r\n\r\n" not in answer:
        incoming.write(raw.socket.recv(65536))
        try:
            answer += tls.read(65536)
        except ssl.SSLWantReadError:
            continue
    assert answer.startswith(b"HTTP/1.1 101 ")


def test_plain_http_at_the_secure_port_gets_nothing(served: Served) -> None:
    raw = Raw(served.tls_port)
    raw.send(handshake("echo"))
    assert b"HTTP/1.1" not in raw.rest()
    served.logged(r"TLS refused to 127\.0\.0\.1: http request")


def test_the_plain_port_can_be_closed(start: Start, trust: Trust) -> None:
    served = start(tls={**trust.options, "plain": False})
    assert not any("http://" in line for line in served.log)
    assert negotiated(s_client(served, "-tls1_3")) is not None


def test_an_unfinished_handshake_is_given_up(start: Start, trust: Trust) -> None:
    served = start(tls=trust.options, limits={"request": 0.5})
    raw = Raw(served.tls_port)
    raw.send(b"\x16\x03\x01")
    assert raw.closed_within(DEADLINE)
    served.logged(r"TLS refused to 127\.0\.0\.1")


async def test_handshakes_that_are_never_finished_keep_others_waiting_for_a_moment_only(
    start: Start, trust: Trust
) -> None:
    served = start(tls=trust.options, limits={"request": 1.0}, most_handshakes=2)
    unfinished = [Raw(served.tls_port) for _ in range(6)]
    async with connect(f"wss://127.0.0.1:{served.tls_port}/echo", ssl=trust.client(), open_timeout=DEADLINE) as socket:
        await socket.send("at last")
        assert await socket.recv() == "at last"
    given_up = [line for line in served.log if "TLS refused" in line]
    assert len(given_up) >= 5, "they had their turn first, two at a time"
    assert all(raw.closed_within(DEADLINE) for raw in unfinished)


async def test_sigterm_says_goodbye_over_tls(start: Start, trust: Trust) -> None:
    served = start(tls=trust.options)
    unfinished = Raw(served.tls_port)
    async with connect(f"wss://127.0.0.1:{served.tls_port}/echo", ssl=trust.client()) as socket:
        served.signal()
        await socket.wait_closed()
    assert socket.close_code == 1012
    assert await asyncio.to_thread(served.exit_code) == 0
    assert unfinished.closed_within(DEADLINE)
    assert sum("Traceback" in line for line in served.errors()) == 1, "but for the hook that fails on purpose"


# -- Client certificates -------------------------------------------------------------------------


def refused(served: Served, context: ssl.SSLContext) -> bool:
    """Return whether a client gets no answer: with TLS 1.3 it learns of it when it reads."""
    try:
        with secured(served, context) as tls:
            tls.sendall(handshake("echo"))
            return not tls.recv(100)
    except (ssl.SSLError, ConnectionError):
        return True


def test_a_certificate_of_an_unknown_authority_is_refused(served: Served, trust: Trust) -> None:
    stranger = issued(authority("CA of a stranger"), "CP1")
    assert refused(served, trust.client(stranger))
    served.logged(r"WARNING.* TLS refused to 127\.0\.0\.1: its client certificate .*unable to get local issuer")


def test_an_expired_certificate_is_refused(served: Served, trust: Trust) -> None:
    from datetime import timedelta

    old = issued(trust.clients, "CP1", age=timedelta(days=30), lifetime=-timedelta(days=1))
    assert refused(served, trust.client(old))
    served.logged(r"WARNING.* TLS refused to 127\.0\.0\.1: its client certificate .*expired")


def test_without_authorities_nobody_is_asked(start: Start, trust: Trust) -> None:
    served = start(tls={"files": trust.files})
    assert not refused(served, trust.client(issued(authority("CA of a stranger"), "CP1")))


def test_a_new_authority_counts_without_a_restart(start: Start, trust: Trust, tmp_path: Path) -> None:
    authorities = tmp_path / "authorities"
    authorities.mkdir()
    late = authority("CA that comes late")
    (authorities / "first.pem").write_text(trust.clients.pem)
    served = start(tls={"files": trust.files, "authorities": str(authorities)})
    context = trust.client(issued(late, "CP1"))
    assert refused(served, context)
    (authorities / "late.pem").write_text(late.pem)
    served.signal(signal.SIGHUP)
    assert eventually(lambda: not refused(served, context))
    (authorities / "late.pem").unlink()
    served.signal(signal.SIGHUP)
    assert eventually(lambda: refused(served, context))


# -- Renewal -------------------------------------------------------------------------------------


def presented(served: Served, trust: Trust) -> bytes | None:
    with secured(served, trust.client()) as tls:
        return tls.getpeercert(binary_form=True)


@pytest.mark.parametrize("told", [True, False], ids=["SIGHUP", "by itself"])
async def test_a_renewed_certificate_needs_no_restart(start: Start, trust: Trust, tmp_path: Path, told: bool) -> None:
    files = list(for_server(trust.root).write(tmp_path, "server"))
    served = start(tls={"files": [files]})
    before = presented(served, trust)
    async with connect(f"wss://127.0.0.1:{served.tls_port}/echo", ssl=trust.client()) as socket:
        for_server(trust.root).write(tmp_path, "server")
        if told:
            served.signal(signal.SIGHUP)
        assert await asyncio.to_thread(eventually, lambda: presented(served, trust) != before)
        await socket.send("still here")
        assert await socket.recv() == "still here"


def test_a_bad_renewal_leaves_the_old_certificate_in_force(start: Start, trust: Trust, tmp_path: Path) -> None:
    files = list(for_server(trust.root).write(tmp_path, "server"))
    served = start(tls={"files": [files]})
    before = presented(served, trust)
    Path(files[0]).write_text(for_server(trust.root).pem)  # not the key's
    served.signal(signal.SIGHUP)
    served.logged("SIGHUP")
    assert presented(served, trust) == before
    served.logged(r"ERROR.*does not belong to the certificate.*stay in force")


# -- Cost ----------------------------------------------------------------------------------------


async def test_an_idle_connection_takes_little_memory(start: Start, trust: Trust) -> None:
    """Of its own accord asyncio would take 256 KiB for each."""
    served = start(tls={"files": trust.files})
    url, context, count = f"wss://127.0.0.1:{served.tls_port}/echo", trust.client(), 60
    async with AsyncExitStack() as sockets:
        resident = []
        for _ in range(2):  # the first ones also pay for what is made once
            resident.append((await asyncio.to_thread(served.get, "state"))["resident"])
            for _ in range(count):
                await sockets.enter_async_context(connect(url, ssl=context))
        resident.append((await asyncio.to_thread(served.get, "state"))["resident"])
    assert (resident[2] - resident[1]) / count < 128 * 1024
