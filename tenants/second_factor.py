"""The second factor of a user: one-time passwords of an authenticator app (RFC 6238)."""

from __future__ import annotations

from django.db import models


class SecondFactor(models.Model):
    """The app of one user; asked for at log-in once it is confirmed."""

    user = models.OneToOneField("tenants.User", on_delete=models.CASCADE, related_name="second_factor")
    # Encrypted with a key that is made of SECRET_KEY.
    secret = models.TextField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    # The time step of the last password that was taken: each is good once (RFC 6238 §5.2).
    last_step = models.BigIntegerField(default=0)
    recovery_hashes = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "second_factors"
        verbose_name = "second factor"

    def __str__(self) -> str:
        return f"second factor of {self.user}"
