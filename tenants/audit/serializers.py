"""Entries of the audit log as the API shows them."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from csms.fields import MomentField
from tenants.audit.models import ActorKind, AuditEntry, Via

_CHANGES = {
    "type": "object",
    "description": "By field. Secrets are `***`, of tags only the end is shown.",
    "additionalProperties": {"type": "object", "properties": {"before": {}, "after": {}}},
}


@extend_schema_field(_CHANGES)
class ChangesField(serializers.Field):
    """What was before and after, by field."""

    def to_representation(self, value: str) -> Any:
        """Return the stored JSON text as the object it is."""
        return json.loads(value) if value else {}


class AuditEntrySerializer(serializers.ModelSerializer):
    at = MomentField()
    actor = serializers.CharField(help_text="User name, or name of the API key, as it was then.")
    actor_kind = serializers.ChoiceField(ActorKind.choices)
    role = serializers.CharField(help_text="The role in which it was done; empty for the product itself.")
    address = serializers.CharField(help_text="Where the request came from, seen through `TRUSTED_PROXIES`.")
    via = serializers.ChoiceField(Via.choices)
    action = serializers.CharField(
        help_text="For example `create`, `change`, `delete`, `command`, `log_in`, `suspend`."
    )
    target_type = serializers.CharField(help_text="A resource of the table of roles.")
    changes = ChangesField()

    class Meta:
        model = AuditEntry
        fields = (
            "id",
            "at",
            "actor_kind",
            "actor_id",
            "actor",
            "role",
            "address",
            "via",
            "action",
            "target_type",
            "target_id",
            "changes",
        )
        read_only_fields = fields
