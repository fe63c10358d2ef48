"""The ASGI application of these tests, and the process that serves it.

    python -m tests.serve.application daphne '{"limits": {"ping_interval": 0.2}}'

What a WebSocket does is chosen by the first segment of its path; `/state` tells what happened so far.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from csms import lifecycle
from csms.serve import tls_door
from csms.serve.options import Limits, Options, Tls
from csms.serve.start import run
from csms.serve.tls_context import CertificateFiles

logger = logging.getLogger("application")
state: dict[str, Any] = {"closed": [], "sent": 0, "received": 0}
signals: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
sends: set[Any] = set()


async def application(scope: Any, receive: Any, send: Any) -> None:
    verb, _, rest = scope["path"].strip("/").partition("/")
    handlers = SOCKETS if scope["type"] == "websocket" else REQUESTS
    await handlers.get(verb, not_found)(scope, receive, send, rest)


# -- WebSockets ------------------------------------------------------------------------------------


async def _accept(scope: Any, receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    offered = scope["subprotocols"]
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    sends.add(send)


async def _messages(receive: Any) -> Any:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            state["closed"].append(message["code"])
            return
        yield message


async def echo(scope: Any, receive: Any, send: Any, rest: str) -> None:
    await _accept(scope, receive, send)
    async for message in _messages(receive):
        await send({**message, "type": "websocket.send"})


async def text_only(scope: Any, receive: Any, send: Any, rest: str) -> None:
    await _accept(scope, receive, send)
    async for message in _messages(receive):
        if message.get("bytes") is not None:
            await send({"type": "websocket.close", "code": 1003, "reason": "text only"})


async def refuse(scope: Any, receive: Any, send: Any, rest: str) -> None:
    await receive()
    headers = [
        (b"content-type", b"application/json"),
        (b"www-authenticate", b'Basic realm="ocpp"'),
        (b"retry-after", b"7"),
    ]
    await send({"type": "websocket.http.response.start", "status": int(rest), "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b'{"why":', "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b'"because"}'})
    state["closed"].append((await receive())["code"])


async def not_found(scope: Any, receive: Any, send: Any, rest: str) -> None:
    prefix = "websocket.http" if scope["type"] == "websocket" else "http"
    await receive()
    await send({"type": f"{prefix}.response.start", "status": 404, "headers": []})
    await send({"type": f"{prefix}.response.body", "body": b"not here"})


async def deny(scope: Any, receive: Any, send: Any, rest: str) -> None:
    await receive()
    await send({"type": "websocket.close"})


async def hold(scope: Any, receive: Any, send: Any, rest: str) -> None:
    """Receive nothing before `/set/release`, then echo the first word of each message."""
    await _accept(scope, receive, send)
    await signals["release"].wait()
    async for message in _messages(receive):
        state["received"] += 1
        await send({"type": "websocket.send", "text": message["text"].split(" ", 1)[0]})


async def flood(scope: Any, receive: Any, send: Any, rest: str) -> None:
    """Send numbered messages of 16 KiB, and note when a send waits for half a second."""
    await _accept(scope, receive, send)
    for number in range(int(rest)):
        task = asyncio.ensure_future(send({"type": "websocket.send", "text": f"{number} ".ljust(16384, "x")}))
        done, _ = await asyncio.wait({task}, timeout=0.5)
        if not done:
            signals["blocked"].set()
        try:
            await task
        except OSError:
            signals["gone"].set()
            raise
        state["sent"] += 1
    await send({"type": "websocket.close"})


async def tell_scope(scope: Any, receive: Any, send: Any, rest: str) -> None:
    told = json.dumps(scope, default=repr)
    await _accept(scope, receive, send)
    await send({"type": "websocket.send", "text": told})
    await send({"type": "websocket.send", "text": json.dumps(scope, default=repr)})
    async for _ in _messages(receive):
        pass


async def crash(scope: Any, receive: Any, send: Any, rest: str) -> None:
    if rest == "late":
        await _accept(scope, receive, send)
    raise ZeroDivisionError("on purpose")


async def leave(scope: Any, receive: Any, send: Any, rest: str) -> None:
    if rest == "late":
        await _accept(scope, receive, send)


async def ignore(scope: Any, receive: Any, send: Any, rest: str) -> None:
    """Neither accept nor refuse."""
    await signals["release"].wait()


async def linger(scope: Any, receive: Any, send: Any, rest: str) -> None:
    """Go on after the socket is gone, until `/set/release` or the server's patience ends."""
    await _accept(scope, receive, send)
    async for _ in _messages(receive):
        pass
    signals["lingering"].set()
    try:
        await signals["release"].wait()
    except asyncio.CancelledError:
        signals["cancelled"].set()
        raise
    signals["finished"].set()


SOCKETS = {
    "echo": echo,
    "text_only": text_only,
    "refuse": refuse,
    "deny": deny,
    "hold": hold,
    "flood": flood,
    "scope": tell_scope,
    "crash": crash,
    "leave": leave,
    "ignore": ignore,
    "linger": linger,
}


# -- HTTP ------------------------------------------------------------------------------------------


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _respond(send: Any, value: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(value, default=repr).encode()})


async def tell_state(scope: Any, receive: Any, send: Any, rest: str) -> None:
    await _respond(send, {**state, "resident": _resident(), "files": _open_files()})


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def set_signal(scope: Any, receive: Any, send: Any, rest: str) -> None:
    signals[rest].set()
    await _respond(send, True)


async def wait_for(scope: Any, receive: Any, send: Any, rest: str) -> None:
    """Answer when the signal of that name is set."""
    state["waiting"] = True
    await signals[rest].wait()
    await _respond(send, True)


async def http_scope(scope: Any, receive: Any, send: Any, rest: str) -> None:
    await _respond(send, scope)


async def size(scope: Any, receive: Any, send: Any, rest: str) -> None:
    await _respond(send, len(await _body(receive)))


REQUESTS = {"state": tell_state, "set": set_signal, "wait": wait_for, "scope": http_scope, "size": size}


# -- The process -----------------------------------------------------------------------------------


async def _gateway_hook() -> None:
    logger.info("hook: gateway")
    if signals["hang"].is_set():
        await asyncio.Event().wait()
    for send in sends:
        await send({"type": "websocket.close", "code": 1012, "reason": "drained"})


async def _storage_hook() -> None:
    logger.info("hook: storage")


async def _failing_hook() -> None:
    raise ZeroDivisionError("hook on purpose")


def _tls(files: list[list[str]], authorities: str = "", **more: Any) -> Tls:
    """`authorities` is a directory: the certificates that are in it at the moment."""

    def read() -> tuple[str, ...]:
        return tuple(path.read_text() for path in sorted(Path(authorities).iterdir()))

    async def ask() -> tuple[str, ...]:
        return await asyncio.to_thread(read)

    return Tls(0, tuple(CertificateFiles(*pair) for pair in files), authorities=ask if authorities else None, **more)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    given = json.loads(sys.argv[2])
    given["limits"] = Limits(**given.get("limits", {}))
    tls_door.MOST_HANDSHAKES = given.pop("most_handshakes", tls_door.MOST_HANDSHAKES)
    if "tls" in given:
        given["tls"] = _tls(**given["tls"])
    lifecycle.on_shutdown("storage", 20, _storage_hook)
    lifecycle.on_shutdown("gateway", 10, _gateway_hook)
    lifecycle.on_shutdown("failing", 15, _failing_hook)
    run(sys.argv[1], lambda: application, Options("127.0.0.1", 0, **given))


if __name__ == "__main__":
    main()
