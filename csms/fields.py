"""Serializer fields that every app of the API shares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from tenants.context import require_tenant


class MomentField(serializers.DateTimeField):
    """A point in time: ISO 8601 with any offset on the way in, UTC with `Z` and milliseconds on the way out."""

    def to_representation(self, value: datetime | None) -> str | None:
        """Return for example `2026-05-01T10:00:00.000Z`."""
        if value is None:
            return None
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def enforce_timezone(self, value: datetime) -> datetime:
        """Return the moment in UTC, to the millisecond that MongoDB keeps."""
        try:
            moment: datetime = super().enforce_timezone(value).astimezone(UTC)
        except OverflowError:
            self.fail("overflow")
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class WholeNumberField(serializers.IntegerField):
    """A whole number; `true`, `"5"` and `5.0` are none."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class FiniteNumberField(serializers.FloatField):
    """A number; neither `"nan"` nor `true` nor text is one."""

    def to_internal_value(self, data: Any) -> float:
        """Return the number."""
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            self.fail("invalid")
        return float(super().to_internal_value(data))


def refuse_path_steps(value: str) -> None:
    """Refuse an id that no client could ask for again: `.` and `..` vanish from URLs (RFC 3986 §5.2.4).

    Raises:
        rest_framework.exceptions.ValidationError: it is one of the two.
    """
    if value in {".", ".."}:
        raise serializers.ValidationError("'.' and '..' cannot stand in a URL")


class CurrentTenantField(serializers.CharField):
    """The tenant in whose database the object lies."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str:
        """Return the slug."""
        return require_tenant()


class StrictSerializer(serializers.Serializer):
    """Refuses fields the API does not know: a misspelt one would otherwise be dropped without a word.

    Fields that are only read are ignored, so that what was read can be sent back.
    """

    def to_internal_value(self, data: Any) -> Any:
        """Return the validated values."""
        unknown = [name for name in data if name not in self.fields] if isinstance(data, dict) else []
        if unknown:
            writable = ", ".join(name for name, field in self.fields.items() if not field.read_only) or "none"
            raise serializers.ValidationError({name: [f"no such field; there are {writable}"] for name in unknown})
        return super().to_internal_value(data)
