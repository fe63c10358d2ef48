"""Where the MQTT broker is, from `MQTT_BROKER_URL`, `MQTT_USERNAME` and `MQTT_PASSWORD`."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"tcp": 1883, "mqtt": 1883, "ssl": 8883, "mqtts": 8883}


class BrokerUrlError(ValueError):
    """The broker's URL cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how to log in."""

    host: str
    port: int
    tls: bool
    username: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str, username: str = "", password: str = "") -> BrokerAddress:
        """Return the address of `tcp://host[:port]` or `ssl://host[:port]`.

        Raises:
            BrokerUrlError: the URL has another form.
        """
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise BrokerUrlError("MQTT_BROKER_URL is not tcp://host:port or ssl://host:port")
        return cls(
            parts.hostname,
            parts.port or _DEFAULT_PORTS[parts.scheme],
            parts.scheme in ("ssl", "mqtts"),
            username or parts.username or "",
            password or parts.password or "",
        )
