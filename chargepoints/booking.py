"""Making a reservation: the number the station will know it under, and the connector that nobody else gets.

A unique index over open reservations decides who gets a connector, however many ask for it at the same moment.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError
from pymongo import ReturnDocument

from chargepoints.models import Reservation, TenantCounter
from chargepoints.reservations import key_of
from csms.errors import Conflict
from tenants.clients import sync_database
from tenants.context import require_tenant
from tenants.routing import database_name

COUNTER = "reservation_id"
# Somebody may have given a station commands with numbers of their own: those are passed over.
_ATTEMPTS = 20


class ConnectorReserved(Conflict):
    """The connector is kept for somebody already."""

    code = "connector_reserved"


def book(
    station_id: str,
    *,
    evse_id: int,
    id_tag: str,
    parent_id_tag: str,
    expires_at: datetime,
    requested_by: str,
    now: datetime,
) -> Reservation:
    """Store a reservation that the station is yet to be asked for, and return it.

    Raises:
        ConnectorReserved: there is an open reservation of this connector.
    """
    for _ in range(_ATTEMPTS):
        number = _next_number()
        reservation = Reservation(
            id=key_of(station_id, number),
            charge_point_id=station_id,
            reservation_id=number,
            evse_id=evse_id,
            id_tag=id_tag,
            token_id=id_tag.lower(),
            parent_id_tag=parent_id_tag,
            expires_at=expires_at,
            requested_by=requested_by,
            created_at=now,
            updated_at=now,
        )
        try:
            reservation.save(force_insert=True)
        except IntegrityError:
            if not Reservation.objects.filter(pk=reservation.pk).exists():
                raise ConnectorReserved(f"connector {evse_id} of {station_id} is reserved already") from None
        else:
            return reservation
    raise Conflict("the numbers for reservations are taken: try again", code="reservation_numbers_taken")


def unbook(reservation: Reservation) -> None:
    """Take back a reservation of which nobody has heard."""
    Reservation.objects.filter(pk=reservation.pk, command_id="").delete()


def note_command(reservation: Reservation, command_id: str) -> None:
    """Remember which command asks the station."""
    reservation.command_id = command_id
    Reservation.objects.filter(pk=reservation.pk).update(command_id=command_id)


def _next_number() -> int:
    counters = sync_database(database_name(require_tenant()))[TenantCounter._meta.db_table]
    counter = counters.find_one_and_update(
        {"_id": COUNTER}, {"$inc": {"value": 1}}, upsert=True, return_document=ReturnDocument.AFTER
    )
    assert counter is not None  # the upsert returns what it stored
    return int(counter["value"])
