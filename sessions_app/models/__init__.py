"""What was charged: the collections of a tenant's database that belong to its sessions."""

from sessions_app.models.charging_session import ChargingSession
from sessions_app.models.id_token import IdToken
from sessions_app.models.local_list import LocalList
from sessions_app.models.meter_value import MeterValue

__all__ = ["ChargingSession", "IdToken", "LocalList", "MeterValue"]
