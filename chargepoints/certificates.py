"""Certificates of stations: what a signing request must be, and our own small CA.

The CA is a pair of files in CA_DIRECTORY, made by `manage.py create_ca`. Everything here is synchronous and takes
milliseconds.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chargepoints.client_certificates import Holder, station_uri

KEY_FILE, CERTIFICATE_FILE = "ca.key", "ca.pem"
CA_LIFETIME = timedelta(days=20 * 365)
# A station's clock may be behind ours.
BACKDATED = timedelta(hours=1)
LEAST_RSA_BITS = 2048
LEAST_CURVE_BITS = 224


class BadRequest(Exception):
    """A signing request that must not be signed; the text says why."""


class NoSigner(Exception):
    """Nobody here can sign; the text says what to do."""


def read_request(pem: str, names: frozenset[str]) -> x509.CertificateSigningRequest:
    """Return a signing request that proves its key and is in one of the names of its station.

    Raises:
        BadRequest: it cannot be read, its key is weak, or it asks for somebody else's name.
    """
    try:
        request = x509.load_pem_x509_csr(pem.encode("utf-8"))
        proven = request.is_signature_valid
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadRequest(f"not a signing request in PEM that can be read: {error}") from None
    if not proven:
        raise BadRequest("the request is not signed with its own key")
    if not _strong(key):
        raise BadRequest(f"the key is weak: use a curve or at least {LEAST_RSA_BITS} bits of RSA")
    common_names = [str(one.value) for one in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if len(common_names) != 1 or common_names[0] not in names:
        raise BadRequest(f"the common name is {common_names}, not the station's identity or serial number")
    return request


def _strong(key: object) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= LEAST_RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and key.key_size >= LEAST_CURVE_BITS


def sign(
    request: x509.CertificateSigningRequest, holder: Holder, directory: str, lifetime: timedelta, now: datetime
) -> str:
    """Return the certificate and the CA's behind it, in PEM; for logging in to this server and nothing else.

    Of what the request says of itself only the common name is taken, which was checked. The CA is that of all tenants,
    so the certificate also names tenant and identity (`chargepoints.client_certificates`).

    Raises:
        NoSigner: there is no CA in the directory.
    """
    try:
        key = serialization.load_pem_private_key((Path(directory) / KEY_FILE).read_bytes(), password=None)
        ca = x509.load_pem_x509_certificate((Path(directory) / CERTIFICATE_FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise NoSigner(f"no CA in CA_DIRECTORY={directory!r} ({error}): run `manage.py create_ca`") from None
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_subject(request, holder))
        .issuer_name(ca.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(min(now + lifetime, ca.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_uri(holder)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pem(certificate) + _pem(ca)


def _subject(request: x509.CertificateSigningRequest, holder: Holder) -> x509.Name:
    names = list(request.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    if holder.organization:
        names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, holder.organization))
    return x509.Name(names)


def _uri(holder: Holder) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(station_uri(holder.tenant, holder.identity))


def create_ca(directory: Path, name: str, now: datetime) -> x509.Certificate:
    """Make a CA in a directory and return its certificate; only this user may read its key.

    Raises:
        FileExistsError: there is one already.
    """
    directory.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(directory / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
    (directory / CERTIFICATE_FILE).write_text(_pem(certificate), encoding="ascii")
    return certificate


def _usage(*, ca: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
