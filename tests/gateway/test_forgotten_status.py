"""A station that is deleted leaves nothing behind at the broker."""

from __future__ import annotations

import asyncio

from chargepoints.provisioning import delete_charge_point
from csms.embedded.stack import Stack
from events.topics import status_topic
from tenants.context import tenant_scope
from tests.acceptance.mqtt_capture import Heard, MqttCapture
from tests.acceptance.outbox import wait_until_published
from tests.mqtt_capture import Capture
from tests.people import Installed, Operator, with_orm
from tests.station import Station


async def test_a_deleted_station_has_no_retained_status(
    station: Station, anna: Operator, charger: Installed, mqtt: Capture, embedded_stack: Stack
) -> None:
    await mqtt.assert_status(charger.identity, lambda state: state["connected"])
    await _all_published(anna)
    assert await asyncio.to_thread(_retained, embedded_stack, charger)

    def delete() -> bool:
        with tenant_scope(anna.slug):
            return delete_charge_point(charger.identity)

    assert with_orm(delete)
    await _all_published(anna)
    assert await asyncio.to_thread(_retained, embedded_stack, charger) == []


async def _all_published(operator: Operator) -> None:
    await asyncio.to_thread(wait_until_published, operator.db, 20.0)


def _retained(stack: Stack, charger: Installed) -> list[Heard]:
    """Return what a subscriber who comes now finds of the station."""
    with MqttCapture(stack.mqtt.url, status_topic("ocpp", charger.tenant, charger.identity)) as late:
        return late.everything().messages
