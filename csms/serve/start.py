"""Starting the server: the socket first, so that a taken port is found before anything else happens."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import resource
from collections.abc import Callable

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from csms.serve.doors import CannotListen, open_doors
from csms.serve.options import Options
from csms.serve.proxy_certificate import ProxyCertificate
from csms.serve.websocket import Application

logger = logging.getLogger(__name__)

__all__ = ["SERVERS", "CannotListen", "run"]

SERVERS = ("daphne", "uvicorn")
# A frame makes some dozens of objects, nearly all of which die without the collector: with Python's own thresholds
# (700, 10, 10) it took a quarter of the time of a meter value to find nothing.
COLLECT_AFTER = (20_000, 50, 100)


def run(server: str, load: Callable[[], Application], options: Options) -> None:
    """Serve the application that `load` returns, until a signal ends the process; raises CannotListen."""
    with open_doors(options) as doors:
        _raise_file_limit()
        # Before the application, which may import Twisted: Daphne chooses the reactor.
        module = importlib.import_module(f"csms.serve.{server}")
        application = load()
        if options.trusted_proxies:
            application = ProxyHeadersMiddleware(application, list(options.trusted_proxies))
            if options.certificate_header:  # outside, where the proxy's own address is still known
                application = ProxyCertificate(application, options.trusted_proxies, options.certificate_header)
        gc.collect()
        gc.freeze()  # what is loaded now stays: the collector need not look at it again and again
        gc.set_threshold(*COLLECT_AFTER)
        addresses = doors.urls()
        module.serve(application, options, doors, lambda: _announce(addresses, server))
        logger.info("stopped")


def _announce(addresses: list[str], server: str) -> None:
    for address in addresses:
        logger.info("serving on %s with %s, process %d", address, server.capitalize(), os.getpid())


def _raise_file_limit() -> None:
    """Take as many file descriptors as the system allows: each station needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
