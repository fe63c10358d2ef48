"""The roles inside one tenant."""

from __future__ import annotations

from csms.choices import TextChoices


class Role(TextChoices):
    """What a member may do inside one tenant."""

    ADMIN = "admin", "Administrator"
    OPERATOR = "operator", "Operator"
    VIEWER = "viewer", "Viewer"
