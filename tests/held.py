"""A document that somebody else's transaction holds, so that whoever writes it has to wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from tenants.clients import sync_client
from tests.people import Installed, Operator


@contextmanager
def held(operator: Operator, charger: Installed) -> Iterator[None]:
    """Hold a charge point's document; it is left as it was."""
    with sync_client().start_session() as session:
        while not _take(operator, charger, session):
            session.abort_transaction()
        yield
        session.abort_transaction()


def _take(operator: Operator, charger: Installed, session: ClientSession) -> bool:
    """Return whether the document is held now, and was not held by somebody else."""
    session.start_transaction()
    try:
        operator.db["charge_points"].update_one({"_id": charger.identity}, {"$set": {"name": "held"}}, session=session)
    except OperationFailure as error:
        if not error.has_error_label("TransientTransactionError"):
            raise
        return False
    return True
