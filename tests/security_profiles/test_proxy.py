"""Behind a proxy: its word on the client's certificate counts, and nobody else's. With the nginx of `deploy/`."""

from __future__ import annotations

import base64
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from websockets.asyncio.client import connect

from tests.certificates import Certificate, authority, client_context, for_server, issued
from tests.people import Installed
from tests.security_profiles.conftest import Cpo
from tests.security_profiles.nginx import ADDRESS, Nginx, nginx_program
from tests.security_profiles.secure_gateway import SecureGateway, options_of, refusal
from tests.serving import ROOT
from tests.station import Station, basic
from tests.upgrade import HttpAnswer, upgrade


def as_rfc_9440(certificate: Certificate) -> str:
    return f":{base64.b64encode(certificate.x509.public_bytes(serialization.Encoding.DER)).decode()}:"


async def forwarded(
    gateway: SecureGateway, charger: Installed, certificate: str | None, *more: str, source: str | None = ADDRESS
) -> HttpAnswer:
    """Return the answer to what a proxy, or somebody who plays one, hands on."""
    headers = ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https", *more]
    if certificate is not None:
        headers.append(f"X-Client-Cert: {certificate}")
    return await upgrade(gateway.port, charger.path, more=tuple(headers), source=source)


@pytest.mark.parametrize("write", [lambda one: quote(one.pem), as_rfc_9440], ids=["percent-encoded", "RFC 9440"])
async def test_the_word_of_a_trusted_proxy_counts(
    gateway: SecureGateway, charger: Installed, petra: Cpo, write: object
) -> None:
    assert callable(write)
    certificate = petra.certificate(charger.identity)
    assert (await forwarded(gateway, charger, write(certificate))).status == 101


async def test_nobody_elses_does(gateway: SecureGateway, charger: Installed, petra: Cpo) -> None:
    """A certificate is public: whoever has seen one could write it into a header."""
    certificate = quote(petra.certificate(charger.identity).pem)
    assert (await forwarded(gateway, charger, certificate, source=None)).status == 401
    key = f"Authorization: {basic(charger.identity, charger.key)}"
    answer = await forwarded(gateway, charger, certificate, key, source=None)
    assert (answer.status, "came with 1" in answer.body) == (403, True), "nor is its word on TLS believed"


async def test_a_header_over_our_own_tls_is_ignored(gateway: SecureGateway, charger: Installed, petra: Cpo) -> None:
    options = options_of(charger, None)
    options["additional_headers"]["X-Client-Cert"] = quote(petra.certificate(charger.identity).pem)
    context = gateway.context()
    assert (await refusal(_open(f"{gateway.tls_url}{charger.path}", charger, ssl=context, **options)))[0] == 401
    assert "which is no trusted proxy: ignored" in str(gateway.new_log())


async def _open(url: str, charger: Installed, **options: Any) -> Station:
    return Station(charger.identity, await connect(url, **options))


async def test_the_certificate_of_a_forwarded_request_is_looked_at_all_the_same(
    gateway: SecureGateway, charger: Installed, petra: Cpo, quirin: Cpo
) -> None:
    stranger = issued(authority("CA of a stranger"), charger.identity, organization=petra.organization)
    for bad in (quirin.certificate(charger.identity), petra.certificate("another"), petra.revoked, stranger):
        assert (await forwarded(gateway, charger, quote(bad.pem))).status == 401


@pytest.mark.parametrize("value", ["", "rubbish", ":rubbish:", ":AAAA:", "%00", "-----BEGIN CERTIFICATE-----"])
async def test_rubbish_in_the_header_opens_nothing(gateway: SecureGateway, charger: Installed, value: str) -> None:
    assert (await forwarded(gateway, charger, value)).status == 401


async def test_a_header_that_comes_twice_opens_nothing(gateway: SecureGateway, charger: Installed, petra: Cpo) -> None:
    """A proxy that adds instead of replacing."""
    certificate = quote(petra.certificate(charger.identity).pem)
    assert (await forwarded(gateway, charger, certificate, f"X-Client-Cert: {certificate}")).status == 401


async def test_without_tls_at_the_proxy_a_certificate_proves_nothing(
    gateway: SecureGateway, charger: Installed, petra: Cpo
) -> None:
    certificate = quote(petra.certificate(charger.identity).pem)
    headers = ("X-Forwarded-Proto: http", f"X-Client-Cert: {certificate}")
    assert (await upgrade(gateway.port, charger.path, more=headers, source=ADDRESS)).status == 401


# -- The nginx of deploy/ ------------------------------------------------------------------------


