"""What a root certificate in a station is for, in the words of each side."""

from __future__ import annotations

from tenants.clients import Document

USES = {"central_system": "CentralSystemRootCertificate", "manufacturer": "ManufacturerRootCertificate"}
CHOICES = [
    ("central_system", "to check this server's certificate"),
    ("manufacturer", "to check the signature of firmware"),
]


def is_of_this_server(command: Document) -> bool:
    """Return whether a command is about the root certificates with which stations check this server."""
    return bool(command["payload"]["certificateType"] == USES["central_system"])
