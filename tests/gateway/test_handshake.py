"""Who may connect, and what the others are told before any upgrade (OCPP-J 1.6 §3 and §6.2)."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest

from chargepoints.credentials import new_key
from tests.gateway.conftest import Connect
from tests.people import Installed, Operator
from tests.serving import Gateway
from tests.station import basic
from tests.upgrade import HttpAnswer, upgrade


@pytest.fixture(scope="module")
def charger(founded: dict[str, Operator]) -> Installed:
    """One charge point of Anna's for all doors that stay closed."""
    founded["anna"].still_here()
    return founded["anna"].installs()


def right(charger: Installed) -> str:
    """Return the authorization that a charge point should send."""
    return basic(charger.identity, charger.key)


async def knock(gateway: Gateway, charger: Installed, **changes: Any) -> HttpAnswer:
    """Return the answer to a handshake that is right but for `changes`."""
    target = changes.pop("target", charger.path)
    changes.setdefault("authorization", right(charger))
    return await upgrade(gateway.port, target, **changes)


# -- The URL -------------------------------------------------------------------------------------


async def test_a_station_is_let_in(each_gateway: Gateway, charger: Installed) -> None:
    answer = await knock(each_gateway, charger)
    assert answer.status == 101
    assert answer.headers["sec-websocket-protocol"] == "ocpp1.6"
    assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


async def test_both_forms_of_the_url_are_one_station(connect: Connect, charger: Installed, anna: Operator) -> None:
    first = await connect(charger, path=charger.path)
    second = await connect(charger, path=charger.short_path)
    assert await first.closed() == 1008, "the newer connection replaces the older one of the same station"
    await second.assert_replied("Heartbeat")
    assert anna.db["charge_points"].count_documents({"_id": charger.identity}) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path + "?a=1&b=/ocpp/other/station",
        lambda path: path + "?",
        lambda path: path.replace("_", "%5F"),
        lambda path: path.replace("CP", "%43%50"),
    ],
    ids=["query", "empty query", "escaped underscore", "escaped letters"],
)
async def test_other_spellings_of_the_same_url(each_gateway: Gateway, charger: Installed, change: Any) -> None:
    assert (await knock(each_gateway, charger, target=change(charger.path))).status == 101


@pytest.mark.parametrize(
    "target",
    [
        "/ocpp/{tenant}/../{tenant}/{identity}",
        "/ocpp/./{tenant}/{identity}",
        "/ocpp/{tenant}/{identity}/",
        "/ocpp/{tenant}/{identity}/..",
        "/ocpp//{tenant}/{identity}",
        "//ocpp/{tenant}/{identity}",
        "/ocpp/{tenant}//{identity}",
        "/ocpp/{tenant}%2F{identity}",
        "/ocpp%2F{tenant}/{identity}",
        "/ocpp/{tenant}/{identity}%00",
        "/ocpp/{tenant}/%00{identity}",
        "/ocpp/{tenant}/{identity}%2F",
        "/ocpp/{tenant}/{identity}%0A",
        "/ocpp/{tenant}/{identity}%20",
        "/ocpp/{tenant}/{identity}%",
        "/ocpp/{tenant}/{identity}%FF",
        "/ocpp/{tenant}/{identity}%C3%A4",
        "/ocpp/{tenant}/{lookalike}",
        "/ocpp/{tenant}/%EF%BB%BF{identity}",
        "/ocpp/{tenant}/{identity}%E2%80%8B",
        "/ocpp/{tenant}/%2E%2E/{identity}",
        "/ocpp/{tenant}/",
        "/ocpp/{tenant}",
        "/ocpp/",
        "/ocpp",
        "/",
        "/OCPP/{tenant}/{identity}",
        "/ocpp/{lower}",
        "/ocpp/{tenant}/{lower}",
        "/ocpp/{upper}/{identity}",
        "/ocpp/other/{identity}",
        "/ocpp/{tenant}/unknown",
        "/ocpp/{tenant}_unknown",
        "/ocpp/nosuchtenant/CP1",
        "/ocpp/nosuchtenant_CP1",
        "/ocpp/CP1",
        "/ocpp/$where/CP1",
        "/ocpp/{tenant}/" + "x" * 49,
        "/ocpp/{tenant}/" + "x" * 5000,
        "/ocpp/" + "x" * 41 + "/CP1",
        "/api/v1/chargepoints",
    ],
)
async def test_other_urls_are_no_station(each_gateway: Gateway, charger: Installed, target: str) -> None:
    path = target.format(
        tenant=charger.tenant,
        upper=charger.tenant.upper(),
        identity=charger.identity,
        lower=charger.identity.lower(),
        lookalike=charger.identity.replace("C", "%D0%A1"),  # Cyrillic
    )
    answer = await knock(each_gateway, charger, target=path)
    assert answer.status == 404, answer
    assert "www-authenticate" not in answer.headers


