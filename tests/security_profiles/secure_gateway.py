"""A gateway with TLS of its own, and stations that come to it with or without certificates."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from csms.embedded.ports import any_free
from tests.certificates import Certificate, authority, client_context, for_server
from tests.people import Installed, Operator
from tests.serving import Gateway
from tests.station import DEADLINE, Station, basic


class SecureGateway(Gateway):
    """`manage.py serve` with a plain port and one with TLS."""

    def __init__(self, server: str, directory: Path, environment: Mapping[str, str]) -> None:
        self.root = authority("CA of this server")
        self.tls_port = any_free()
        self.directory = directory
        files = [for_server(self.root, kind).write(directory, f"{server}-{kind}") for kind in ("rsa", "ecdsa")]
        tls = {
            "TLS_PORT": str(self.tls_port),
            "TLS_CERTIFICATES": ",".join(chain for chain, _ in files),
            "TLS_KEYS": ",".join(key for _, key in files),
        }
        super().__init__(server, directory, {**tls, **environment})

    @property
    def tls_url(self) -> str:
        return f"wss://127.0.0.1:{self.tls_port}"

    def context(self, certificate: Certificate | None = None) -> ssl.SSLContext:
        """Return the TLS settings of a station, with its own certificate if it has one."""
        return client_context(self.root, certificate, self.directory)


def options_of(charger: Installed, key: str | None) -> dict[str, Any]:
    """Return how a station opens its socket: with a key, or with none."""
    headers = {} if key is None else {"Authorization": basic(charger.identity, key)}
    return {
        "subprotocols": [Subprotocol("ocpp1.6")],
        "additional_headers": headers,
        "ping_interval": None,
        "open_timeout": DEADLINE,
    }


class Knocker:
    """Knocks at a gateway as a station in every way there is."""

    def __init__(self, gateway: SecureGateway) -> None:
        self.gateway = gateway

    async def plain(self, charger: Installed, key: str | None = None) -> Station:
        """Come without TLS."""
        return await self._open(f"{self.gateway.url}{charger.path}", charger, key or charger.key)

    async def over_tls(
        self, charger: Installed, certificate: Certificate | None = None, *, key: str | None = None
    ) -> Station:
        """Come with TLS, with a certificate, a key, or both."""
        tls = self.gateway.context(certificate)
        return await self._open(f"{self.gateway.tls_url}{charger.path}", charger, key, ssl=tls)

    async def _open(self, url: str, charger: Installed, key: str | None, **options: Any) -> Station:
        socket = await connect(url, **options_of(charger, key), **options)
        return Station(charger.identity, socket)


async def refusal(opening: Any) -> tuple[int, str]:
    """Return status and text with which a station is refused; fails when it is let in."""
    try:
        station = await opening
    except InvalidStatus as refused:
        return refused.response.status_code, (refused.response.body or b"").decode()
    await station.drop()
    raise AssertionError(f"{station.identity} was let in")


def station_authority(operator: Operator) -> Certificate:
    """Return a new authority for the stations of an operator."""
    return authority(f"Stations of {operator.name}")
