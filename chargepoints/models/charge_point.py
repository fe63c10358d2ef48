"""A charging station as it is installed."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from chargepoints.models.connector import ConnectorState
from csms.choices import TextChoices

# OCPP's identifierString (OCPP 2.0.1 part 2, 2.1), which every version's stations keep to.
# Not `.` and `..`, which vanish from URLs.
IDENTITY_PATTERN = r"(?!\.{1,2}\Z)[A-Za-z0-9*\-_=:+|@.]{1,48}"


class Registration(TextChoices):
    """Whether a station may work; the answer to its BootNotification (OCPP 1.6 §7.35)."""

    ACCEPTED = "accepted", "Accepted"
    PENDING = "pending", "Pending"
    REJECTED = "rejected", "Rejected"


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
    # {"instance", "epoch", "since", "address"} while a socket of the station is open, else None.
    connected = models.JSONField(null=True, blank=True, editable=False)
    # Counts the connections; the highest one owns the station, and what an older one still writes is stale.
    epoch = models.BigIntegerField(default=0, editable=False)
    # The addresses it was let in from, the latest first: there its key opens while others fail (docs/abuse-limits.md).
    known_addresses = models.JSONField(default=list, blank=True, editable=False)
    credential_hash = models.CharField(max_length=200, blank=True, editable=False)
    # When an operator replaced the key; a key that the station took over its connection does not count.
    credential_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    # See chargepoints.key_rotation for both.
    credential_next = models.JSONField(default=list, blank=True, editable=False)
    credential_next_used = models.CharField(max_length=200, blank=True, editable=False)
    security_profile = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(3)]
    )
    # See chargepoints.security_profiles for both: the profile it has taken and not yet come with; when it last said
    # that it has a root certificate for this server.
    security_profile_next = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    root_certificate_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Serial numbers, in hexadecimal, of certificates of its own that count no more.
    revoked_certificates = models.JSONField(default=list, blank=True, editable=False)
    latitude = models.FloatField(null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)])
    longitude = models.FloatField(null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)])
    address = models.CharField(max_length=200, blank=True)
    tags = models.JSONField(default=list, blank=True)
    # See chargepoints.charging_profiles.
    charging_profiles = models.JSONField(default=list, blank=True, editable=False)
    # See chargepoints.configuration for both.
    configuration = models.JSONField(default=dict, blank=True, editable=False)
    reboot_pending = models.JSONField(default=dict, blank=True, editable=False)
    # Over how many connections it may still be asked what follows from its boot (`ocpp_gateway.after_boot`); 0 when it
    # has answered to all of it.
    setup_tries = models.PositiveSmallIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "charge_points"
        ordering = ["id"]
        verbose_name = "charge point"

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else self.id
