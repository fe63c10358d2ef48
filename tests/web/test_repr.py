"""What holds a secret does not show it when somebody prints it, logs it or lets a traceback quote it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from pymongo import MongoClient

from bench.dial import Target
from chargepoints.commands import NewCommand
from chargepoints.configuration import Setting
from chargepoints.models import ChargePoint, Command, Direction
from chargepoints.upload_links import new_link
from csms.embedded.program import ROOT
from csms.env import SettingError
from csms.mongodb_uri import check_tenant_uri, check_uri
from csms.redis_address import check_address
from csms.signing_keys import shared_secret
from events.broker_address import BrokerAddress, BrokerUrlError
from ocpp_gateway.message_log import Entry
from ocpp_gateway.protocol.frames import Call, CallError, CallResult
from ocpp_gateway.simulator.uplink import Address
from tenants.access import Access
from tenants.api_key import ApiKey
from tenants.api_keys import NewKey
from tenants.directory import TenantRecord
from tenants.models import LogIn, SecondFactor, Tenant, User
from tenants.program import Program
from tenants.tokens import TokenPair

SECRET = "5d1e07f3a9c84b62e0d7713f8a2c9b4466de8035"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY_CHANGE = {"key": "AuthorizationKey", "value": SECRET}
API_KEY = ApiKey(id="0123456789abcdef", name="billing", secret_hash=SECRET)
USER = User(username="ann", password=SECRET)
NEW_COMMAND = NewCommand(
    charge_point_id="CP001",
    action="ChangeConfiguration",
    payload=KEY_CHANGE,
    requested_by="ann",
    lifetime=timedelta(seconds=1),
    secret={"payload": {"value": SECRET}},
)
VOLT = TenantRecord(
    slug="volt",
    database_name="volt",
    active=True,
    max_charge_points=1,
    queue_enabled=True,
    mqtt_topic_prefix="volt",
    auto_register=False,
    min_security_profile=0,
    default_heartbeat_interval=300,
)
HOLDERS = [
    TokenPair(access=SECRET, refresh=SECRET),
    NewKey(API_KEY, SECRET),
    Program(API_KEY),
    Access(Program(API_KEY), Tenant(slug="volt"), "viewer"),
    Access(USER, None, "superuser"),
    NEW_COMMAND,
    Setting("AuthorizationKey", SECRET, readonly=False),
    shared_secret(SECRET),
    BrokerAddress.parse(f"tcp://user:{SECRET}@broker"),
    Address("ws://gateway", "CP001", SECRET),
    Target("ws://gateway", "CP001", SECRET),
    Call("1", "ChangeConfiguration", KEY_CHANGE),
    Entry(VOLT, "CP001", NOW, Direction.OUT, f'[2,"1","ChangeConfiguration",{{"value":"{SECRET}"}}]', ""),
    CallResult("1", {"configurationKey": [KEY_CHANGE]}),
    CallError("1", "InternalError", f"no {SECRET}", {"key": SECRET}),
    API_KEY,
    USER,
    ChargePoint(id="CP001", credential_hash=SECRET, credential_next=[SECRET]),
    Command(id="1", charge_point_id="CP001", action="Reset", payload=KEY_CHANGE, secret={"hash": SECRET}),
    LogIn(id="1", user=USER, refresh_id=SECRET),
    SecondFactor(user=USER, secret=SECRET, recovery_hashes=[SECRET]),
    MongoClient(f"mongodb://user:{SECRET}@127.0.0.1/", connect=False),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_a_holder_of_a_secret_does_not_show_it(holder: Any) -> None:
    assert SECRET not in f"{holder!r} {holder!s} {[holder]} {RuntimeError(holder)!r}"


def test_a_link_for_uploads_does_not_show_its_token() -> None:
    link = new_link("volt", "CP001", NOW)

    assert link.token.rpartition(".")[2] not in repr(link)


def test_settings_do_not_show_themselves() -> None:
    assert settings.SECRET_KEY not in f"{settings!r} {settings._wrapped!r}"


@pytest.mark.parametrize(
    "refuse",
    [
        lambda: check_uri("MONGODB_URI", f"mongodb://user:x/{SECRET}@db/"),
        lambda: check_uri("MONGODB_URI", f"mongodb://user:x@{SECRET}@db/"),
        lambda: check_uri("MONGODB_URI", f"mongodb://user:%zz{SECRET}@db/"),
        lambda: check_uri("MONGODB_URI", f"mongo://user:{SECRET}@db/"),
        lambda: check_uri("MONGODB_URI", f"mongodb://user:x/{SECRET}.sock@db/"),
        lambda: check_tenant_uri(f"mongodb://{{tenant}}:x/{SECRET}@db/", SECRET),
        lambda: check_address(f"redis://user:{SECRET}@db:x", 0),
        lambda: check_address(f"http://user:{SECRET}@db", 0),
        lambda: check_address(f"redis+sentinel://user:{SECRET}@db", 0),
        lambda: BrokerAddress.parse(f"http://user:{SECRET}@broker"),
    ],
)
def test_a_refused_setting_does_not_show_itself(refuse: Callable[[], None]) -> None:
    with pytest.raises((SettingError, BrokerUrlError)) as refused:
        refuse()

    assert SECRET not in f"{refused.value!r} {refused.value!s}"


# -- What is written tomorrow ----------------------------------------------------------------------

PACKAGES = ("csms", "events", "tenants", "chargepoints", "sessions_app", "ocpp_gateway", "bench")
SECRET_NAME = re.compile(r"(^|_)(secret|password|key|token|access|refresh|credentials?|otp)$")
NO_SECRETS = {
    "NewKey.key",  # the row, which has a hash
    "Program.key",  # the same
    "Setting.key",  # the name of a setting
    "NewCommand.idempotency_key",
    "CertificateFiles.key",  # the path of a file
}


def _fields_of_dataclasses() -> Iterator[tuple[str, str]]:
    for file in (file for package in PACKAGES for file in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(one) for one in node.decorator_list):
                for field in node.body:
                    if isinstance(field, ast.AnnAssign):
                        yield f"{node.name}.{ast.unparse(field.target)}", ast.unparse(field)


def test_a_field_of_a_dataclass_that_sounds_like_a_secret_is_not_shown() -> None:
    fields = dict(_fields_of_dataclasses())
    secret = {name for name in fields if SECRET_NAME.search(name.partition(".")[2])}

    shown = {name for name in secret if "repr=False" not in fields[name]}

    assert shown == NO_SECRETS
    assert {"TokenPair.refresh", "BrokerAddress.password"} <= secret
