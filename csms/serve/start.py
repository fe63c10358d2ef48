"""Starting the server: the socket first, so that a taken port is found before anything else happens."""

from __future__ import annotations

import errno
import gc
import importlib
import logging
import os
import resource
import socket
from collections.abc import Callable

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from csms.serve.options import Options
from csms.serve.websocket import Application

logger = logging.getLogger(__name__)

SERVERS = ("daphne", "uvicorn")
# A frame makes some dozens of objects, nearly all of which die without the collector: with Python's own thresholds
# (700, 10, 10) it took a quarter of the time of a meter value to find nothing.
COLLECT_AFTER = (20_000, 50, 100)
BACKLOG = 2048  # connections waiting to be accepted: a whole site may reconnect at once


class CannotListen(Exception):
    """The address cannot be listened on; the text says why and what to do."""


def run(server: str, load: Callable[[], Application], options: Options) -> None:
    """Serve the application that `load` returns, until a signal ends the process; raises CannotListen."""
    with listen(options.host, options.port) as listener:
        _raise_file_limit()
        # Before the application, which may import Twisted: Daphne chooses the reactor.
        module = importlib.import_module(f"csms.serve.{server}")
        application = load()
        if options.trusted_proxies:
            application = ProxyHeadersMiddleware(application, list(options.trusted_proxies))
        gc.collect()
        gc.freeze()  # what is loaded now stays: the collector need not look at it again and again
        gc.set_threshold(*COLLECT_AFTER)
        address = _url(listener)
        module.serve(application, options, listener, lambda: _announce(address, server))
        logger.info("stopped")


def _announce(address: str, server: str) -> None:
    logger.info("serving on %s with %s, process %d", address, server.capitalize(), os.getpid())


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the first address `host` stands for; raises CannotListen."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        return socket.create_server(
            address[:2],
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        raise CannotListen(_explain(host, port, error)) from None


def _explain(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken by another program: stop it, or choose another with HTTP_PORT"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has: choose one above 1023 with HTTP_PORT"
    return f"cannot listen on {host} port {port}: {error.strerror or error}; HTTP_HOST and HTTP_PORT choose it"


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _raise_file_limit() -> None:
    """Take as many file descriptors as the system allows: each station needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
