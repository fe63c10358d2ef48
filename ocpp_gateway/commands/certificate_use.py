"""What a root certificate in a station is for, in the words of each side."""

from __future__ import annotations

USES = {"central_system": "CentralSystemRootCertificate", "manufacturer": "ManufacturerRootCertificate"}
CHOICES = [
    ("central_system", "to check this server's certificate"),
    ("manufacturer", "to check the signature of firmware"),
]
