"""Edits that touch only what was edited, and only if nobody else has edited it meanwhile (RFC 9110 §13).

The gateway writes other fields of the same documents all the time, so a document is never read, changed and
written back as a whole. The ETag covers the fields that people edit: it does not change when a station reports.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Model
from django.utils import timezone
from django.utils.http import parse_etags

from csms.errors import CsmsError
from tenants.audit.trail import note_change


class ChangedMeanwhile(CsmsError):
    """Somebody else has edited the object since the caller read it."""

    code = "changed_meanwhile"
    http_status = 412

    def __init__(self) -> None:
        super().__init__("it was edited since you read it: read it again and repeat your change with the new ETag")


class Gone(CsmsError):
    """The object was deleted between the look and the write."""

    code = "not_found"
    http_status = 404

    def __init__(self) -> None:
        super().__init__("there is nothing at this address")


def etag_of(instance: Model, editable: Sequence[str]) -> str:
    """Return the ETag of an object, made of the fields that can be edited."""
    values = [getattr(instance, name) for name in editable]
    return f'"{hashlib.sha256(json.dumps(values, default=str).encode()).hexdigest()[:24]}"'


def check_etag(instance: Model, editable: Sequence[str], if_match: str | None) -> None:
    """Check the `If-Match` header of a request, if it has one.

    Raises:
        ChangedMeanwhile: it names another state than the object's.
    """
    if if_match is None or if_match.strip() == "*":
        return
    if etag_of(instance, editable) not in parse_etags(if_match):
        raise ChangedMeanwhile


def apply_edit(
    instance: Model, changes: Mapping[str, Any], *, editable: Sequence[str], if_match: str | None = None
) -> None:
    """Write the changed fields of an object and nothing else.

    Raises:
        ChangedMeanwhile: with `if_match`, the object is in another state, also if it changed at the last moment.
        Gone: it was deleted meanwhile.
    """
    check_etag(instance, editable, if_match)
    model = type(instance)
    seen = {} if if_match is None else {name: getattr(instance, name) for name in editable}
    written = _stamped(model, changes) if changes else {}
    if written and not model._default_manager.filter(pk=instance.pk, **seen).update(**written):
        if model._default_manager.filter(pk=instance.pk).exists():
            raise ChangedMeanwhile
        raise Gone
    note_change({name: getattr(instance, name) for name in changes}, changes)
    for name, value in written.items():
        setattr(instance, name, value)


def _stamped(model: type[Model], changes: Mapping[str, Any]) -> dict[str, Any]:
    stamps = {field.name: timezone.now() for field in model._meta.fields if getattr(field, "auto_now", False)}
    return {**stamps, **changes}
