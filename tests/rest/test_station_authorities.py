"""The authorities of a tenant's stations: what a superuser may say of them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tenants.models import Tenant
from tests.certificates import Certificate, authority, issued, revocation_list
from tests.rest.conftest import Api, Company


@pytest.fixture
def root_ca() -> Certificate:
    return authority("CA of Voltway")


def configure(root_api: Api, company: Company, **values: str) -> Any:
    return root_api.patch(f"tenants/{company.slug}", {"configuration": values})


def test_they_are_kept_with_their_revocation_lists(root_api: Api, voltway: Company, root_ca: Certificate) -> None:
    lists = revocation_list(root_ca, issued(root_ca, "CP1"))
    answer = configure(
        root_api, voltway, station_authorities=root_ca.pem, station_revocation_lists=lists, organization="Voltway AG"
    )
    assert answer.status_code == 200, answer.json()
    stored = Tenant.objects.get(slug=voltway.slug)
    assert stored.station_authorities.strip() == root_ca.pem.strip()
    assert stored.organization == "Voltway AG"
    assert configure(root_api, voltway, station_authorities="", station_revocation_lists="").status_code == 200


def refused(answer: Any, text: str) -> bool:
    return answer.status_code == 400 and text in str(answer.json())


def test_what_is_no_authority_is_refused(root_api: Api, voltway: Company, root_ca: Certificate) -> None:
    leaf = issued(root_ca, "CP1")
    broken = root_ca.pem.replace("MII", "AAA", 1)
    for text, why in (("rubbish", "certificate"), (broken, "PEM"), (leaf.pem, "not an authority")):
        assert refused(configure(root_api, voltway, station_authorities=text), why), text
    assert refused(configure(root_api, voltway, station_authorities="x" * 300_000), "262144")


def test_a_list_needs_the_signature_of_an_authority(root_api: Api, voltway: Company, root_ca: Certificate) -> None:
    other = authority("CA of Voltway")
    for text in (revocation_list(other), revocation_list(root_ca, signed_by=other.key)):
        answer = configure(root_api, voltway, station_authorities=root_ca.pem, station_revocation_lists=text)
        assert refused(answer, "none of the authorities has signed")
    assert refused(configure(root_api, voltway, station_revocation_lists="rubbish"), "revocation list")
    assert configure(root_api, voltway, station_authorities=root_ca.pem).status_code == 200
    assert configure(root_api, voltway, station_revocation_lists=revocation_list(root_ca)).status_code == 200
    assert refused(configure(root_api, voltway, station_authorities=other.pem), "none of the authorities has signed")
    assert configure(root_api, voltway, station_authorities="", station_revocation_lists="").status_code == 200


def test_two_tenants_cannot_have_one_authority(
    root_api: Api, voltway: Company, amperia: Company, root_ca: Certificate
) -> None:
    assert configure(root_api, voltway, station_authorities=root_ca.pem).status_code == 200
    for same_name in (root_ca, authority("CA of Voltway")):
        assert refused(configure(root_api, amperia, station_authorities=same_name.pem), "another tenant")
    assert configure(root_api, voltway, station_authorities="").status_code == 200
    assert configure(root_api, amperia, station_authorities=root_ca.pem).status_code == 200
    assert configure(root_api, amperia, station_authorities="").status_code == 200


def test_only_the_platform_says_whom_to_trust(voltway: Company, root_ca: Certificate) -> None:
    answer = voltway.api().patch(f"tenants/{voltway.slug}", {"configuration": {"station_authorities": root_ca.pem}})
    assert answer.status_code == 403
