"""Diagnostics and logs of a simulated station, really uploaded (OCPP 1.6 §5.9; security white paper, GetLog)."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable

from ocpp_gateway.simulator.clock import Clock
from ocpp_gateway.simulator.meter import timestamp
from ocpp_gateway.simulator.wire import Payload, Reply

_SECONDS = 30.0
_METHOD_NOT_ALLOWED = 405

Call = Callable[[str, Payload], Awaitable[Payload]]


class Uploads:
    """Answers GetDiagnostics and GetLog; what goes on is reported with the message that belongs to each."""

    def __init__(self, identity: str, call: Call, clock: Clock, journal: Callable[[], list[str]]) -> None:
        self._identity = identity
        self._call = call
        self._clock = clock
        self._journal = journal
        self._statuses = {"DiagnosticsStatusNotification": "Idle", "LogStatusNotification": "Idle"}

    def get_diagnostics(self, payload: Payload) -> Reply:
        """Answer GetDiagnostics with the name of the file that is sent then."""
        name = f"{self._identity}-diagnostics.log"

        async def send() -> None:
            words = ("Uploading", "Uploaded", "UploadFailed")
            await self._upload(payload["location"], name, "DiagnosticsStatusNotification", words, {})

        return Reply({"fileName": name}, send)

    def get_log(self, payload: Payload) -> Reply:
        """Answer GetLog with the name of the file that is sent then."""
        kind = "security" if payload["logType"] == "SecurityLog" else "diagnostics"
        name = f"{self._identity}-{kind}.log"

        async def send() -> None:
            words = ("Uploading", "Uploaded", "UploadFailure")
            more = {"requestId": payload["requestId"]}
            await self._upload(payload["log"]["remoteLocation"], name, "LogStatusNotification", words, more)

        return Reply({"status": "Accepted", "filename": name}, send)

    async def report(self, action: str) -> None:
        """Tell how far the upload has come, because the central system has asked."""
        await self._call(action, {"status": self._statuses[action]})

    async def _upload(self, location: str, name: str, action: str, words: tuple[str, str, str], more: Payload) -> None:
        uploading, uploaded, failed = words
        await self._tell(action, uploading, more)
        done = await asyncio.to_thread(_send, f"{location.rstrip('/')}/{name}", self._file())
        await self._tell(action, uploaded if done else failed, more)
        self._statuses[action] = "Idle"

    async def _tell(self, action: str, status: str, more: Payload) -> None:
        self._statuses[action] = status
        await self._call(action, {"status": status, **more})

    def _file(self) -> bytes:
        head = f"{timestamp(self._clock.now())} {self._identity}: log of a simulated station"
        return "\n".join([head, *self._journal(), ""]).encode()


def _send(url: str, content: bytes) -> bool:
    """Send a file with PUT, or POST where only that is taken; tell whether it has arrived."""
    if not url.startswith(("http://", "https://")):
        return False  # a station without an FTP client
    for method in ("PUT", "POST"):
        request = urllib.request.Request(url, content, {"Content-Type": "text/plain"}, method=method)  # noqa: S310 see above
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310 see above
                return True
        except urllib.error.HTTPError as refusal:
            if refusal.code != _METHOD_NOT_ALLOWED:
                return False
        except (OSError, ValueError):
            return False
    return False
