"""A document that somebody else's transaction holds, so that whoever writes it has to wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tenants.clients import sync_client
from tests.people import Installed, Operator


@contextmanager
def held(operator: Operator, charger: Installed) -> Iterator[None]:
    """Hold a charge point's document; it is left as it was."""
    with sync_client().start_session() as session:
        session.start_transaction()
        operator.db["charge_points"].update_one({"_id": charger.identity}, {"$set": {"name": "held"}}, session=session)
        yield
        session.abort_transaction()
