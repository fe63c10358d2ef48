"""Deleting a tenant: asked twice, and then nothing of it stays anywhere; nothing of anybody else's goes with it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.models import Model

from csms.embedded.stack import Stack
from ocpp_gateway.tenant_turns import forget
from tenants import deletion
from tenants.clients import sync_client
from tenants.lifecycle import tenant_gone
from tenants.models import Membership, Tenant, User
from tenants.provisioning import create_tenant
from tenants.routing import database_name
from tests.isolation.belongings import Belongings
from tests.lifecycle.retained import retained_topics, seconds_until
from tests.rest.conftest import Api, Company, assert_problem
from tests.serving import publisher

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ending(owned: Belongings, voltway: Company, django_db_blocker: Any) -> Iterator[str]:
    """Amperia, suspended for a while, with nothing under way; its database is made again for other tests."""
    slug = owned.company.slug
    database = sync_client()[database_name(slug)]
    database["charge_points"].update_many({}, {"$set": {"connected": None}})
    # Said already, so that no gateway of other tests, which looks after these tenants too, has anything to announce.
    database["counters"].replace_one({"_id": "announced_status"}, {"value": 0, "status": "suspended"}, upsert=True)
    database["outbox"].delete_many({})
    Tenant.objects.filter(slug=slug).update(status="suspended", updated_at=LONG_AGO)
    platform_outbox().delete_many({})
    yield slug
    platform_outbox().delete_many({})
    create_tenant(slug, "Amperia")


def platform_outbox() -> Any:
    return sync_client()[settings.MONGODB_GLOBAL_DATABASE]["outbox"]


def state() -> redis.Redis:
    return redis.Redis.from_url(f"redis://{settings.REDIS_ADDR}/{settings.REDIS_DB + 1}")


def exists(slug: str) -> bool:
    return Tenant.objects.filter(slug=slug).exists() or database_name(slug) in sync_client().list_database_names()


def last_topics() -> list[str]:
    rows = platform_outbox().find()
    return sorted(event["topic"] for row in rows for event in row["events"] if event["retain"] and not event["payload"])


def path(slug: str, confirm: str | None = None) -> str:
    return f"tenants/{slug}" + (f"?confirm={confirm}" if confirm is not None else "")


# -- Asked twice ---------------------------------------------------------------------------------


@pytest.mark.parametrize("confirm", [None, "", "yes", "{slug}x"])
def test_the_slug_has_to_be_repeated(root_api: Api, ending: str, confirm: str | None) -> None:
    wrong = None if confirm is None else confirm.format(slug=ending)
    problem = assert_problem(root_api.delete(path(ending, wrong)), 409, "confirmation_required")
    assert f"confirm={ending}" in problem["detail"]
    assert exists(ending)


def test_an_active_tenant_is_not_deleted(root_api: Api, ending: str) -> None:
    Tenant.objects.filter(slug=ending).update(status="active")
    assert "suspend it first" in assert_problem(root_api.delete(path(ending, ending)), 409, "tenant_in_use")["detail"]
    assert exists(ending)


def _changed_just_now(slug: str) -> None:
    Tenant.objects.filter(slug=slug).update(updated_at=datetime.now(UTC) - deletion.SETTLED + timedelta(seconds=5))


def _connected(slug: str) -> None:
    station = {"$set": {"connected": {"instance": "a", "epoch": 1}}}
    sync_client()[database_name(slug)]["charge_points"].update_one({"_id": "AMP1"}, station)


def _with_events(slug: str) -> None:
    sync_client()[database_name(slug)]["outbox"].insert_one({"events": []})


@pytest.mark.parametrize(
    "trouble, said",
    [(_changed_just_now, "just now"), (_connected, "still connected"), (_with_events, "publish_events")],
)
def test_what_is_under_way_is_waited_for(root_api: Api, ending: str, trouble: Any, said: str) -> None:
    trouble(ending)
    answer = root_api.delete(path(ending, ending))
    assert said in assert_problem(answer, 409, "tenant_in_use")["detail"]
    assert answer["Retry-After"]
    assert exists(ending)


@pytest.mark.parametrize("role", ["admin", "operator", "viewer"])
def test_members_delete_no_tenant(voltway: Company, ending: str, role: str) -> None:
    for slug in (voltway.slug, ending):
        assert_problem(voltway.api(role).delete(path(slug, slug)), 403, "permission_denied")
    assert exists(ending)
    assert exists(voltway.slug)


# -- Nothing stays -------------------------------------------------------------------------------


def test_nothing_stays_of_it_and_everything_of_others(
    root_api: Api, ending: str, voltway: Company, owned: Belongings
) -> None:
    both = owned.company.users["viewer"]
    Membership.objects.create(user=both, tenant_id=voltway.slug, role="viewer")
    client = state()
    kept = [f"ocpp:presence:{voltway.slug}", f"ocpp:pending:{voltway.slug}:x:{ending}:y", f"ocpp:pending:{ending}x:a"]
    gone = [f"ocpp:presence:{ending}", f"ocpp:pending:{ending}:AMP1", f"ocpp:pending:{ending}:a:b*?[c]"]
    for key in (*kept, *gone):
        client.hset(key, "field", "value")
    others = sync_client()[database_name(voltway.slug)]["charge_points"]
    others.insert_one({"_id": "VOLT1"})
    try:
        assert root_api.delete(path(ending, ending)).status_code == 204

        assert not exists(ending)
        assert [key for key in gone if client.exists(key)] == []
        assert [key for key in kept if client.exists(key)] == kept
        assert not Membership.objects.filter(tenant_id=ending).exists()
        assert list(User.objects.filter(username__endswith=f"@{ending}")) == [both]
        assert others.count_documents({"_id": "VOLT1"}) == 1
        assert last_topics() == [f"ocpp/status/{ending}/{station}" for station in ("AMP1", "AMP2")]
        assert_problem(root_api.delete(path(ending, ending)), 404, "not_found")
    finally:
        client.delete(*kept, *gone)
        others.delete_one({"_id": "VOLT1"})


def test_no_row_of_the_platform_names_it_any_more(root_api: Api, ending: str) -> None:
    """Also of models that come later."""
    from django.apps import apps

    assert root_api.delete(path(ending, ending)).status_code == 204
    pointing: list[type[Model]] = [
        model
        for model in apps.get_models()
        for each in model._meta.concrete_fields
        if each.related_model is Tenant and model._meta.app_label == "tenants"
    ]
    assert Membership in pointing
    for model in pointing:
        assert not model.objects.filter(tenant_id=ending).exists(), model


def test_a_superuser_who_acts_in_it_leaves_nothing_either(root_api: Api, ending: str) -> None:
    """The audit entry goes to the platform's log: in the tenant's, it would make the database again."""
    assert root_api.delete(path(ending, ending), **{"X-Tenant": ending}).status_code == 204
    assert not exists(ending)


def test_a_superuser_stays(root: User, root_api: Api, ending: str) -> None:
    Membership.objects.create(user=root, tenant_id=ending, role="admin")
    assert root_api.delete(path(ending, ending)).status_code == 204
    assert User.objects.filter(pk=root.pk).exists()


def test_the_broker_forgets_the_status_of_its_stations(
    root_api: Api, ending: str, embedded_stack: Stack, tmp_path: Path
) -> None:
    """On the real broker, by the real publisher, after the database is gone."""
    broker = embedded_stack.urls()["mqtt"]
    topics = [f"ocpp/status/{ending}/{station}" for station in ("AMP1", "AMP2")]
    other = f"ocpp/status/{ending}x/AMP1"
    with retained_topics(broker, [*topics, other]) as retained:
        assert root_api.delete(path(ending, ending)).status_code == 204
        process = publisher(tmp_path)
        process.start()
        try:
            seconds_until(lambda: retained() == {other})
        finally:
            process.stop(20.0)
    assert platform_outbox().count_documents({}) == 0


# -- Kills and outages ---------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def test_a_deletion_that_was_killed_is_finished_by_asking_again(root_api: Api, ending: str) -> None:
    def killed(sender: object, slug: str, **_: object) -> None:
        raise Killed

    tenant_gone.connect(killed)
    try:
        with pytest.raises(Killed):
            deletion.delete_tenant(Tenant.objects.get(slug=ending))
    finally:
        tenant_gone.disconnect(killed)
    assert Tenant.objects.filter(slug=ending).exists()  # so that it can be asked for again

    assert root_api.delete(path(ending, ending)).status_code == 204
    assert not exists(ending)


def test_without_redis_it_is_told_and_finished_later(root_api: Api, ending: str, settings: Any) -> None:
    address, settings.REDIS_ADDR = settings.REDIS_ADDR, "127.0.0.1:1"
    answer = root_api.delete(path(ending, ending))
    assert_problem(answer, 503, "redis_unavailable")
    settings.REDIS_ADDR = address
    assert root_api.delete(path(ending, ending)).status_code == 204
    assert not exists(ending)


def test_a_single_process_needs_no_redis(ending: str, settings: Any) -> None:
    settings.REDIS_ADDR, settings.REDIS_DISTRIBUTED_STATE = "127.0.0.1:1", False
    forget(None, ending)


# -- The command ---------------------------------------------------------------------------------


def run(slug: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("delete_tenant", slug, stdout=out, **options)
    return out.getvalue()


def test_the_command_asks(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="--yes"):
        run(ending)
    with pytest.raises(CommandError, match="nothing was deleted"):
        run(ending, yes="yes")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: "no")
    with pytest.raises(CommandError, match="nothing was deleted"):
        run(ending)
    assert exists(ending)
    monkeypatch.setattr("builtins.input", lambda prompt: ending)
    assert "is deleted" in run(ending)
    assert not exists(ending)


def test_the_command_suspends_and_waits(ending: str) -> None:
    Tenant.objects.filter(slug=ending).update(status="active")
    with pytest.raises(CommandError, match="stays suspended"):
        run(ending, yes=ending, wait=0)
    assert Tenant.objects.get(slug=ending).status == "suspended"
    Tenant.objects.filter(slug=ending).update(updated_at=LONG_AGO)
    # A gateway of other tests may have announced the suspension: that goes out first.
    assert "is deleted" in run(ending, yes=ending, wait=30)


def test_the_command_discards_only_where_it_is_told_to(ending: str) -> None:
    _with_events(ending)
    with pytest.raises(CommandError, match="--discard"):
        run(ending, yes=ending, wait=0)
    assert exists(ending)
    assert "is deleted" in run(ending, yes=ending, wait=0, discard=True)
    assert not exists(ending)


def test_the_command_knows_who_is_there(database: None) -> None:
    with pytest.raises(CommandError, match="there is no tenant 'nobody'"):
        run("nobody", yes="nobody")
