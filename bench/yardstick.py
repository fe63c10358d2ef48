"""The yardstick: a bare OCPP 1.6 server of the `ocpp` and `websockets` libraries, with no database behind it.

It is what the libraries' own documentation leads to: `ocpp.v16.ChargePoint` with one handler per message,
schema validation on, logging off. `python -m bench.yardstick --port 9000 --credentials FILE` serves until
SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.datatypes import IdTagInfo
from ocpp.v16.enums import Action, AuthorizationStatus, RegistrationStatus
from websockets.asyncio.server import ServerConnection, basic_auth, serve
from websockets.exceptions import ConnectionClosed

_transaction_ids = count(1)
_ACCEPTED = IdTagInfo(status=AuthorizationStatus.accepted)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Station(ChargePoint):
    """Answers every message of a charge, and remembers nothing."""

    @on(Action.boot_notification)
    async def boot_notification(self, **_: Any) -> call_result.BootNotification:
        return call_result.BootNotification(current_time=_now(), interval=300, status=RegistrationStatus.accepted)

    @on(Action.heartbeat)
    async def heartbeat(self) -> call_result.Heartbeat:
        return call_result.Heartbeat(current_time=_now())

    @on(Action.status_notification)
    async def status_notification(self, **_: Any) -> call_result.StatusNotification:
        return call_result.StatusNotification()

    @on(Action.authorize)
    async def authorize(self, **_: Any) -> call_result.Authorize:
        return call_result.Authorize(id_tag_info=_ACCEPTED)

    @on(Action.start_transaction)
    async def start_transaction(self, **_: Any) -> call_result.StartTransaction:
        return call_result.StartTransaction(transaction_id=next(_transaction_ids), id_tag_info=_ACCEPTED)

    @on(Action.meter_values)
    async def meter_values(self, **_: Any) -> call_result.MeterValues:
        return call_result.MeterValues()

    @on(Action.stop_transaction)
    async def stop_transaction(self, **_: Any) -> call_result.StopTransaction:
        return call_result.StopTransaction()


async def _serve_station(connection: ServerConnection) -> None:
    assert connection.request is not None
    identity = connection.request.path.rsplit("/", 1)[-1]
    with suppress(ConnectionClosed):  # the station hung up
        await Station(identity, connection).start()


async def run(port: int, keys: dict[str, str]) -> None:
    """Serve on `port` until SIGTERM or SIGINT; `keys` holds every station's key by identity."""
    logging.getLogger("ocpp").setLevel(logging.WARNING)
    # Whoever looks whether the port is open yet is no failed handshake worth a traceback.
    logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)

    def allowed(identity: str, key: str) -> bool:
        return keys.get(identity) == key

    options: dict[str, Any] = {
        "subprotocols": ["ocpp1.6"],
        "process_request": basic_auth(check_credentials=allowed),
        "compression": None,
    }
    async with serve(_serve_station, "127.0.0.1", port, **options):
        await stopped.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--credentials", type=Path, required=True, help="JSON: key by station identity")
    options = parser.parse_args()
    asyncio.run(run(options.port, json.loads(options.credentials.read_text())))


if __name__ == "__main__":
    main()
