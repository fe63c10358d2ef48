"""The API against its own OpenAPI document, with each role: Schemathesis makes requests that fit it and that do not.

Nothing may end with a 5xx, and every answer has a status, a media type and a body that the document knows.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tenants.access import access_to
from tenants.models import Role, User
from tenants.tokens import issue_tokens
from tests.people import Installed, Operator, with_orm
from tests.rest_client import token_for
from tests.serving import Gateway
from tests.web.schemathesis_run import NO_WAIT, fuzz

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("role", list(Role))
async def test_members(gateway: Gateway, anna: Operator, charger: Installed, tmp_path: Path, role: Role) -> None:
    # A station that is there gets a request past the first look.
    parameters = f'{NO_WAIT}"path.charge_point_id" = "{charger.identity}"\n'
    phases = ("--phases", "fuzzing", "--exclude-path-regex", "^/api/v1/auth/")
    await fuzz(gateway, token_for(anna, role), tmp_path, *phases, parameters=parameters)


async def test_the_superuser(gateway: Gateway, tmp_path: Path) -> None:
    def token() -> str:
        root = User.objects.create_superuser(f"root-{secrets.token_hex(4)}")
        return issue_tokens(access_to(root, None)).access

    # Each tenant that is created is a database of its own: those that exist are enough.
    only = ("--include-path-regex", "^/api/v1/tenants", "--exclude-method", "POST")
    await fuzz(gateway, with_orm(token), tmp_path, "--phases", "coverage,fuzzing", *only)


async def test_whoever_has_no_token(gateway: Gateway, tmp_path: Path) -> None:
    await fuzz(gateway, "none", tmp_path, "--phases", "coverage,fuzzing", "--include-path-regex", "^/api/v1/auth/")
