"""Local lists in JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from csms.fields import CurrentTenantField, MomentField, StrictSerializer
from sessions_app.local_lists import PATIENCE
from sessions_app.models import LocalList

STATUSES = ("off", "current", "pending", "failed", "not_supported")


def status_of(local_list: LocalList) -> str:
    """Return in a word how far a station's list is from what it shall hold."""
    if local_list.supported is False:
        return "not_supported"
    if local_list.due:
        return "pending"
    if (local_list.trouble or 0) >= PATIENCE:  # None in a document older than the field
        return "failed"
    return "off" if local_list.mode == LocalList.Mode.OFF else "current"


class LocalListSerializer(StrictSerializer, serializers.ModelSerializer[LocalList]):
    """Which tokens a station shall hold for itself, and which list it holds."""

    tenant_id = CurrentTenantField()
    charge_point_id = serializers.CharField(source="id", read_only=True)
    mode = serializers.ChoiceField(
        LocalList.Mode.choices,
        help_text="`off`: none; `all`: every token of the tenant; `group`: the tokens of `parent_id_tag`.",
    )
    parent_id_tag = serializers.CharField(
        max_length=36, required=False, allow_blank=True, help_text="For `group`; upper and lower case are the same."
    )
    status = serializers.SerializerMethodField(
        help_text="`current`: the station holds what it shall; `pending`: an update is to be sent; `failed`: the"
        " station has refused it; `not_supported`: the station has no local list; `off`."
    )
    version = serializers.IntegerField(read_only=True, help_text="Of the list that the station holds; 0 is empty.")
    entry_count = serializers.IntegerField(read_only=True, help_text="Tokens in it, when it was last current.")
    left_out = serializers.IntegerField(read_only=True, help_text="Tokens for which the station has no room.")
    answer = serializers.CharField(read_only=True, help_text="The last answer to an update.")
    checked_at = MomentField(read_only=True, allow_null=True, help_text="When the station last told its version.")
    updated_at = MomentField(read_only=True, allow_null=True, help_text="When the station last took an update.")

    class Meta:
        model = LocalList
        fields = (
            "charge_point_id",
            "tenant_id",
            "mode",
            "parent_id_tag",
            "status",
            "version",
            "entry_count",
            "left_out",
            "answer",
            "checked_at",
            "updated_at",
        )

    def get_status(self, local_list: LocalList) -> str:
        """Return one of `STATUSES`."""
        return status_of(local_list)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a group without a name."""
        mode = attrs.get("mode", self.instance.mode if self.instance else LocalList.Mode.OFF)
        parent = attrs.get("parent_id_tag", self.instance.parent_id_tag if self.instance else "")
        if mode == LocalList.Mode.GROUP and not parent:
            raise serializers.ValidationError({"parent_id_tag": ["name the group whose tokens the station shall hold"]})
        return attrs
