"""By what a socket was let in, and whether that still holds.

A right ends by what people do to the station or its tenant, and by time. What the station itself has agreed to over
its connection ends none: a key it was given there, a profile with which it is yet to come back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from chargepoints.client_certificates import NotAccepted
from ocpp_gateway.security_profile import Proof, shortcoming, still_by_certificate
from tenants.clients import Document
from tenants.directory import TenantRecord

DELETED = "this charge point was deleted"
OTHER_KEY = "this station was given another key"


class Ended(Exception):
    """The right of a socket to be there has ended; the text says why."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a socket was let in with.

    Attributes:
        made_at: when its station was created, for another one of this identity is another station.
        key_set_at: when an operator had last replaced the station's key.
    """

    proof: Proof
    made_at: datetime | None
    key_set_at: datetime | None

    @classmethod
    def of(cls, proof: Proof, stored: Document) -> Entitlement:
        """Return that of a station which has proven who it is, given what was stored of it then."""
        return cls(proof, stored.get("created_at"), stored.get("credential_set_at"))


def renewed(
    had: Entitlement, tenant: TenantRecord, identity: str, stored: Document | None, now: datetime
) -> Entitlement:
    """Return by what an open socket may stay, given what is stored of its station now; mostly the same object.

    Raises:
        Ended: it may not stay.
    """
    if stored is None or stored.get("created_at") != had.made_at:
        raise Ended(DELETED)
    proof = had.proof
    if proof.certificate is not None:
        try:
            shown = still_by_certificate(proof.certificate, tenant, identity, stored, now)
        except NotAccepted as error:
            raise Ended(str(error)) from None
        if shown is not proof.certificate:
            proof = replace(proof, certificate=shown)
    elif stored.get("credential_set_at") != had.key_set_at:
        raise Ended(OTHER_KEY)
    if too_low := shortcoming(proof, tenant, stored):
        raise Ended(too_low)
    return had if proof is had.proof else replace(had, proof=proof)
