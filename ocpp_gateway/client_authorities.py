"""Whose client certificates the TLS of this server lets in; which station one is good for, the handshake decides."""

from __future__ import annotations

from pymongo.errors import PyMongoError

from csms.serve.tls_context import AuthoritiesUnknown
from ocpp_gateway.security_profile import our_authority
from tenants.directory import station_authorities


async def client_authorities() -> tuple[str, ...]:
    """Return the certificates of all tenants' authorities and of our own CA, in PEM.

    Raises:
        AuthoritiesUnknown: the database cannot be asked.
    """
    try:
        found = await station_authorities()
    except PyMongoError as error:
        raise AuthoritiesUnknown(str(error)) from None
    ours = our_authority()
    return tuple(sorted({*found, *([ours] if ours else [])}))
