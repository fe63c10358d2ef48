"""Certificates as the tests need them: authorities, servers and stations, good and bad ones."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
YEAR = timedelta(days=365)


def new_key(kind: str = "ecdsa") -> Key:
    """Return a key of a kind, `ecdsa` or `rsa`."""
    return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key."""

    x509: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        return self.x509.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, *form).decode()

    def write(self, directory: Path, name: str) -> tuple[str, str]:
        """Write it into two files and return their paths: the certificate's and the key's."""
        paths = directory / f"{name}.pem", directory / f"{name}.key"
        paths[0].write_text(self.pem)
        paths[1].write_text(self.key_pem)
        return str(paths[0]), str(paths[1])


def _name(common_name: str, organization: str) -> x509.Name:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    if organization:
        names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(names)


def authority(name: str = "CA of a test", kind: str = "ecdsa") -> Certificate:
    """Return a root."""
    key = new_key(kind)
    builder = _builder(_name(name, ""), _name(name, ""), key, YEAR, timedelta(hours=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Certificate(builder.sign(key, hashes.SHA256()), key)


def issued(
    by: Certificate,
    common_name: str,
    *,
    organization: str = "",
    kind: str = "ecdsa",
    lifetime: timedelta = YEAR,
    age: timedelta = timedelta(hours=1),
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
    names: tuple[x509.GeneralName, ...] = (),
) -> Certificate:
    """Return a certificate of an authority; its time begins `age` ago and ends `lifetime` from now."""
    key = new_key(kind)
    builder = _builder(_name(common_name, organization), by.x509.subject, key, lifetime, age)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Certificate(builder.sign(by.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, lifetime: timedelta, age: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - age)
        .not_valid_after(now + lifetime)
    )


def for_server(by: Certificate, kind: str = "ecdsa") -> Certificate:
    """Return a certificate for a server on this machine."""
    names = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    return issued(by, "localhost", kind=kind, purpose=ExtendedKeyUsageOID.SERVER_AUTH, names=names)


def revocation_list(by: Certificate, *revoked: Certificate, signed_by: Key | None = None) -> str:
    """Return a list of an authority's, in PEM."""
    now = datetime.now(UTC)
    builder = x509.CertificateRevocationListBuilder().issuer_name(by.x509.subject)
    builder = builder.last_update(now - timedelta(hours=1)).next_update(now + timedelta(days=30))
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.x509.serial_number).revocation_date(now).build()
        builder = builder.add_revoked_certificate(entry)
    crl = builder.sign(signed_by or by.key, hashes.SHA256())
    return crl.public_bytes(serialization.Encoding.PEM).decode()


def client_context(trusting: Certificate, presenting: Certificate | None, directory: Path) -> ssl.SSLContext:
    """Return the settings of a station that trusts an authority and may have a certificate of its own."""
    context = ssl.create_default_context(cadata=trusting.pem)
    if presenting is not None:
        context.load_cert_chain(*presenting.write(directory, f"client-{presenting.x509.serial_number:x}"))
    return context