# -- The subprotocol -----------------------------------------------------------------------------


@pytest.mark.parametrize("offer", ["ocpp2.0.1, ocpp1.6", "ocpp1.6,ocpp1.5", "soap, ocpp1.6 , mqtt"])
async def test_ocpp_1_6_is_chosen_among_several(each_gateway: Gateway, charger: Installed, offer: str) -> None:
    answer = await knock(each_gateway, charger, subprotocols=offer)
    assert (answer.status, answer.headers["sec-websocket-protocol"]) == (101, "ocpp1.6")


async def test_offers_in_several_headers_are_one_list(each_gateway: Gateway, charger: Installed) -> None:
    answer = await knock(each_gateway, charger, subprotocols="ocpp1.5", more=("Sec-WebSocket-Protocol: ocpp1.6",))
    assert answer.status == 101


@pytest.mark.parametrize("offer", [None, "ocpp1.5", "ocpp2.0.1", "OCPP1.6", "ocpp1.6x", "ocpp"])
async def test_without_a_common_version_nobody_is_let_in(
    each_gateway: Gateway, charger: Installed, offer: str | None
) -> None:
    answer = await knock(each_gateway, charger, subprotocols=offer)
    assert answer.status == 400
    assert "ocpp1.6" in answer.body, "the answer says what would work"


# -- Credentials ---------------------------------------------------------------------------------


def wrong_credentials(charger: Installed) -> dict[str, str | None]:
    """Return what people send instead of the right header."""
    user, key = charger.identity, charger.key
    return {
        "none": None,
        "empty": "",
        "scheme only": "Basic",
        "other scheme": "Bearer " + right(charger).removeprefix("Basic "),
        "not base64": "Basic ***",
        "base64 without padding": right(charger).rstrip("=")[:-1],
        "no colon": "Basic " + "Zm9v",
        "wrong key": basic(user, new_key()),
        "no key": basic(user, ""),
        "shorter key": basic(user, key[:-1]),
        "longer key": basic(user, key + "0"),
        "space after the key": basic(user, key + " "),
        "other user": basic("somebody", key),
        "no user": basic("", key),
        "user in other case": basic(user.lower(), key),
        "longer user": basic(user + "x", key),
        "tenant as user": basic(charger.tenant, key),
    }


@pytest.mark.parametrize("mistake", sorted(wrong_credentials(Installed("t_CP1", "0" * 40, "t"))))
async def test_wrong_credentials_are_told_what_is_expected(
    each_gateway: Gateway, charger: Installed, mistake: str
) -> None:
    answer = await knock(each_gateway, charger, authorization=wrong_credentials(charger)[mistake])
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert charger.key not in answer.body


async def test_two_authorizations_are_none(each_gateway: Gateway, charger: Installed) -> None:
    answer = await knock(each_gateway, charger, more=(f"Authorization: {right(charger)}",))
    assert answer.status in (400, 401)


async def test_every_form_of_the_same_key_opens(each_gateway: Gateway, charger: Installed) -> None:
    """Some stations send the text of the key, some the bytes it stands for (security white paper, A00)."""
    forms: tuple[str | bytes, ...] = (
        charger.key,
        charger.key.upper(),
        charger.key[:7].upper() + charger.key[7:],
        bytes.fromhex(charger.key),
    )
    for form in forms:
        answer = await knock(each_gateway, charger, authorization=basic(charger.identity, form))
        assert answer.status == 101, form


async def test_the_scheme_is_read_in_any_case(each_gateway: Gateway, charger: Installed) -> None:
    credentials = right(charger).removeprefix("Basic ")
    for scheme in ("basic", "BASIC", "Basic  "):
        assert (await knock(each_gateway, charger, authorization=f"{scheme} {credentials}")).status == 101


@pytest.mark.parametrize("identity", ["colon:in:the:identity", "a+b|c@d=e", "*-_=:+|@.", "x" * 48])
async def test_any_identity_that_ocpp_allows(each_gateway: Gateway, anna: Operator, identity: str) -> None:
    """The user name ends where the identity does, not at the first colon."""
    anna.db["charge_points"].delete_one({"_id": identity})
    charger = anna.installs(identity)
    assert (await knock(each_gateway, charger)).status == 101
    assert (await knock(each_gateway, charger, authorization=basic(identity, "wrong:" + charger.key))).status == 401


async def test_the_key_of_another_station_does_not_open(
    each_gateway: Gateway, charger: Installed, anna: Operator, boris: Operator
) -> None:
    for other in (anna.installs(), boris.installs()):
        assert (await knock(each_gateway, charger, authorization=basic(charger.identity, other.key))).status == 401
        assert (await knock(each_gateway, charger, authorization=right(other))).status == 401


