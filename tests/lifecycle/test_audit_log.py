"""What the commands do with whole tenants is in the audit log of the platform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from tenants.clients import sync_client
from tenants.models import Tenant
from tests.isolation.belongings import Belongings
from tests.lifecycle.test_deletion import ending

__all__ = ["ending"]  # fixtures from elsewhere


def platform(slug: str) -> list[dict[str, Any]]:
    log = sync_client()[settings.MONGODB_GLOBAL_DATABASE]["audit_entries"]
    return list(log.find({"target_type": "tenants", "target_id": slug}).sort("_id", 1))


def test_an_export_is_told(owned: Belongings, tmp_path: Path) -> None:
    call_command("export_tenant", owned.company.slug, str(tmp_path / "file"), without_snapshot=True)

    entry = platform(owned.company.slug)[-1]
    assert (entry["action"], entry["actor"], entry["via"]) == ("export", "system", "system")


def test_that_it_was_suspended_for_it_is_told_too(ending: str) -> None:
    """It stays so if the deletion then waits in vain."""
    Tenant.objects.filter(slug=ending).update(status="active")
    with pytest.raises(CommandError):
        call_command("delete_tenant", ending, yes=ending, wait=0)

    entry = platform(ending)[-1]
    assert (entry["action"], entry["actor"], entry["via"]) == ("suspend", "system", "system")
    assert json.loads(entry["changes"]) == {"status": {"before": "active", "after": "suspended"}}


def test_a_deletion_is_told(ending: str) -> None:
    call_command("delete_tenant", ending, yes=ending, wait=0)

    entry = platform(ending)[-1]
    assert (entry["action"], entry["actor"], entry["via"]) == ("delete", "system", "system")