class Front:
    """nginx in front of a gateway."""

    def __init__(self, gateway: SecureGateway, directory: Path) -> None:
        self.root = authority("CA of this proxy")
        self.directory = directory
        pairs = [for_server(self.root, kind).write(directory, kind) for kind in ("rsa", "ecdsa")]
        self.nginx = Nginx("csms-tls.conf", gateway.port, directory / "nginx", pairs)

    def context(self, certificate: Certificate | None = None) -> ssl.SSLContext:
        return client_context(self.root, certificate, self.directory)

    async def station(
        self, charger: Installed, certificate: Certificate | None = None, *, key: str | None = None, forged: str = ""
    ) -> Station:
        """Connect as a station does; `forged` is what it writes of its certificate itself."""
        options = options_of(charger, key)
        if forged:
            options["additional_headers"]["X-Client-Cert"] = forged
        url = f"wss://127.0.0.1:{self.nginx.port}{charger.path}"
        return Station(charger.identity, await connect(url, ssl=self.context(certificate), **options))


@pytest.fixture
def front(gateway: SecureGateway, tmp_path: Path) -> Iterator[Front]:
    front = Front(gateway, tmp_path)
    try:
        front.nginx.start()
        yield front
    finally:
        front.nginx.stop()


async def test_a_real_station_through_nginx(front: Front, petra: Cpo, quirin: Cpo, charger: Installed) -> None:
    mine = petra.certificate(charger.identity)
    station = await front.station(charger, mine)
    await station.assert_replied("Heartbeat")
    await station.drop()
    assert petra.operator.charge_point(charger.identity)["known_addresses"] == ["127.0.0.1"]
    strangers = issued(authority("CA of a stranger"), charger.identity, organization=petra.organization)
    for bad in (quirin.certificate(charger.identity), strangers, petra.revoked, None):
        assert (await refusal(front.station(charger, bad)))[0] == 401
        assert (await refusal(front.station(charger, bad, forged=quote(mine.pem))))[0] == 401, "forged"
    assert (await refusal(front.station(charger, None, key=charger.key)))[0] == 403


async def test_profile_2_through_nginx(front: Front, petra: Cpo) -> None:
    charger = petra.operator.installs(security_profile=2)
    station = await front.station(charger, key=charger.key)
    await station.assert_replied("Heartbeat")
    await station.drop()


@pytest.mark.parametrize("version, works", [("tls1", False), ("tls1_1", False), ("tls1_2", True), ("tls1_3", True)])
def test_old_versions_are_refused_by_nginx(front: Front, version: str, works: bool) -> None:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{front.nginx.port}", f"-{version}"]
    cipher = [] if works else ["-cipher", "ALL:@SECLEVEL=0"]
    done = subprocess.run([*command, *cipher], check=False, input="", capture_output=True, text=True, timeout=15)
    assert ("Cipher is (NONE)" not in done.stdout and "Cipher is " in done.stdout) is works


async def test_the_plain_proxy_of_docker_lets_nobody_forge_anything(
    gateway: SecureGateway, petra: Cpo, charger: Installed, tmp_path: Path
) -> None:
    """It is trusted, too: so what a client says of its address, its TLS and its certificate must end there."""
    pairs = [for_server(authority(), kind).write(tmp_path, kind) for kind in ("rsa", "ecdsa")]
    nginx = Nginx("csms.conf", gateway.port, tmp_path / "plain", pairs)
    nginx.start()
    try:
        easy = petra.operator.installs()
        key = f"Authorization: {basic(easy.identity, easy.key)}"
        forged = ("X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https")
        assert (await upgrade(nginx.port, easy.path, more=(key, *forged))).status == 101
        assert petra.operator.charge_point(easy.identity)["known_addresses"] == ["127.0.0.1"]
        certificate = quote(petra.certificate(charger.identity).pem)
        answer = await upgrade(nginx.port, charger.path, more=(*forged, f"X-Client-Cert: {certificate}"))
        assert answer.status == 401
    finally:
        nginx.stop()


@pytest.mark.parametrize("path", sorted((ROOT / "deploy" / "nginx").glob("*.conf")), ids=lambda path: path.name)
def test_nginx_accepts_what_is_in_deploy(path: Path, tmp_path: Path) -> None:
    pairs = [for_server(authority(), kind).write(tmp_path, kind) for kind in ("rsa", "ecdsa")]
    nginx = Nginx(path.name, 1, tmp_path / "nginx", pairs)
    command = [nginx_program(), "-t", "-p", str(nginx.directory), "-c", str(nginx.directory / "nginx.conf")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=15)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr.replace('the "user" directive', "")
