"""Every operation of the API, asked for what is another tenant's: the same answer as for what is nowhere.

The operations are those of the OpenAPI document, so a new route is tested the day it is written.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import Any

import pytest

from tenants.clients import sync_client
from tenants.routing import database_name
from tests.isolation.belongings import MARK, Belongings
from tests.isolation.conftest import OWN_STATION
from tests.isolation.operations import KINDS, Operation, looks_like_id, operations, references
from tests.rest.conftest import Api, Company

# An id like one of theirs, of something that nobody has.
NOWHERE = {"AMP": "NIX", "amp": "nix", "Amp": "Nix", "a" * 31: "c" * 31, "b" * 23: "d" * 23}


def by_name(operation: Operation) -> str:
    return operation.name


def all_that(condition: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("operation", [each for each in operations() if condition(each)], ids=by_name)


def missing(identity: str) -> str:
    """Return an id that looks like another and is nobody's."""
    for known, other in NOWHERE.items():
        if identity.startswith(known):
            return identity.replace(known, other, 1)
    if len(identity) == 24:  # made by the database
        return "0" * 24
    return str(int(identity) + 500) if identity.isdigit() else f"nix-{identity[4:]}"


@dataclass(frozen=True)
class Answer:
    """What came back, in full."""

    status_code: int
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


def answer(api: Api, operation: Operation, address: str, body: Any = None) -> Answer:
    """Return the whole answer, a stream's content included."""
    found = api.send(operation.method.upper(), address, b"" if body is None else json.dumps(body).encode())
    with warnings.catch_warnings():
        # The test client is synchronous; the product serves the stream asynchronously.
        warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume asynchronous iterators")
        content = b"".join(found) if found.streaming else found.content
    return Answer(found.status_code, content.decode())


def ids_removed(text: str, *identities: Any) -> str:
    for identity in identities:
        text = text.replace(str(identity), "<id>")
    return text


def test_every_kind_is_somebodys(theirs: Belongings) -> None:
    """The control: what Voltway is refused below is there for Amperia."""
    asked = {}
    for operation in operations():
        if operation.method == "get" and operation.names_an_object:
            found = answer(theirs.company.api(), operation, operation.address(theirs.id_of(operation.kind)))
            asked[operation.kind] = found.status_code
            assert found.status_code == 200, f"{operation.name} as its owner: {found.status_code} {found.text}"
    seen = set(KINDS.values()) - {"CertificateRequest", "SecurityEvent"}  # these two are in lists only
    assert seen <= set(asked), f"nothing was read of {seen - set(asked)}"


@all_that(lambda operation: operation.names_an_object)
def test_their_id_in_the_address(voltway: Company, theirs: Belongings, operation: Operation) -> None:
    identity = theirs.id_of(operation.kind)
    body = operation.body()

    found = answer(voltway.api(), operation, operation.address(identity), body)
    nowhere = answer(voltway.api(), operation, operation.address(missing(identity)), body)

    # Where the role alone refuses, it does so for every id.
    assert found.status_code in ({403, 404} if operation.kind == "Tenant" else {404}), found.text
    assert found.status_code == nowhere.status_code
    assert ids_removed(found.text, identity) == ids_removed(nowhere.text, missing(identity))
    assert MARK not in found.text


@all_that(lambda operation: operation.method == "get" and not operation.names_an_object)
def test_nothing_of_theirs_in_lists(voltway: Company, theirs: Belongings, operation: Operation) -> None:
    found = answer(voltway.api(), operation, operation.path)

    assert found.status_code == 200, found.text
    assert MARK not in found.text
    assert theirs.company.slug not in found.text
    # What Voltway has done itself is in its own audit log.
    if not operation.path.endswith(("/tenants", "/chargepoints", "/audit-log")):
        assert found.json() == {"next": None, "previous": None, "results": []}


