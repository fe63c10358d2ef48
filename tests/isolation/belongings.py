"""One tenant's rows of every kind there is, made from the models themselves: a new model has rows without more ado."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from django.apps import apps
from django.db.models import (
    BinaryField,
    BooleanField,
    CharField,
    DateTimeField,
    Field,
    FloatField,
    ForeignKey,
    IntegerField,
    JSONField,
    Model,
    TextField,
)
from gridfs import GridFSBucket

from chargepoints.log_files import BUCKET
from tenants.clients import sync_client
from tenants.context import tenant_scope
from tenants.models import Membership, Tenant
from tenants.routing import EVERYWHERE_APPS, TENANT_APPS, database_name
from tests.rest.conftest import Company

# In every text of theirs that is no id: where this is read, something of theirs is read.
MARK = "OF-AMPERIA"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
STATIONS = ("AMP1", "AMP2")
FILE = b"log of " + MARK.encode()
_SCHEDULE = {"unit": "A", "periods": [{"start": 0, "limit": 6.0}]}

# What a field is called by which rows name each other; `{n}` is the number of the row.
NAMED: dict[str, Any] = {
    "charge_point_id": "AMP{n}",
    "id_tag": "AMPTAG{n}",
    "token_id": "amptag{n}",
    "stop_id_tag": "AMPTAG{n}",
    "parent_id_tag": "AMPGROUP{n}",
    "session_id": "amp-session-{n}",
    "transaction_id": 7000,
    "reservation_id": 8000,
    "message_id": "amp-message-{n}",
    "upload_id": f"{'a' * 31}{{n}}",
    "file_id": f"{'b' * 23}{{n}}",
    "tenant_id": "",
}
# Ids of rows, where the field alone does not say what fits.
_KEYS: dict[str, Any] = {
    "ChargePoint": "AMP{n}",
    "LocalList": "AMP{n}",
    "ChargingSession": "amp-session-{n}",
    "IdToken": "amptag{n}",
    "Connector": "AMP{n}/1/1",
    "Reservation": "AMP{n}:8000",
    "ChargingProfile": 9000,
    "LogFile": f"{'a' * 31}{{n}}",
    "WantedSetting": "AmpSetting{n}",
}
# Values that the field alone does not tell: a schedule that can be shown, an address that is one.
_SPECIAL: dict[tuple[str, str], Any] = {
    ("ChargingProfile", "schedule"): _SCHEDULE,
    ("OcppMessage", "payload"): f'{{"text":"{MARK}"}}',
    ("AuditEntry", "changes"): f'{{"text":{{"after":"{MARK}"}}}}',
    ("UndeliveredEvent", "payload"): f'{{"text":"{MARK}"}}'.encode(),
    ("LogFile", "state"): "stored",
    ("LogFile", "size"): len(FILE),
}


def tenant_models() -> list[type[Model]]:
    """Return every model that lives in tenants' databases, those first that others point to."""
    labels = TENANT_APPS | EVERYWHERE_APPS
    models = [model for model in apps.get_models() if model._meta.app_label in labels and not model._meta.proxy]
    return sorted(models, key=lambda model: any(isinstance(each, ForeignKey) for each in model._meta.fields))


def platform_models() -> list[type[Model]]:
    """Return the models of the global database whose rows belong to a tenant; members have people behind them."""
    return [
        model
        for model in apps.get_models()
        if model is not Membership and any(each.related_model is Tenant for each in model._meta.concrete_fields)
    ]


