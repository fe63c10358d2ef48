"""Certificates of a simulated station: its own, asked for and taken, and the roots it trusts (security white paper)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from ocpp_gateway.simulator.wire import Payload, Reply

MOST_ROOTS = 8  # of each use
_DIGESTS: dict[str, Callable[[bytes], Any]] = {
    "SHA256": hashlib.sha256,
    "SHA384": hashlib.sha384,
    "SHA512": hashlib.sha512,
}

Call = Callable[[str, Payload], Awaitable[Payload]]


class Certificates:
    """A key that is made when a certificate is asked for, the chain that came for it, and root certificates."""

    def __init__(self, identity: str, call: Call) -> None:
        self._identity = identity
        self._call = call
        self._key: ec.EllipticCurvePrivateKey | None = None
        self.chain = ""
        self._roots: dict[str, list[x509.Certificate]] = {}

    async def ask(self) -> None:
        """Make a new key and ask for a certificate for it (SignCertificate)."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self._identity)])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(self._key, hashes.SHA256())
        await self._call("SignCertificate", {"csr": request.public_bytes(Encoding.PEM).decode("ascii")})

    def take(self, payload: Payload) -> Reply:
        """Answer CertificateSigned: a chain is taken if it begins with a certificate for the station's newest key."""
        try:
            chain = x509.load_pem_x509_certificates(payload["certificateChain"].encode())
        except ValueError:
            return Reply({"status": "Rejected"})
        if self._key is None or chain[0].public_key() != self._key.public_key():
            return Reply({"status": "Rejected"})
        self.chain = payload["certificateChain"]
        return Reply({"status": "Accepted"})

    def install(self, payload: Payload) -> Reply:
        """Answer InstallCertificate."""
        try:
            root = x509.load_pem_x509_certificate(payload["certificate"].encode())
        except ValueError:
            return Reply({"status": "Rejected"})
        known = self._roots.setdefault(payload["certificateType"], [])
        if root not in known:
            if len(known) >= MOST_ROOTS:
                return Reply({"status": "Failed"})
            known.append(root)
        return Reply({"status": "Accepted"})

    def installed(self, payload: Payload) -> Reply:
        """Answer GetInstalledCertificateIds."""
        found = self._roots.get(payload["certificateType"], [])
        if not found:
            return Reply({"status": "NotFound"})
        return Reply({"status": "Accepted", "certificateHashData": [_hashes(root, "SHA256") for root in found]})

    def delete(self, payload: Payload) -> Reply:
        """Answer DeleteCertificate."""
        wanted = {name: str(value).lower() for name, value in payload["certificateHashData"].items()}
        algorithm = payload["certificateHashData"]["hashAlgorithm"]
        for roots in self._roots.values():
            for root in roots:
                if {name: value.lower() for name, value in _hashes(root, algorithm).items()} == wanted:
                    roots.remove(root)
                    return Reply({"status": "Accepted"})
        return Reply({"status": "NotFound"})


def _hashes(root: x509.Certificate, algorithm: str) -> dict[str, str]:
    """Return how messages name a root certificate, which is its own issuer (RFC 6960 §4.1.1)."""
    digest = _DIGESTS[algorithm]
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": digest(root.issuer.public_bytes()).hexdigest(),
        "issuerKeyHash": digest(_key_bits(root)).hexdigest(),
        "serialNumber": f"{root.serial_number:x}",
    }


def _key_bits(root: x509.Certificate) -> bytes:
    """Return the public key as it stands in the certificate, without the algorithm before it."""
    key = root.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
