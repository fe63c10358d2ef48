"""The router has no database for tenant data where no tenant is chosen: for no model, and no kind of access."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F, Model

from tenants.context import NoTenant, tenant_scope
from tenants.routing import GLOBAL_ALIAS, TENANT_APPS, TenantRouter, alias_for
from tests.isolation.belongings import tenant_models

MODELS = [model for model in tenant_models() if model._meta.app_label in TENANT_APPS]

DEEDS: dict[str, Callable[[type[Model]], Any]] = {
    "count": lambda model: model.objects.count(),
    "list": lambda model: list(model.objects.all()[:1]),
    "get": lambda model: model.objects.get(pk="000000000000000000000000" if model._meta.pk.auto_created else "1"),
    "exists": lambda model: model.objects.exists(),
    "update": lambda model: model.objects.update(**{(name := model._meta.concrete_fields[1].name): F(name)}),
    "delete": lambda model: model.objects.all().delete(),
    "save": lambda model: model(pk=None).save(),
    "create": lambda model: model.objects.bulk_create([model()]),
}


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_without_a_tenant_there_is_no_database(database: None, model: type[Model], deed: str) -> None:
    with tenant_scope(None), pytest.raises(NoTenant):
        DEEDS[deed](model)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_is_made_in_tenants_databases_only(database: None, model: type[Model]) -> None:
    router, label = TenantRouter(), model._meta.app_label
    assert router.allow_migrate(alias_for("a"), label)
    assert not router.allow_migrate(GLOBAL_ALIAS, label)
    with tenant_scope("a"):
        assert router.db_for_read(model) == router.db_for_write(model) == alias_for("a")


def test_rows_of_two_tenants_cannot_point_to_each_other(database: None) -> None:
    first, second = MODELS[0](), MODELS[0]()
    first._state.db, second._state.db = alias_for("a"), alias_for("b")
    assert not TenantRouter().allow_relation(first, second)
