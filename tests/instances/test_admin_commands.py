"""Commands as actions of the admin: chosen in the list of charge points, filled in, answered on a page."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx
import pytest

from csms.embedded.program import Gateway
from ocpp_gateway.commands import VERBS
from tests.instances.instances import TENANT, Cluster, executed
from tests.instances.light_station import LightStation
from tests.instances.test_verbs import CALLS

LIST = "/admin/chargepoints/chargepoint/"
DEADLINE = 30.0


class Admin:
    """A browser in which somebody is logged in."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, page: str) -> httpx.Response:
        return await self.client.get(page)

    async def post(self, page: str, data: dict[str, Any]) -> httpx.Response:
        token = {"csrfmiddlewaretoken": self.client.cookies["csrftoken"]}
        return await self.client.post(page, data=data | token)

    async def ask(self, stations: list[LightStation], verb: str, **parameters: Any) -> httpx.Response:
        """Choose stations and a command, fill in, and send."""
        chosen = {"action": verb.replace("-", "_"), "_selected_action": [one.id for one in stations]}
        form = await self.post(LIST, chosen)
        assert form.status_code == 200, form.status_code
        assert not re.search(r">\s*null", form.text), "an empty field shows null"
        assert all(f'name="{verb}-{name}"' in form.text for name in parameters)
        filled = {f"{verb}-{name}": value for name, value in parameters.items()}
        return await self.post(LIST, {**chosen, **filled, "send": "1"})

    async def answers(self, sent: httpx.Response) -> str:
        """Return the page that shows the answers when all commands have ended."""
        assert sent.status_code == 302, re.findall(r'role="alert">([^<]*)', sent.text)
        async with asyncio.timeout(DEADLINE):
            while True:
                page = await self.get(sent.headers["location"])
                assert page.status_code == 200
                if "refresh" not in page.headers:
                    return unescape(page.text)


async def logged_in(cluster: Cluster, gateway: Gateway, role: str) -> Admin:
    """Return the admin at one instance, as a member with this role sees it."""
    [user] = [one for one in cluster.product.tenants[TENANT].users if one["role"] == role]
    admin = Admin(httpx.AsyncClient(base_url=gateway.url, timeout=DEADLINE))
    await admin.get("/admin/login/")
    answer = await admin.post("/admin/login/", {"username": user["username"], "password": user["password"]})
    assert answer.status_code == 302, answer.status_code
    return admin


@pytest.fixture
async def admin(cluster: Cluster, instances: list[Gateway]) -> AsyncIterator[Admin]:
    """An operator in the admin of the second instance."""
    admin = await logged_in(cluster, instances[1], "operator")
    yield admin
    await admin.client.aclose()


async def test_stations_of_all_instances_are_asked_and_their_answers_shown(
    cluster: Cluster, instances: list[Gateway], admin: Admin
) -> None:
    stations = cluster.stations(3)
    for station, gateway in zip(stations, instances, strict=True):
        await station.connect(gateway.url)
    stations[2].answer = lambda asked: [3, asked.message_id, {"status": "Rejected"}]
    sent = await admin.ask(stations, "data-transfer", vendor_id="Acme", data="<b>it</b>")
    page = await admin.answers(sent)
    assert [executed(station) for station in stations] == [["<b>it</b>"]] * 3
    assert (page.count('"status": "Accepted"'), page.count('"status": "Rejected"')) == (2, 1)
    for station in stations:
        [command] = cluster.commands(station)
        assert command["requested_by"] == "tenant1_operator"
        [told] = cluster.product.database(TENANT)["audit_entries"].find({"target_id": command["_id"]})
        assert (told["action"], told["actor"], told["via"]) == ("command", "tenant1_operator", "admin")
        shown = await admin.get(f"/admin/chargepoints/command/{command['_id']}/change/")
        assert "&lt;b&gt;it&lt;/b&gt;" in shown.text
        station.drop()


@pytest.mark.parametrize("call", CALLS, ids=[call[0] for call in CALLS])
async def test_every_command_has_a_form(
    admin: Admin, station: LightStation, call: tuple[str, dict[str, Any], str, dict[str, Any]]
) -> None:
    """What the form sends is what the same words send over REST."""
    verb, body, action, payload = call
    written = {name: _written(value) for name, value in body.items()}
    await admin.answers(await admin.ask([station], verb, **written))
    assert [(one.action, one.payload) for one in station.line.asked if one.action == action] == [(action, payload)]


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


async def test_the_list_offers_every_command(admin: Admin, station: LightStation) -> None:
    page = (await admin.get(LIST)).text
    offered = {name for name, verb in VERBS.items() if f'<option value="{name.replace("-", "_")}"' in page}
    assert offered == set(VERBS)


async def test_what_is_wrong_is_said_in_the_form_and_nothing_is_sent(
    cluster: Cluster, admin: Admin, station: LightStation
) -> None:
    answer = await admin.ask([station], "get-diagnostics", location="http://127.0.0.1/secret", retries="-1")
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text
    assert cluster.commands(station) == []


async def test_a_viewer_is_offered_no_command(
    cluster: Cluster, instances: list[Gateway], station: LightStation
) -> None:
    viewer = await logged_in(cluster, instances[0], "viewer")
    assert 'value="reset"' not in (await viewer.get(LIST)).text
    await viewer.post(LIST, {"action": "reset", "_selected_action": [station.id], "send": "1", "reset-type": "soft"})
    assert cluster.commands(station) == []
    await viewer.client.aclose()
