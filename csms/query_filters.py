"""Filtering lists by query: every parameter is one the list knows, given once, and of the right type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from csms.pagination import PARAMETERS


class StrictFilterBackend(DjangoFilterBackend):
    """Refuses a parameter nobody knows: a misspelt filter would otherwise answer with everything."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filterset = self.get_filterset_class(view, queryset)
        filters = set(filterset.base_filters) if filterset else set()
        refuse_unknown(request, filters | PARAMETERS | {"format"})
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


def refuse_unknown(request: Request, known: set[str] | frozenset[str]) -> None:
    """Refuse parameters that are not known or stand twice.

    Raises:
        rest_framework.exceptions.ValidationError: with the names of those that are known.
    """
    errors = {}
    for name, values in request.query_params.lists():
        if name not in known:
            errors[name] = [f"not a parameter of this list; there are {', '.join(sorted(known))}"]
        elif len(values) > 1:
            errors[name] = ["given more than once"]
    if errors:
        raise ValidationError(errors)


class _UtcDateTimeField(IsoDateTimeField):
    """ISO 8601; without an offset it is UTC."""

    default_error_messages = {"invalid": "use ISO 8601 with the '+' of an offset as %%2B, or with 'Z'"}

    def clean(self, value: Any) -> datetime | None:
        try:
            moment = super().clean(value)
            return None if moment is None else moment.astimezone(UTC)
        except (OverflowError, ValueError):
            raise forms.ValidationError("outside the years 1 to 9999", code="invalid") from None


class _TruthField(forms.Field):
    """`true` or `false`; Django's own takes all that it does not know for nothing, and answers with everything."""

    def to_python(self, value: Any) -> bool | None:
        if value in self.empty_values:
            return None
        if value.lower() not in {"true", "false"}:
            raise forms.ValidationError("use true or false", code="invalid")
        return bool(value.lower() == "true")


class TruthFilter(django_filters.BooleanFilter):
    """Yes or no."""

    field_class = _TruthField


class MomentFilter(django_filters.Filter):
    """A point in time, as ISO 8601."""

    field_class = _UtcDateTimeField


class Int64Filter(django_filters.Filter):
    """A whole number that MongoDB can store."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=-(2**63), max_value=2**63 - 1, **kwargs)
