"""The operations of the API as its OpenAPI document lists them, with an address of somebody's for each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from drf_spectacular.generators import SchemaGenerator

from tests.isolation.belongings import NAMED, Belongings

API = "/api/v1/"
# Whose id stands behind the first part of an address: `sessions/{...}` is a ChargingSession.
KINDS = {
    "api-keys": "ApiKey",
    "audit-log": "AuditEntry",
    "certificate-requests": "CertificateRequest",
    "chargepoints": "ChargePoint",
    "charging-profiles": "ChargingProfile",
    "commands": "Command",
    "firmware-jobs": "FirmwareJob",
    "id-tokens": "IdToken",
    "local-lists": "LocalList",
    "log-jobs": "LogJob",
    "reservations": "Reservation",
    "security-events": "SecurityEvent",
    "sessions": "ChargingSession",
    "tenants": "Tenant",
    "undelivered-events": "UndeliveredEvent",
    "wanted-settings": "WantedSetting",
}
# Ids that stand in bodies and filters under names which say nothing of a model.
_REFERENCES = {
    **NAMED,
    "id": "AMP{n}",
    "slug": "",
    "profile_id": 9000,
    "target_id": "AMP{n}",
    "vendor_id": "AMP{n}",
    "tenant": "",
}
_LOOKS_LIKE_ID = re.compile(r"(?:^|_)(?:id|slug|tenant|tag|uuid)$")
# These count within one station.
_PLACES = {"evse_id", "connector_id"}


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    method: str
    path: str
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def names_an_object(self) -> bool:
        return "{" in self.path

    @property
    def is_list(self) -> bool:
        return self.method == "get" and any(each["name"] == "page_size" for each in self.parameters("query"))

    @property
    def kind(self) -> str:
        """The model whose id stands in the address."""
        first = self.path.removeprefix(API).split("/")[0]
        assert first in KINDS, (
            f"{self.name}: nobody knows what stands in this address. Say in KINDS of tests/isolation/operations.py"
            f" which model {first!r} means, so that this test can ask for another tenant's."
        )
        return KINDS[first]

    def parameters(self, place: str) -> list[dict[str, Any]]:
        """Return the parameters in `query`, `path` or `header`."""
        return [each for each in self.spec.get("parameters", ()) if each["in"] == place]

    def address(self, identity: str) -> str:
        """Return the address with an id in it."""
        assert self.path.count("{") <= 1, f"{self.name} names several objects: teach tests/isolation about it"
        return re.sub(r"\{\w+\}", quote(identity, safe=""), self.path)

    def body(self, references: dict[str, Any] | None = None) -> Any:
        """Return a body of the right form, with these values in fields that name something; None without a body."""
        content = self.spec.get("requestBody", {}).get("content", {}).get("application/json")
        return None if content is None else _example(content["schema"], references or {})

    def body_fields(self) -> set[str]:
        """Return the names of all fields in the body, nested ones too."""
        content = self.spec.get("requestBody", {}).get("content", {}).get("application/json")
        return set() if content is None else set(_field_names(content["schema"]))


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


@cache
def operations() -> tuple[Operation, ...]:
    """Return every operation there is."""
    methods = ("get", "post", "put", "patch", "delete")
    return tuple(
        Operation(method, path, spec)
        for path, item in document()["paths"].items()
        for method, spec in item.items()
        if method in methods
    )


def references(theirs: Belongings) -> dict[str, Any]:
    """Return what names something of theirs, by the names of parameters and fields."""
    slug = theirs.company.slug
    known = {name: value.format(n=1) if isinstance(value, str) else value + 1 for name, value in _REFERENCES.items()}
    return known | {"tenant": slug, "tenant_id": slug, "slug": slug}


def looks_like_id(name: str) -> bool:
    """Return whether a parameter or field of this name says which object is meant."""
    return bool(_LOOKS_LIKE_ID.search(name)) and name not in _PLACES


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    for part in schema.get("allOf", schema.get("oneOf", ()))[:1]:
        return _resolved(part)
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return _resolved(found)


_TEXTS = {"date-time": "2030-01-01T00:00:00Z", "uri": "https://example.org/x", "email": "a@example.org"}


def _example(schema: dict[str, Any], references: dict[str, Any]) -> Any:
    schema = _resolved(schema)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "object":
        return {
            name: references[name] if name in references else _example(each, references)
            for name, each in schema.get("properties", {}).items()
            if not each.get("readOnly")
        }
    if kind == "array":
        return [_example(schema["items"], references)]
    if kind == "string":
        return _TEXTS.get(schema.get("format", ""), "text")
    return {"integer": schema.get("minimum", 1), "number": 1.0, "boolean": True}[kind]


def _field_names(schema: dict[str, Any]) -> list[str]:
    schema = _resolved(schema)
    names: list[str] = []
    for name, each in schema.get("properties", {}).items():
        names += [name, *_field_names(each)]
    return names + (_field_names(schema["items"]) if "items" in schema else [])
