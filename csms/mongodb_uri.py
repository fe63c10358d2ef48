"""Checking the URIs of MongoDB before anything is started."""

from __future__ import annotations

import re

from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from csms.env import SettingError

_KEY_LENGTH = 32


def check_uri(name: str, uri: str) -> None:
    """Check a URI of MongoDB.

    Raises:
        SettingError: it cannot be read; the text says why.
    """
    try:
        parse_uri(uri, validate=True)
    except (PyMongoError, ValueError) as error:
        # The driver quotes what it does not understand: where a `/` is not escaped, that is half of the password.
        reason = re.split(r"[\":]", str(error))[0].strip()
        raise SettingError(f"{name} is no URI of MongoDB: {reason}") from None


def check_tenant_uri(uri: str, password_key: str) -> None:
    """Check `MONGODB_TENANT_URI`, in which `{tenant}`, `{database}` and `{password}` stand for a tenant's own.

    Raises:
        SettingError: it cannot work; the text says why.
    """
    if not uri:
        return
    if "{tenant}" not in uri and "{database}" not in uri:
        raise SettingError("MONGODB_TENANT_URI has neither {tenant} nor {database}: all tenants would log in as one")
    if "{password}" in uri and len(password_key) < _KEY_LENGTH:
        raise SettingError(
            f"MONGODB_TENANT_URI has {{password}}: set MONGODB_TENANT_PASSWORD_KEY to {_KEY_LENGTH} characters or more"
            " (for example the output of `openssl rand -hex 32`)"
        )
    example = uri
    for name in ("{tenant}", "{database}", "{password}"):
        example = example.replace(name, "x")
    check_uri("MONGODB_TENANT_URI", example)
