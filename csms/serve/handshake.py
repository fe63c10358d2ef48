"""The HTTP part of a WebSocket: the request, and the application's answer to it."""

from __future__ import annotations

import asyncio
import email.utils
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from csms import lifecycle
from csms.serve.tls_scope import tls_extension

_UPGRADE_HEADERS = ("connection", "upgrade", "sec-websocket-")


class Refused(Exception):
    """The request never reaches the application: `response` is the answer to it."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Handshake:
    """One handshake, from the first byte to the answer."""

    __slots__ = ("_chunks", "_request", "_response", "_scope", "_start", "_wire")

    def __init__(self, wire: ServerProtocol) -> None:
        self._wire = wire
        self._request: Request | None = None
        self._scope: dict[str, Any] = {}
        self._response: Response | None = None
        self._start: dict[str, Any] | None = None
        self._chunks: list[bytes] = []

    def read(self, data: bytes, transport: asyncio.Transport) -> dict[str, Any] | None:
        """Return the ASGI scope when the request is complete; raises Refused."""
        self._wire.receive_data(data)
        if self._wire.handshake_exc is not None:
            raise Refused(refusal(400, body=b"This is not a WebSocket handshake.\n"))
        for request in self._wire.events_received():
            assert isinstance(request, Request)
            self._response = self._accept(request)
            self._request, self._scope = request, websocket_scope(request, transport)
            return self._scope
        return None

    def forget_headers(self) -> None:
        """Drop the request's headers, which the library and the application's scope would keep as long as the socket.

        They take 4 KiB, and one of them is the station's key.
        """
        if self._request is not None:
            self._request.headers.clear()
            self._scope["headers"].clear()  # the list itself: copies of the scope share it

    def _accept(self, request: Request) -> Response:
        if not _is_ascii(request):
            raise Refused(refusal(400, body=b"The path, or a header of the upgrade, is not ASCII.\n"))
        response = self._wire.accept(request)
        if response.status_code != 101:
            raise Refused(response)
        if lifecycle.stopping():
            raise Refused(unavailable("The server is restarting.\n"))
        return response

    def answer(self, message: dict[str, Any]) -> Response | None:
        """Return the response that the application's event completes, None while it is incomplete."""
        kind = message["type"]
        if kind == "websocket.accept":
            return self._accepted(message)
        if kind == "websocket.close":
            return refusal(403)
        if kind == "websocket.http.response.start":
            self._start = message
            return None
        if kind == "websocket.http.response.body" and self._start is not None:
            self._chunks.append(message.get("body", b""))
            if message.get("more_body", False):
                return None
            return refusal(self._start["status"], self._start.get("headers", []), b"".join(self._chunks))
        raise RuntimeError(f"{kind} is not an answer to a WebSocket handshake")

    def _accepted(self, message: dict[str, Any]) -> Response:
        assert self._response is not None
        for name, value in message.get("headers", []):
            self._response.headers[name.decode("latin-1")] = value.decode("latin-1")
        if message.get("subprotocol"):
            self._response.headers["Sec-WebSocket-Protocol"] = message["subprotocol"]
        return self._response


def _is_ascii(request: Request) -> bool:
    """Tell whether the library can read what it must read; it has no answer to the rest."""
    upgrade = (value for name, value in request.headers.raw_items() if name.lower().startswith(_UPGRADE_HEADERS))
    return request.path.isascii() and all(value.isascii() for value in upgrade)


def websocket_scope(request: Request, transport: asyncio.Transport) -> dict[str, Any]:
    """Return what ASGI tells an application about a handshake; the request's path must be ASCII."""
    raw_path, _, query = request.path.partition("?")
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if transport.get_extra_info("sslcontext") else "ws",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "root_path": "",
        "headers": [_raw_header(name, value) for name, value in request.headers.raw_items()],
        "subprotocols": _subprotocols(request),
        "client": _address(transport.get_extra_info("peername")),
        "server": _address(transport.get_extra_info("sockname")),
        "extensions": _extensions(transport),
    }


def _extensions(transport: asyncio.Transport) -> dict[str, Any]:
    tls = tls_extension(transport)
    return {"websocket.http.response": {}} | ({} if tls is None else {"tls": tls})


def _raw_header(name: str, value: str) -> tuple[bytes, bytes]:
    return name.lower().encode("ascii"), value.encode("ascii", "surrogateescape")


def _subprotocols(request: Request) -> list[str]:
    offers = ",".join(request.headers.get_all("Sec-WebSocket-Protocol"))
    return [offer.strip() for offer in offers.split(",") if offer.strip()]


def _address(name: Any) -> tuple[str, int] | None:
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None


def refusal(status: int, headers: Iterable[tuple[bytes, bytes]] = (), body: bytes = b"") -> Response:
    """Return the HTTP answer to a handshake that is refused; the connection closes after it."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    answer = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
    answer.setdefault("Date", email.utils.formatdate(usegmt=True))
    answer.setdefault("Content-Type", "text/plain; charset=utf-8")
    answer.setdefault("Content-Length", str(len(body)))
    answer.setdefault("Connection", "close")
    return Response(status, phrase, answer, body)


def unavailable(text: str, retry_after: int = 10) -> Response:
    """Return the 503 that makes a station try again after `retry_after` seconds."""
    return refusal(503, [(b"Retry-After", str(retry_after).encode())], text.encode())
