"""What a machine must have before anything is started: each lack is one line that says the way out."""

from __future__ import annotations

import ctypes
import platform

from csms.embedded.mongodb import mongod_on_path
from csms.embedded.ports import is_free

_CONTAINERS = "use containers: docker compose up"
# What the mongod of the wheel is linked with and a slim Debian or Ubuntu may lack.
_MONGOD_LIBRARIES = {"libcurl.so.4": "libcurl4", "libssl.so.3": "libssl3"}


class Refused(Exception):
    """The start is refused; the text is one line for the person at the terminal."""


def check_platform() -> None:
    """Raise Refused where the embedded servers cannot run."""
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        raise Refused(f"the embedded servers need Linux on x86-64, this is {system} on {machine}: {_CONTAINERS}")


def check_libraries() -> None:
    """Raise Refused when the mongod of the wheel would be used and lacks a library."""
    if mongod_on_path():
        return
    lacking = [package for library, package in _MONGOD_LIBRARIES.items() if not _loads(library)]
    if lacking:
        packages = " ".join(lacking)
        raise Refused(f"MongoDB lacks a library: sudo apt-get install {packages} (or {_CONTAINERS})")


def check_http_ports(first: int, count: int) -> None:
    """Raise Refused when one of `count` ports from `first` on is taken."""
    for port in range(first, first + count):
        if not is_free(port):
            other = first + 1 if count == 1 else first + 100
            raise Refused(f"port {port} is taken by another program; choose another with `make run HTTP_PORT={other}`")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
