"""What attackers write into filters, ids and bodies: MongoDB's operators, patterns that never end, things of no type.

Generated from the OpenAPI document: each parameter of each list, each field of each body.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.isolation.belongings import MARK, Belongings
from tests.isolation.conftest import OWN_STATION
from tests.isolation.operations import Operation, operations
from tests.isolation.test_rest import all_that, answer
from tests.rest.conftest import Company

# A pattern like this takes a backtracking engine years on the text it is meant for.
SLOW_PATTERN = "^(([A-Za-z0-9-])+.)+([A-Za-z0-9])+$"
SECONDS = 5.0
OPERATORS = (
    '{"$ne": null}',
    '{"$where": "sleep(10000)"}',
    "$where",
    ".*",
    SLOW_PATTERN,
    "\u0000",
    "a" * 5000,
    str(2**70),
)
# What a client of MongoDB or Django may understand as more than a name.
NAMES = ("{name}[$ne]", "{name}__regex", "{name}__in", "{name}.$gt", "$where")
BODIES: tuple[Any, ...] = ({"$ne": None}, [{"$gt": ""}])


@all_that(lambda operation: operation.is_list)
def test_filters_take_values_literally(voltway: Company, theirs: Belongings, operation: Operation) -> None:
    """Each is refused or finds nothing; none finds what an operator would find, and none takes long."""
    own, api = theirs.company.api(), voltway.api()
    address = operation.address(theirs.id_of(operation.kind)) if operation.names_an_object else operation.path
    for parameter in operation.parameters("query"):
        if parameter["name"] in {"format", "page_size", "wait"}:
            continue
        for value in OPERATORS:
            begun = time.monotonic()
            # As the owner: there are rows that an operator would find.
            found = own.get(address, {parameter["name"]: value})
            spent = time.monotonic() - begun
            what = f"{operation.name} ?{parameter['name']}={value[:40]}: {found.status_code} {found.content[:300]!r}"
            assert found.status_code in {200, 400}, what
            if found.status_code == 200 and not _understood(parameter):
                assert found.json()["results"] == [], what
            assert spent < SECONDS, f"{what} took {spent:.1f} s"
        assert MARK not in api.get(address, {parameter["name"]: ".*"}).content.decode()


def _understood(parameter: dict[str, Any]) -> bool:
    """Return whether rows may well be found: what is no truth value is no filter, and no cursor begins anew."""
    return parameter["schema"].get("type") == "boolean" or parameter["name"] == "cursor"


@all_that(lambda operation: operation.is_list)
def test_names_of_parameters_are_no_operators(theirs: Belongings, operation: Operation) -> None:
    address = operation.address(theirs.id_of(operation.kind)) if operation.names_an_object else operation.path
    names = {parameter["name"] for parameter in operation.parameters("query")} | {"id"}
    for name in sorted({form.format(name=name) for name in names for form in NAMES}):
        found = theirs.company.api().get(address, {name: "x"})
        assert found.status_code == 400, f"{operation.name} ?{name}=x: {found.status_code} {found.content[:200]!r}"


@all_that(lambda operation: operation.names_an_object)
@pytest.mark.parametrize("identity", ['{"$ne":null}', ".*", "\u0000"])
def test_ids_in_addresses_are_taken_literally(
    voltway: Company, theirs: Belongings, operation: Operation, identity: str
) -> None:
    begun = time.monotonic()
    found = answer(theirs.company.api(), operation, operation.address(identity), operation.body())
    assert found.status_code in {400, 403, 404}, (
        f"{operation.name} {identity[:40]}: {found.status_code} {found.text[:300]}"
    )
    assert MARK not in found.text
    assert time.monotonic() - begun < SECONDS


def _places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a body."""
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _places(value, (*path, key))


def _with(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(body))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy


# What a vendor or a station understands may be an object of any shape; it is sent, and stored as text or below a name.
_FREE = {("payload",), ("data",)}


@all_that(lambda operation: operation.body() is not None)
def test_fields_of_bodies_take_no_operators(voltway: Company, theirs: Belongings, operation: Operation) -> None:
    """Each is refused with the name of the field; nothing is stored and nothing found by it."""
    if operation.names_an_object:
        ours = "chargepoints" in operation.path
        address = operation.address(OWN_STATION if ours else "nix")
        expected = {400} if ours and operation.method == "post" else {400, 404}
    else:
        address, expected = operation.path, {400}
    body = operation.body()
    for path in _places(body):
        if path in _FREE:
            continue
        for value in BODIES:
            if isinstance(value, list) and isinstance(_at(body, path), list):
                continue
            found = answer(voltway.api(), operation, address, _with(body, path, value))
            what = f"{operation.name} {'.'.join(map(str, path))}={value}: {found.status_code} {found.text[:300]}"
            assert found.status_code in expected | {401, 403, 429}, what
            assert found.status_code != 403 or "tenants" in operation.path, what
            assert MARK not in found.text


def _at(body: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        body = body[key]
    return body


def test_every_list_is_tested() -> None:
    assert sum(operation.is_list for operation in operations()) >= 18
