"""What the playground prints once it is ready: addresses, log-ins, and a command to paste."""

from __future__ import annotations

import json
import shlex
from typing import Any


def welcome(http: list[str], stack: dict[str, str], test_tenants: dict[str, Any]) -> str:
    """Return the text for the terminal.

    Args:
        http: the URLs of the gateways.
        stack: the URLs of the servers, by name.
        test_tenants: what `create_test_tenants --json` has printed.
    """
    parts = [
        _addresses(http, stack),
        _log_ins(test_tenants),
        _stations(test_tenants),
        _curl(http[0], test_tenants),
    ]
    return "\n\n".join(part for part in parts if part)


def _addresses(http: list[str], stack: dict[str, str]) -> str:
    first = http[0]
    sockets = first.replace("http", "ws", 1)
    rows = {
        "admin": f"{first}/admin/",
        "API": f"{first}/api/v1/   (try it at {first}/api/docs)",
        "OCPP 1.6J": f"{sockets}/ocpp/<tenant>/<station>  or  {sockets}/ocpp/<station>",
        "MQTT": f"{stack['mqtt']}   topics ocpp/#",
        "MongoDB": stack["mongodb"],
        "Redis": stack["redis"],
    }
    if len(http) > 1:
        rows["instances"] = "  ".join(http)
    return "\n".join(f"  {name:<10} {value}" for name, value in rows.items())


def _log_ins(test_tenants: dict[str, Any]) -> str:
    rows = [
        f"  {user['username']:<22} {user['password']:<26} {user['role']} of {tenant['slug']}"
        for tenant in test_tenants["tenants"]
        for user in tenant["users"]
    ]
    if platform := test_tenants.get("superuser"):
        rows.insert(0, f"  {platform['username']:<22} {platform['password']:<26} superuser of the platform")
    return "\n".join(["Log-ins for the admin and the API:", *rows])


def _stations(test_tenants: dict[str, Any]) -> str:
    # The last one: the simulated fleet takes the first ones.
    stations = [station for tenant in test_tenants["tenants"] for station in tenant["stations"][-1:]]
    rows = [f"  {station['url']}   user {station['id']}   password {station['key']}" for station in stations]
    return "\n".join(["Stations to connect (HTTP Basic authentication, subprotocol ocpp1.6):", *rows]) if rows else ""


def _curl(url: str, test_tenants: dict[str, Any]) -> str:
    user = next((user for tenant in test_tenants["tenants"] for user in tenant["users"]), None)
    if user is None:
        return ""
    headers = "-H 'Content-Type: application/json'"
    body = shlex.quote(json.dumps({"username": user["username"], "password": user["password"]}))
    take = shlex.quote('import json, sys; print(json.load(sys.stdin)["access"])')
    return "\n".join(
        [
            "Ask the API (paste both lines):",
            f"  TOKEN=$(curl -s {url}/api/v1/auth/token {headers} -d {body} | python3 -c {take})",
            f'  curl -s {url}/api/v1/chargepoints -H "Authorization: Bearer $TOKEN"',
        ]
    )