@dataclass
class Belongings:
    """What one company owns: the ids of its rows by the model's name."""

    company: Company
    ids: dict[str, list[Any]] = field(default_factory=dict)

    def id_of(self, model: str) -> str:
        """Return the id of a row of a model, as it stands in an address."""
        return str(self.ids[model][0])

    def everything(self) -> dict[str, list[Any]]:
        """Return all documents of the company's database, and its members, to compare before with after."""
        database = sync_client()[database_name(self.company.slug)]
        names = sorted(name for name in database.list_collection_names() if not name.startswith("system"))
        rows: dict[str, list[Any]] = {
            name: sorted(database[name].find(), key=lambda row: str(row["_id"])) for name in names
        }
        for model in platform_models():
            rows[model.__name__] = list(model._base_manager.filter(tenant_id=self.company.slug).order_by("pk").values())
        rows["memberships"] = list(Membership.objects.filter(tenant_id=self.company.slug).values())
        return {name: found for name, found in rows.items() if found}


def own_everything(company: Company) -> Belongings:
    """Give a company two rows of every tenant model, and a file."""
    owned = Belongings(company)
    database = sync_client()[database_name(company.slug)]
    with tenant_scope(company.slug):
        for model in [*tenant_models(), *platform_models()]:
            rows = [_row(model, number, company.slug) for number in (1, 2)]
            # Rows of the platform may be there still, of a company of other tests.
            model._base_manager.filter(pk__in=[row.pk for row in rows if row.pk is not None]).delete()
            model._base_manager.bulk_create(rows)
            owned.ids[model.__name__] = [row.pk for row in rows]
    for number in (1, 2):
        key = ObjectId(NAMED["file_id"].format(n=number))
        for name in (f"{BUCKET}.files", f"{BUCKET}.chunks"):
            database[name].delete_many({"$or": [{"_id": key}, {"files_id": key}]})
        GridFSBucket(database, BUCKET).upload_from_stream_with_id(key, "amperia.log", FILE)
    owned.ids["Membership"] = [
        Membership.objects.get(user=user, tenant_id=company.slug).pk for user in company.users.values()
    ]
    owned.ids["Tenant"] = [company.slug]
    owned.ids["User"] = [user.pk for user in company.users.values()]
    return owned


def _row(model: type[Model], number: int, slug: str) -> Model:
    values: dict[str, Any] = {}
    for each in model._meta.concrete_fields:
        if each.related_model is Tenant:
            values[each.attname] = slug
        elif isinstance(each, ForeignKey):
            values[each.attname] = _numbered(_KEYS[each.related_model.__name__], number)
        elif each.primary_key:
            key = _key(model, each, number)
            if key is not None:
                values[each.attname] = key
        else:
            values[each.attname] = _value(model, each, number)
    return model(**values)


def _key(model: type[Model], field: Field, number: int) -> Any:
    if model.__name__ in _KEYS:
        return _numbered(_KEYS[model.__name__], number)
    if isinstance(field, CharField):
        return f"amp-{model.__name__.lower()}"[: field.max_length - 2] + f"-{number}"
    return None  # made by the database


def _value(model: type[Model], field: Field, number: int) -> Any:
    special = _SPECIAL.get((model.__name__, field.name))
    if special is not None:
        return special
    if field.name in NAMED:
        return _numbered(NAMED[field.name], number)
    if field.choices:
        return field.choices[0][0]
    return _plain(field, number)


def _plain(field: Field, number: int) -> Any:
    if isinstance(field, (CharField, TextField)):
        return f"{number}-{MARK}"[: field.max_length]
    if isinstance(field, BinaryField):
        return MARK.encode()
    if isinstance(field, DateTimeField):
        # MongoDB deletes some rows by itself when their time is over.
        return LATER if field.name == "expires_at" else NOON
    if isinstance(field, BooleanField):
        return field.default if field.has_default() else False
    if isinstance(field, (IntegerField, FloatField)):
        return field.default if field.has_default() else number
    if isinstance(field, JSONField):
        return field.get_default() if field.has_default() else None if field.null else {}
    raise NotImplementedError(
        f"{field.model.__name__}.{field.name} is a {type(field).__name__}: say in tests/isolation/belongings.py what"
        " value it gets"
    )


def _numbered(value: Any, number: int) -> Any:
    return value.format(n=number) if isinstance(value, str) else value + number
