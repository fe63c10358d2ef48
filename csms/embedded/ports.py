"""TCP ports of this machine's loopback address."""

from __future__ import annotations

import random
import socket

LOOPBACK = "127.0.0.1"
# Below Linux's range for outgoing connections (32768-60999): none of those can take the port of a server
# that is down for a restart.
_TEST_PORTS = range(20000, 32000)


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Return whether something accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def first_free(preferred: int) -> int:
    """Return `preferred`, or the next port above it that is free."""
    for port in range(preferred, min(preferred + 200, 65536)):
        if is_free(port):
            return port
    raise OSError(f"no free port between {preferred} and {preferred + 199}")


def any_free() -> int:
    """Return a free port that no outgoing connection can take."""
    start = random.SystemRandom().choice(_TEST_PORTS)
    return first_free(start)
