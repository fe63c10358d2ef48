"""What is installed: charge points and their connectors, in the tenant's own database."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from csms.choices import TextChoices

# OCPP's identifierString (OCPP 2.0.1 part 2, 2.1), which every version's stations keep to.
IDENTITY_PATTERN = r"[A-Za-z0-9*\-_=:+|@.]{1,48}"


class Registration(TextChoices):
    """Whether a station may work; the answer to its BootNotification (OCPP 1.6 §7.35)."""

    ACCEPTED = "accepted", "Accepted"
    PENDING = "pending", "Pending"
    REJECTED = "rejected", "Rejected"


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


class ChargePoint(models.Model):
    """A charging station, known by the identity it presents in its URL."""

    id = models.CharField(
        primary_key=True,
        db_column="_id",
        max_length=48,
        validators=[RegexValidator(rf"^{IDENTITY_PATTERN}\Z", "Use 1 to 48 letters, digits and * - _ = : + | @ .")],
        help_text="Exactly as the station presents it: the last part of its URL. Never changes.",
    )
    name = models.CharField(max_length=100, blank=True)
    vendor = models.CharField(max_length=50, blank=True, editable=False)
    model = models.CharField(max_length=50, blank=True, editable=False)
    serial_number = models.CharField(max_length=50, blank=True, editable=False)
    firmware_version = models.CharField(max_length=50, blank=True, editable=False)
    iccid = models.CharField(max_length=20, blank=True, editable=False)
    imsi = models.CharField(max_length=20, blank=True, editable=False)
    meter_type = models.CharField(max_length=25, blank=True, editable=False)
    meter_serial_number = models.CharField(max_length=25, blank=True, editable=False)
    ocpp_version = models.CharField(max_length=10, blank=True, editable=False)
    status = models.CharField(max_length=20, choices=ConnectorState, default=ConnectorState.UNKNOWN, editable=False)
    error_code = models.CharField(max_length=50, blank=True, editable=False)
    registration = models.CharField(max_length=10, choices=Registration, default=Registration.ACCEPTED)
    booted_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_seen = models.DateTimeField(null=True, blank=True, editable=False)
    # {"instance", "epoch", "since"} while a socket of the station is open, else None.
    connected = models.JSONField(null=True, blank=True, editable=False)
    # Counts the connections; the highest one owns the station, and what an older one still writes is stale.
    epoch = models.BigIntegerField(default=0, editable=False)
    credential_hash = models.CharField(max_length=200, blank=True, editable=False)
    security_profile = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(3)]
    )
    latitude = models.FloatField(null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)])
    longitude = models.FloatField(null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)])
    address = models.CharField(max_length=200, blank=True)
    tags = models.JSONField(default=list, blank=True)
    configuration = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "charge_points"
        ordering = ["id"]
        verbose_name = "charge point"

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else self.id


class Connector(models.Model):
    """One outlet of an EVSE; a connector n of OCPP 1.6 is EVSE n, connector 1."""

    # "<station>/<evse>/<connector>": known without a look-up, so a status is written blindly.
    id = models.CharField(primary_key=True, db_column="_id", max_length=80, editable=False)
    charge_point = models.ForeignKey(ChargePoint, on_delete=models.CASCADE, related_name="connectors")
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


class CommandState(TextChoices):
    """Where a command is on its way; the first two are not its last."""

    QUEUED = "queued", "Queued"
    SENT = "sent", "Sent"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"
    FAILED = "failed", "Failed"
    TIMED_OUT = "timed_out", "Timed out"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"


class Command(models.Model):
    """Something we ask of a station, kept from the request to the station's answer."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=24, editable=False)
    charge_point_id = models.CharField(max_length=48)
    action = models.CharField(max_length=50)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=CommandState, default=CommandState.QUEUED)
    response = models.JSONField(null=True)
    error = models.JSONField(null=True)
    requested_by = models.CharField(max_length=150)
    idempotency_key = models.CharField(max_length=100, blank=True)
    message_id = models.CharField(max_length=36, blank=True)
    # The connection it was sent on; a higher one of the station means that the answer will never come.
    epoch = models.BigIntegerField(null=True)
    # The instance at which somebody waits for the answer.
    reply_to = models.CharField(max_length=100, blank=True)
    announced = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    # When the answer is given up, once it is sent.
    deadline = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "commands"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["charge_point_id", "state", "id"], name="command_station"),
            models.Index(fields=["state", "expires_at"], name="command_open"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point_id", "idempotency_key"],
                condition=models.Q(idempotency_key__gt=""),
                name="command_idempotency",
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} for {self.charge_point_id}"


class TenantCounter(models.Model):
    """A number that only rises: transaction ids handed out, charge points created."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=40)
    value = models.BigIntegerField(default=0)

    class Meta:
        db_table = "counters"

    def __str__(self) -> str:
        return f"{self.id}: {self.value}"
