"""Platform data, in the global database: tenants, the people who use them, and who may do what where."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from csms.choices import TextChoices
from tenants.api_key import ApiKey
from tenants.log_ins import LogIn
from tenants.roles import Role
from tenants.routing import SLUG_PATTERN, database_name
from tenants.second_factor import SecondFactor
from tenants.station_authorities import MAX_PEM_LENGTH

__all__ = ["ApiKey", "LogIn", "Membership", "Role", "SecondFactor", "Tenant", "User"]


class Tenant(models.Model):
    """A charge point operator with a database of its own."""

    class NewStations(TextChoices):
        """The registration of a station that was taken in by itself."""

        ACCEPTED = "accepted", "Accepted"
        PENDING = "pending", "Pending: wait for approval"
        REJECTED = "rejected", "Rejected until approved"

    class Status(TextChoices):
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"

    class MessageLog(TextChoices):
        OFF = "off", "Off"
        ERRORS = "errors", "Errors only"
        ALL = "all", "Every message"

    slug = models.CharField(
        primary_key=True,
        db_column="_id",
        max_length=40,
        validators=[RegexValidator(rf"^{SLUG_PATTERN}\Z", "Use a-z, 0-9 and '-'; no '_'.")],
        help_text="Part of the stations' URL and of the database name; a-z, 0-9 and '-'. Never changes.",
    )
    name = models.CharField(max_length=100)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    max_charge_points = models.PositiveIntegerField(default=1000, help_text="More stations are refused.")
    api_rate_limit = models.PositiveIntegerField(default=600, help_text="REST requests per minute.")
    queue_enabled = models.BooleanField(default=True, help_text="Keep commands for offline stations.")
    mqtt_topic_prefix = models.CharField(
        max_length=50,
        default="ocpp",
        validators=[RegexValidator(r"^[A-Za-z0-9_\-]+(/[A-Za-z0-9_\-]+)*\Z", "Use letters, digits, _ - and /.")],
    )
    auto_register = models.BooleanField(
        default=False, help_text="A station nobody created is taken in with the key it presents first."
    )
    auto_register_as = models.CharField(
        max_length=10,
        choices=NewStations,
        default=NewStations.ACCEPTED,
        help_text="What such a station is told when it boots, until somebody changes its registration.",
    )
    boot_retry_interval = models.PositiveIntegerField(
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(86400)],
        help_text="Seconds after which a station that is not accepted asks again.",
    )
    min_security_profile = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(3)]
    )
    organization = models.CharField(
        max_length=64,
        blank=True,
        help_text="What the certificates of stations must name as their organization; empty: whatever they say.",
    )
    # See tenants.station_authorities for both.
    station_authorities = models.TextField(
        blank=True,
        max_length=MAX_PEM_LENGTH,
        help_text="In PEM: the authorities that issue certificates for the stations of this tenant (profile 3).",
    )
    station_revocation_lists = models.TextField(
        blank=True, max_length=MAX_PEM_LENGTH, help_text="In PEM: the certificates that these authorities have revoked."
    )
    default_heartbeat_interval = models.PositiveIntegerField(
        default=300, validators=[MinValueValidator(10), MaxValueValidator(86400)], help_text="Seconds."
    )
    message_log = models.CharField(max_length=10, choices=MessageLog, default=MessageLog.OFF)
    message_log_days = models.PositiveSmallIntegerField(default=14, validators=[MinValueValidator(1)])
    # False while the database is made: nobody must write to it before, for that would create a collection by the way.
    database_ready = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "tenants"
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    @property
    def database_name(self) -> str:
        """The name of this tenant's own database."""
        return database_name(self.slug)


class User(AbstractUser):
    """A person or program that logs in; what it may do is in its memberships."""

    tenants = models.ManyToManyField(Tenant, through="Membership", related_name="users")

    class Meta:
        db_table = "users"
        ordering = ["username"]

    def membership_in(self, slug: str) -> Membership | None:
        """Return this user's membership in a tenant, or None."""
        return self.memberships.select_related("tenant").filter(tenant_id=slug).first()


class Membership(models.Model):
    """One user's role in one tenant."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "memberships"
        verbose_name = "member"
        ordering = ["tenant_id"]
        constraints = [models.UniqueConstraint(fields=["user", "tenant"], name="one_role_per_tenant")]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()} of {self.tenant_id}"
