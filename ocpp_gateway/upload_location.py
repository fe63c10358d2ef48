"""Where a station is to upload to: what the caller says, or a link of our own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from chargepoints.models import ChargePoint
from chargepoints.upload_links import new_link
from csms.fields import StrictSerializer
from tenants.context import require_tenant


class UploadsSomewhere(StrictSerializer):
    """Parameters of a verb that has the station upload; without a `location` it uploads to us.

    The view gives the station as `charge_point` in the context.
    """

    location = serializers.CharField(
        max_length=512, required=False, help_text="URL of the folder to upload to; without it the file comes here."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters with a location."""
        if "location" not in attrs:
            station: ChargePoint = self.context["charge_point"]
            attrs["location"] = new_link(require_tenant(), station.id, datetime.now(UTC)).url
        return attrs
