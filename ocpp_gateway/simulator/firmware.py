"""Firmware updates of a simulated station: the reports of one, and a new version after the boot (OCPP 1.6 §5.19)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from cryptography import x509

from ocpp_gateway.simulator.clock import Clock
from ocpp_gateway.simulator.wire import Payload, Reply

# Between two reports (s).
STEP = 8.0
_PLAIN = ("Downloading", "Downloaded", "Installing")
_SIGNED = ("Downloading", "Downloaded", "SignatureVerified", "Installing")

Call = Callable[[str, Payload], Awaitable[Payload]]


class Firmware:
    """Plays an update from the download to the boot. A location with `fail` in it cannot be downloaded."""

    def __init__(self, version: str, call: Call, clock: Clock, reboot: Callable[[str], Awaitable[None]]) -> None:
        self._version = version
        self._call = call
        self._clock = clock
        self._reboot = reboot
        self._status = "Idle"
        self._request: int | None = None

    def update(self, payload: Payload) -> Reply:
        """Answer UpdateFirmware, which has no way to say no."""
        busy = self._status != "Idle"

        async def play() -> None:
            if not busy:
                await self._play(payload["location"], payload["retrieveDate"], _PLAIN, None)

        return Reply({}, play)

    def update_signed(self, payload: Payload) -> Reply:
        """Answer SignedUpdateFirmware; the certificate must be one, the signature is taken on trust."""
        firmware = payload["firmware"]
        try:
            x509.load_pem_x509_certificate(firmware["signingCertificate"].encode())
        except ValueError:
            return Reply({"status": "InvalidCertificate"})
        if self._status != "Idle":
            return Reply({"status": "Rejected"})

        async def play() -> None:
            await self._play(firmware["location"], firmware["retrieveDateTime"], _SIGNED, payload["requestId"])

        return Reply({"status": "Accepted"}, play)

    async def report(self) -> None:
        """Tell how far the update has come, because the central system has asked."""
        await self._send(self._status)

    async def _play(self, location: str, retrieve: str, steps: tuple[str, ...], request: int | None) -> None:
        self._request = request
        wait = (datetime.fromisoformat(retrieve) - self._clock.now()).total_seconds()
        self._status = "Downloading"  # from now on it is busy
        try:
            await self._clock.sleep(max(wait, 0.0))
            for status in steps:
                if status == "Downloaded" and "fail" in location:
                    await self._tell("DownloadFailed")
                    return
                await self._tell(status)
                await self._clock.sleep(STEP)
            self._version = _next(self._version)
            await self._reboot(self._version)
            await self._tell("Installed")
        finally:
            self._status, self._request = "Idle", None

    async def _tell(self, status: str) -> None:
        self._status = status
        await self._send(status)

    async def _send(self, status: str) -> None:
        if self._request is None:
            await self._call("FirmwareStatusNotification", {"status": status})
        else:
            await self._call("SignedFirmwareStatusNotification", {"status": status, "requestId": self._request})


def _next(version: str) -> str:
    """Return the version after this one: its last number is one higher."""
    head, dot, last = version.rpartition(".")
    return f"{head}{dot}{int(last) + 1}" if last.isdecimal() else f"{version}.1"