@all_that(lambda operation: operation.is_list)
def test_their_ids_in_filters(voltway: Company, theirs: Belongings, operation: Operation) -> None:
    ours = not operation.names_an_object or operation.kind == "ChargePoint"
    address = operation.address(OWN_STATION if ours else "nix")
    known = references(theirs)
    for parameter in operation.parameters("query"):
        name = parameter["name"]
        if not looks_like_id(name):
            continue
        assert name in known, (
            f"{operation.name} is filtered by {name!r}: say in _REFERENCES of tests/isolation/operations.py which of"
            " another tenant's ids to try"
        )
        found = voltway.api().get(address, {name: known[name]})
        if ours:
            assert found.json() == {"next": None, "previous": None, "results": []}, f"{name}={known[name]}"
        else:
            assert found.status_code == 404, found.content


@all_that(lambda operation: operation.is_list and not operation.names_an_object)
def test_their_cursors(voltway: Company, theirs: Belongings, operation: Operation) -> None:
    link = theirs.company.api().get(operation.path, {"page_size": 1}).json()["next"]
    if operation.path.endswith(("/clients", "/tenants")):
        assert link is None  # Amperia sees no second one
        return
    assert link, f"{operation.name}: Amperia has two of everything, so there is a next page"

    found = voltway.api().get(link)

    assert found.status_code == 200
    assert [row for row in found.json()["results"] if row.get("id") != OWN_STATION] == []
    assert MARK not in found.content.decode()


@all_that(lambda operation: operation.body_fields() and "/auth/" not in operation.path)
def test_their_ids_in_bodies(voltway: Company, theirs: Belongings, operation: Operation) -> None:
    known = references(theirs)
    named = {name for name in operation.body_fields() if looks_like_id(name)}
    assert named <= set(known), (
        f"{operation.name} names something by {sorted(named - set(known))}: say in _REFERENCES of"
        " tests/isolation/operations.py which of another tenant's ids to try"
    )
    if not named:
        return
    # `id` and `slug` of something new are its own, and do not point to anything.
    chosen = {name: known[name] for name in named}
    unknown = {name: value + 500 if isinstance(value, int) else missing(value) for name, value in chosen.items()}
    address = operation.address(OWN_STATION if "chargepoints" in operation.path else "nix")

    # As an operator, so that nothing is created that the second request would then find.
    found = answer(voltway.api("operator"), operation, address, operation.body(chosen))
    _forget_what_was_made(voltway)
    nowhere = answer(voltway.api("operator"), operation, address, operation.body(unknown))

    assert found.status_code == nowhere.status_code, (found.text, nowhere.text)
    if found.status_code >= 400:
        assert ids_removed(found.text, *chosen.values()) == ids_removed(nowhere.text, *unknown.values())
    assert MARK not in found.text


def _forget_what_was_made(company: Company) -> None:
    database = sync_client()[database_name(company.slug)]
    for name in ("commands", "id_tokens", "reservations", "outbox"):
        database[name].delete_many({})


@pytest.mark.parametrize("name", ["X-Tenant"])
@all_that(lambda operation: "/auth/" not in operation.path)
def test_their_tenant_in_a_header(voltway: Company, theirs: Belongings, operation: Operation, name: str) -> None:
    identity = theirs.id_of(operation.kind) if operation.names_an_object else ""
    api = voltway.api(**{name: theirs.company.slug})

    found = answer(api, operation, operation.address(identity), operation.body())

    assert found.status_code == 404, found.text
    assert MARK not in found.text


@pytest.mark.parametrize("name", ["tenant", "tenant_id", "database", "X-Tenant"])
@all_that(lambda operation: operation.method == "get" and "/auth/" not in operation.path)
def test_their_tenant_in_the_query(voltway: Company, theirs: Belongings, operation: Operation, name: str) -> None:
    identity = theirs.id_of(operation.kind) if operation.names_an_object else ""

    found = voltway.api().get(operation.address(identity), {name: theirs.company.slug})

    assert found.status_code in {400, 404}, found.content
    assert MARK not in found.content.decode()
