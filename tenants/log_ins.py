"""Log-ins at the API: each is a family of tokens that can be ended as a whole."""

from __future__ import annotations

from django.db import models

from csms.choices import TextChoices


class LogIn(models.Model):
    """One log-in of one user, from the password to the log-out. MongoDB deletes it when its last token has run out.

    Tokens are good only while their log-in is here and has not ended.
    """

    class End(TextChoices):
        """Why it ended before its time."""

        LOG_OUT = "log_out", "Logged out"
        REUSE = "reuse", "A refresh token came twice"

    id = models.CharField(primary_key=True, db_column="_id", max_length=32)
    user = models.ForeignKey("tenants.User", on_delete=models.CASCADE, related_name="log_ins")
    # The one refresh token that is good now, by its `jti`.
    refresh_id = models.CharField(max_length=32)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended = models.CharField(max_length=10, choices=End, blank=True)

    class Meta:
        db_table = "log_ins"
        verbose_name = "log-in"

    def __str__(self) -> str:
        return self.id
