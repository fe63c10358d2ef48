"""docs/security.md shows the table of roles that the code asks."""

from __future__ import annotations

from tenants.roles_table import roles_table
from tests.docs.pages import read


def test_the_page_has_the_table_of_the_code() -> None:
    assert roles_table() in read("docs/security.md"), "run manage.py roles_table and paste its output"
