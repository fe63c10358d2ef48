"""`docs/settings.md` lists every variable the code reads, with its kind and default."""

from __future__ import annotations

import csms.settings  # noqa: F401  reading it is what declares the variables
from csms.env import DECLARED
from tests.docs.pages import read, table_rows

# What the default is made of at the start, in words.
COMPUTED = {
    "SECRET_KEY": "development value",
    "JWT_SECRET": "development value",
    "CSMS_INSTANCE_ID": "host name and process id",
    "LOG_FORMAT": "json, console with `DEBUG`",
}
# The page has a section for the terminal of `make run` too, with tables of three columns.
ROWS = {row[0].strip("`"): row for row in table_rows(read("docs/settings.md")) if len(row) == 5}
ROWS.pop("variable")


def default_on_page(name: str) -> str:
    """Return what the page should say of a variable's default."""
    declared = DECLARED[name]
    if name in COMPUTED:
        return COMPUTED[name]
    if declared.kind == "path":
        return ""
    if declared.default is None:
        return "none"
    return f"`{declared.default}`" if declared.default else "empty"


def test_every_variable_is_on_the_page_and_the_reverse() -> None:
    assert set(ROWS) == set(DECLARED)


def test_kinds_are_those_of_the_code() -> None:
    assert {name: row[1] for name, row in ROWS.items()} == {name: DECLARED[name].kind for name in ROWS}


def test_defaults_are_those_of_the_code() -> None:
    assert {name: row[2] for name, row in ROWS.items()} == {name: default_on_page(name) for name in ROWS}


def test_every_variable_is_explained() -> None:
    assert [name for name, row in ROWS.items() if len(row[3]) < 10] == []
