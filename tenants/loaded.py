"""Documents that were read with the driver, as objects of the ORM."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db.models import Model

from tenants.clients import Document

_Model = TypeVar("_Model", bound=Model)


def loaded(model: type[_Model], document: Document) -> _Model:
    """Return a stored document as the ORM would have loaded it, to be read."""
    fields = model._meta.concrete_fields
    values = [_aware(document[f.column]) if f.column in document else f.get_default() for f in fields]
    return model.from_db("default", [field.attname for field in fields], values)


def _aware(value: Any) -> Any:
    # The driver's client for threads returns naive moments in UTC.
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