async def test_a_tenant_does_not_have_the_stations_of_another(
    each_gateway: Gateway, charger: Installed, boris: Operator
) -> None:
    answer = await knock(each_gateway, charger, target=f"/ocpp/{boris.slug}/{charger.identity}")
    assert answer.status == 404


async def test_a_refused_station_leaves_no_trace(gateway: Gateway, anna: Operator) -> None:
    charger = anna.installs()
    before = anna.charge_point(charger.identity)
    await knock(gateway, charger, authorization=basic(charger.identity, "wrong"))
    await knock(gateway, charger, subprotocols="ocpp1.5")
    assert anna.charge_point(charger.identity) == before


async def test_keys_are_neither_stored_nor_logged(
    gateway: Gateway, connect: Connect, charger: Installed, anna: Operator
) -> None:
    station = await connect(charger)
    await station.assert_replied("Heartbeat")
    await knock(gateway, charger, authorization=basic(charger.identity, charger.key + "x"))
    for form in (charger.key, right(charger).split()[1]):
        assert form not in str(anna.charge_point(charger.identity))
        assert form not in gateway.process.log.read_text()


# -- The tenant ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clara(global_database: None) -> Operator:
    """An operator who takes in stations that nobody has created."""
    return Operator.founding("clara", auto_register=True)


@pytest.fixture(scope="module")
def dora(global_database: None) -> Operator:
    """An operator who would do so, too, but is suspended."""
    return Operator.founding("dora", auto_register=True, status="suspended")


def stranger_at(operator: Operator, key: str | None = None) -> Installed:
    """Return a station that believes to be one of the operator's."""
    return Installed(f"{operator.slug}_{secrets.token_hex(4)}", new_key() if key is None else key, operator.slug)


def known(operator: Operator, stranger: Installed) -> int:
    """Return how many stations of this identity an operator has."""
    return operator.db["charge_points"].count_documents({"_id": stranger.identity})


async def test_a_suspended_tenant_is_refused(each_gateway: Gateway, dora: Operator) -> None:
    charger = dora.installs()
    assert (await knock(each_gateway, charger)).status == 403
    assert (await knock(each_gateway, charger, authorization=basic(charger.identity, "wrong"))).status == 401


async def test_a_suspended_tenant_takes_in_nobody(each_gateway: Gateway, dora: Operator) -> None:
    stranger = stranger_at(dora)
    assert (await knock(each_gateway, stranger)).status == 403
    assert known(dora, stranger) == 0


async def test_an_unknown_station_is_not_taken_in_by_default(each_gateway: Gateway, anna: Operator) -> None:
    stranger = stranger_at(anna)
    assert (await knock(each_gateway, stranger)).status == 404
    assert known(anna, stranger) == 0


async def test_a_tenant_may_take_in_strangers(each_gateway: Gateway, clara: Operator) -> None:
    """The key that a station presents first is its key from then on."""
    stranger = stranger_at(clara)
    assert (await knock(each_gateway, stranger)).status == 101
    stored = clara.charge_point(stranger.identity)
    assert stored["registration"] == "accepted"
    assert stored["booted_at"] is None
    assert (await knock(each_gateway, stranger)).status == 101
    assert (await knock(each_gateway, stranger, authorization=basic(stranger.identity, new_key()))).status == 401


@pytest.mark.parametrize("key", [None, "", "short", "a" * 40, "x" * 65])
async def test_strangers_need_a_key_worth_the_name(each_gateway: Gateway, clara: Operator, key: str | None) -> None:
    stranger = stranger_at(clara, key)
    authorization = None if key is None else right(stranger)
    answer = await knock(each_gateway, stranger, authorization=authorization)
    assert answer.status == 401
    assert known(clara, stranger) == 0


async def test_strangers_are_taken_in_up_to_the_limit(each_gateway: Gateway) -> None:
    emil = Operator.founding("emil", auto_register=True, max_charge_points=2)
    statuses = [(await knock(each_gateway, stranger_at(emil))).status for _ in range(3)]
    assert statuses == [101, 101, 403]
    assert emil.db["charge_points"].count_documents({}) == 2


async def test_a_stranger_who_knocks_several_times_at_once_is_one_station(
    each_gateway: Gateway, clara: Operator
) -> None:
    stranger = stranger_at(clara)
    impostor = Installed(stranger.identity, new_key(), clara.slug)
    answers = await asyncio.gather(*(knock(each_gateway, stranger) for _ in range(4)))
    # Of those that come at the same moment one may lose to another; it is told to come back.
    assert 101 in {answer.status for answer in answers} <= {101, 503}
    assert (await knock(each_gateway, impostor)).status == 401
    assert known(clara, stranger) == 1
