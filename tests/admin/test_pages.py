"""Every page of the admin opens for those who may, and asks the others to log in or says no."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.contrib import admin

from chargepoints.booking import book
from chargepoints.models import (
    CertificateRequest,
    ChargingProfile,
    Command,
    Connector,
    FirmwareJob,
    LogJob,
    Reservation,
    SecurityEvent,
    WantedSetting,
)
from sessions_app.models import IdToken, LocalList
from tenants.api_keys import create_key
from tenants.audit.record import entry, store
from tenants.context import tenant_scope
from tenants.models import Membership, User
from tests.admin.charges import store_readings, store_session
from tests.admin.conftest import PASSWORD, Browser, Network
from tests.admin.test_undelivered_events import undelivered

READ_ONLY = {
    "audit_auditentry",
    "audit_platformauditentry",
    "events_undeliveredevent",
    "chargepoints_certificaterequest",
    "chargepoints_command",
    "chargepoints_firmwarejob",
    "chargepoints_logjob",
    "chargepoints_securityevent",
    "chargepoints_chargingprofile",
    "chargepoints_reservation",
    "sessions_app_chargingsession",
    "sessions_app_locallist",
}


def store_reports(station: str) -> None:
    """Store what a station reports about its work and its security, one of each kind."""
    now = datetime(2026, 5, 1, tzinfo=UTC)
    job = {
        "charge_point_id": station,
        "history": [{"status": "requested", "at": "2026-05-01T00:00:00.000Z"}],
        "created_at": now,
        "updated_at": now,
    }
    FirmwareJob.objects.update_or_create(pk="f1", defaults={**job, "status": "installing", "location": "ftp://h/f"})
    LogJob.objects.update_or_create(pk="l1", defaults={**job, "status": "upload_failed"})
    event = {"type": "TamperDetectionActivated", "timestamp": now, "received_at": now, "charge_point_id": station}
    SecurityEvent.objects.update_or_create(pk="s1", defaults=event)
    request = {"csr": "-", "status": "refused", "received_at": now, "updated_at": now, "charge_point_id": station}
    CertificateRequest.objects.update_or_create(pk="c1", defaults=request)
    command = {"charge_point_id": station, "action": "Reset", "created_at": now, "expires_at": now}
    Command.objects.update_or_create(pk="o1", defaults=command)


def audited(slug: str) -> str:
    """Return the id of an entry that is in the audit logs of a tenant and of the platform."""
    written = entry("create", "tenants", slug, {"name": {"after": "Nordlade"}})
    for place in (slug, None):
        store([written], place)
    return str(written["_id"])


@pytest.fixture
def furnished(nordlade: Network) -> dict[str, object]:
    """One object of every kind; returns the primary key of each by the name of its pages."""
    nordlade.installs("nordlade_CP001", name="Town hall")
    with tenant_scope(nordlade.slug):
        Connector.objects.create(id="nordlade_CP001/1/1", charge_point_id="nordlade_CP001", evse_id=1, connector_id=1)
        IdToken.objects.create(id="04a1b2", id_tag="04A1B2")
        LocalList.objects.get_or_create(id="nordlade_CP001")
        Reservation.objects.all().delete()
        reservation = book(
            "nordlade_CP001",
            evse_id=1,
            id_tag="04A1B2",
            parent_id_tag="",
            expires_at=datetime(2030, 1, 1, tzinfo=UTC),
            requested_by="somebody",
            now=datetime(2026, 5, 1, tzinfo=UTC),
        )
        ChargingProfile.objects.update_or_create(
            pk=1001, defaults={"purpose": "tx_default", "kind": "absolute", "schedule": {"unit": "A", "periods": []}}
        )
        store_reports("nordlade_CP001")
        WantedSetting.objects.update_or_create(key="HeartbeatInterval", defaults={"value": "300"})
    session = store_session(nordlade.slug, "f00d", charge_point_id="nordlade_CP001")
    store_readings(nordlade.slug, session, 5)
    return {
        **dict.fromkeys(("audit_auditentry", "audit_platformauditentry"), audited(nordlade.slug)),
        "chargepoints_chargepoint": "nordlade_CP001",
        "chargepoints_chargingprofile": 1001,
        "chargepoints_certificaterequest": "c1",
        "chargepoints_command": "o1",
        "chargepoints_firmwarejob": "f1",
        "chargepoints_logjob": "l1",
        "chargepoints_securityevent": "s1",
        "chargepoints_wantedsetting": "HeartbeatInterval",
        "chargepoints_reservation": reservation.pk,
        "events_undeliveredevent": undelivered(nordlade.slug).pk,
        "sessions_app_chargingsession": session.pk,
        "sessions_app_idtoken": "04a1b2",
        "sessions_app_locallist": "nordlade_CP001",
        "tenants_apikey": create_key(nordlade.slug, created_by="somebody", name="billing").key.pk,
        "tenants_tenant": nordlade.slug,
        "tenants_user": nordlade.people["viewer"].pk,
        "tenants_membership": Membership.objects.get(user=nordlade.people["viewer"]).pk,
    }


def test_every_page_opens_for_a_superuser(nordlade: Network, root: User, furnished: dict[str, object]) -> None:
    browser = Browser(root, nordlade.slug)
    registered = {f"{m._meta.app_label}_{m._meta.model_name}" for m in admin.site._registry}
    assert registered == set(furnished), "a new page needs an object in this test"

    for page, pk in furnished.items():
        browser.html(f"{page}_changelist")
        browser.html(f"{page}_changelist", q="no-such")
        browser.html(f"{page}_changelist", _facets="True")
        browser.html(f"{page}_change", pk)
        if page not in READ_ONLY:
            browser.html(f"{page}_add")
    for page in ("index", "tenant", "password_change", "jsi18n", "search"):
        browser.html(page)


@pytest.mark.parametrize("role", ["admin", "operator", "viewer"])
def test_pages_of_a_tenant_open_for_its_members(nordlade: Network, furnished: dict[str, object], role: str) -> None:
    browser = nordlade.browser(role)

    browser.html("index")
    for page in ("chargepoints_chargepoint", "sessions_app_chargingsession", "sessions_app_idtoken"):
        browser.html(f"{page}_changelist")
        browser.html(f"{page}_change", furnished[page])


def test_strangers_are_asked_to_log_in(furnished: dict[str, object]) -> None:
    stranger = Browser()
    for page, pk in furnished.items():
        for answer in (stranger.get(f"{page}_changelist"), stranger.get(f"{page}_change", pk)):
            assert answer.status_code == 302
            assert answer.url.startswith("/admin/login/")
    assert stranger.get("tenant").url.startswith("/admin/login/")


def test_members_log_in_with_the_account_they_use_for_rest(nordlade: Network) -> None:
    browser = Browser()

    answer = browser.post("login", {"username": f"viewer@{nordlade.slug}", "password": PASSWORD})

    assert answer.status_code == 302
    assert "Stations" in browser.html("index") or "Connect the first station" in browser.html("index")


def test_an_account_without_a_tenant_is_told_why_it_stays_outside(nordlade: Network) -> None:
    User.objects.create_user(f"lonely@{nordlade.slug}", password=PASSWORD, is_staff=True)

    answer = Browser().post("login", {"username": f"lonely@{nordlade.slug}", "password": PASSWORD})

    assert "belongs to no tenant" in answer.content.decode()


def test_a_deactivated_member_is_out_at_once(nordlade: Network) -> None:
    browser = nordlade.browser()
    browser.html("index")
    User.objects.filter(pk=nordlade.people["admin"].pk).update(is_active=False)

    assert browser.get("index").status_code == 302


def test_the_tenant_is_named_on_every_page(nordlade: Network, root: User, furnished: dict[str, object]) -> None:
    browser = Browser(root, nordlade.slug)
    for page, pk in furnished.items():
        for text in (browser.html(f"{page}_changelist"), browser.html(f"{page}_change", pk)):
            badge = text.split('id="header-inner"')[1].split('id="content"')[0]
            assert "Nordlade" in badge


def test_platform_pages_are_the_superusers(nordlade: Network, furnished: dict[str, object]) -> None:
    browser = nordlade.browser()
    for page in ("tenants_tenant", "tenants_user"):
        for answer in (
            browser.get(f"{page}_changelist"),
            browser.get(f"{page}_add"),
            browser.get(f"{page}_change", furnished[page]),
        ):
            assert answer.status_code == 403
            assert "Your role does not allow this." in answer.content.decode()


def test_there_is_no_history_of_tenants_data(nordlade: Network, furnished: dict[str, object]) -> None:
    # Django's log is platform-wide and keyed by id: it would tell of a namesake in another tenant.
    page = "chargepoints_chargepoint"
    assert nordlade.browser().get(f"{page}_history", furnished[page]).status_code == 404


def test_what_the_pages_load_is_served_from_here(nordlade: Network) -> None:
    text = nordlade.browser("viewer").html("index")
    loaded = re.findall(r'(?:src|href)="([^"]+\.(?:css|js|svg))"', text)

    assert {"/static/csms/admin.css", "/static/csms/admin.js", "/static/csms/icon.svg"} <= set(loaded)
    for url in loaded:
        assert url.startswith("/static/")
        assert Browser().client.get(url).status_code == 200, url
