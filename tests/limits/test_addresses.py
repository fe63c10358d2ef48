"""The form in which addresses are counted."""

from __future__ import annotations

from typing import Any

import pytest

from ocpp_gateway.limits.addresses import address_of


@pytest.mark.parametrize(
    "client, counted",
    [
        (("192.0.2.7", 1234), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1234), "192.0.2.7"),
        (("2001:db8:1:2:aaaa::1", 1234), "2001:db8:1:2::/64"),
        (("2001:db8:1:2:bbbb::2", 1234), "2001:db8:1:2::/64"),
        (("2001:db8:1:3::1", 1234), "2001:db8:1:3::/64"),
        (("fe80::1%eth0", 1234), "fe80::/64"),
        (("not an address", 0), "unknown"),
        (None, "unknown"),
    ],
)
def test_counted_as(client: Any, counted: str) -> None:
    assert address_of({"client": client, "headers": [(b"x-forwarded-for", b"203.0.113.9")]}) == counted
