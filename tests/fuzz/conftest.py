"""A seed that a failure names, how much is to be tried, and a gateway to try it on."""

from __future__ import annotations

import os
import secrets

import pytest

from tests.station_control.conftest import (
    anna,
    boris,
    ca,
    charger,
    connect,
    founded,
    gateway,
    gateways,
    global_database,
    mqtt,
    rest,
)

__all__ = [  # fixtures from elsewhere
    "anna",
    "boris",
    "ca",
    "charger",
    "connect",
    "founded",
    "gateway",
    "gateways",
    "global_database",
    "mqtt",
    "rest",
]

# Frames of each kind that are only parsed, validated and translated; seconds of frames over sockets.
FRAMES = int(os.environ.get("FUZZ_FRAMES", "100000"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "10"))


@pytest.fixture(params=[int(os.environ.get("FUZZ_SEED") or secrets.randbelow(10**9))], ids="FUZZ_SEED={}".format)
def seed(request: pytest.FixtureRequest) -> int:
    """What a failure names, so that it can be repeated with `make fuzz FUZZ_SEED=<number>`."""
    return int(request.param)
