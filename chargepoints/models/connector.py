"""The outlets of a station."""

from __future__ import annotations

from django.db import models

from csms.choices import TextChoices


class ConnectorState(TextChoices):
    """The state of a connector, in words of no OCPP version."""

    AVAILABLE = "available", "Available"
    PREPARING = "preparing", "Preparing"
    CHARGING = "charging", "Charging"
    SUSPENDED_EV = "suspended_ev", "Suspended by the vehicle"
    SUSPENDED_EVSE = "suspended_evse", "Suspended by the station"
    FINISHING = "finishing", "Finishing"
    RESERVED = "reserved", "Reserved"
    UNAVAILABLE = "unavailable", "Unavailable"
    FAULTED = "faulted", "Faulted"
    UNKNOWN = "unknown", "Unknown"


class Connector(models.Model):
    """One outlet of an EVSE; a connector n of OCPP 1.6 is EVSE n, connector 1."""

    # "<station>/<evse>/<connector>": known without a look-up, so a status is written blindly.
    id = models.CharField(primary_key=True, db_column="_id", max_length=80, editable=False)
    charge_point = models.ForeignKey("chargepoints.ChargePoint", on_delete=models.CASCADE, related_name="connectors")
    evse_id = models.PositiveIntegerField()
    connector_id = models.PositiveIntegerField()
    type = models.CharField(max_length=30, blank=True)
    max_power = models.FloatField(null=True, blank=True, help_text="W")
    status = models.CharField(max_length=20, choices=ConnectorState, default=ConnectorState.UNKNOWN)
    error_code = models.CharField(max_length=50, blank=True)
    info = models.CharField(max_length=100, blank=True)
    vendor_error_code = models.CharField(max_length=60, blank=True)
    updated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "connectors"
        ordering = ["charge_point_id", "evse_id", "connector_id"]

    def __str__(self) -> str:
        return f"{self.evse_id}/{self.connector_id}"
