"""Both servers with TLS, our own CA, and two operators who have an authority each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chargepoints.certificates import create_ca
from csms.serve.start import SERVERS
from tests.certificates import Certificate, authority, issued, revocation_list
from tests.gateway.conftest import mqtt
from tests.operators import global_database
from tests.people import Installed, Operator
from tests.security_profiles.secure_gateway import Knocker, SecureGateway
from tests.serving import publisher

__all__ = ["global_database", "mqtt"]  # fixtures from elsewhere


class Cpo:
    """An operator whose stations have certificates, and who has revoked one."""

    def __init__(self, name: str) -> None:
        self.authority = authority(f"Stations of {name}")
        self.organization = f"{name.title()} Charging"
        self.revoked = issued(self.authority, f"revoked-{name}", organization=self.organization)
        self.operator = Operator.founding(
            name,
            organization=self.organization,
            station_authorities=self.authority.pem,
            station_revocation_lists=revocation_list(self.authority, self.revoked),
        )

    def certificate(self, common_name: str, **options: object) -> Certificate:
        """Return a certificate for one of its stations."""
        return issued(self.authority, common_name, **{"organization": self.organization, **options})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where our own CA is."""
    directory: Path = tmp_path_factory.mktemp("our-ca")
    create_ca(directory, "CA of the tests", datetime.now(UTC))
    return directory


@pytest.fixture(scope="session")
def cpos(global_database: None) -> dict[str, Cpo]:
    """Before any server runs, which would look at them half made."""
    return {name: Cpo(name) for name in ("petra", "quirin", "rita", *(f"sara-{server}" for server in SERVERS))}


@pytest.fixture(scope="package")
def secure_gateways(
    tmp_path_factory: pytest.TempPathFactory, cpos: dict[str, Cpo], ca: Path
) -> Iterator[dict[str, SecureGateway]]:
    """Both servers, with a publisher behind them."""
    directory: Path = tmp_path_factory.mktemp("secure")
    settings = {
        "CA_DIRECTORY": str(ca),
        "TRUSTED_PROXIES": "127.0.0.2",
        "CLIENT_CERTIFICATE_HEADER": "X-Client-Cert",
    }
    gateways = {server: SecureGateway(server, directory, settings) for server in SERVERS}
    events = publisher(directory)
    try:
        events.start()
        for gateway in gateways.values():
            gateway.launch()
        for gateway in gateways.values():
            gateway.wait_ready()
        yield gateways
    finally:
        for gateway in gateways.values():
            gateway.process.ask_to_stop()
        events.ask_to_stop()
        for gateway in gateways.values():
            gateway.stop()
        events.stop()


@pytest.fixture(params=SERVERS)
def gateway(request: pytest.FixtureRequest, secure_gateways: dict[str, SecureGateway]) -> Iterator[SecureGateway]:
    """Each server; it must have nothing to complain of itself."""
    running = secure_gateways[request.param]
    running.new_log()
    yield running
    assert not [entry for entry in running.new_log() if entry.get("level") == "error" or "Traceback" in str(entry)]


@pytest.fixture
def knocker(gateway: SecureGateway) -> Knocker:
    return Knocker(gateway)


@pytest.fixture
def petra(cpos: dict[str, Cpo]) -> Cpo:
    cpos["petra"].operator.still_here()
    return cpos["petra"]


@pytest.fixture
def quirin(cpos: dict[str, Cpo]) -> Cpo:
    """Another operator, whose stations are none of Petra's."""
    cpos["quirin"].operator.still_here()
    return cpos["quirin"]


@pytest.fixture
def charger(petra: Cpo) -> Installed:
    """A station of Petra's that must come with a certificate."""
    return petra.operator.installs(security_profile=3)
