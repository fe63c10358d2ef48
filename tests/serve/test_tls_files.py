"""Certificate files that do not fit are told in one line, before anything starts."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from csms.serve.tls_context import BadCertificate, CertificateFiles, server_context
from tests.certificates import authority, for_server


@pytest.fixture
def good(tmp_path: Path) -> CertificateFiles:
    return CertificateFiles(*for_server(authority()).write(tmp_path, "server"))


def test_one_file_may_hold_both(good: CertificateFiles, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    assert good.key is not None
    both.write_text(Path(good.chain).read_text() + Path(good.key).read_text())
    server_context((CertificateFiles(str(both)),))


def test_a_missing_file_is_named(good: CertificateFiles, tmp_path: Path) -> None:
    with pytest.raises(BadCertificate, match=r"there is no file .*/absent\.key"):
        server_context((CertificateFiles(good.chain, str(tmp_path / "absent.key")),))


def test_a_key_of_another_certificate(good: CertificateFiles, tmp_path: Path) -> None:
    _, other = for_server(authority()).write(tmp_path, "other")
    with pytest.raises(BadCertificate, match="does not belong"):
        server_context((CertificateFiles(good.chain, other),))


def test_no_certificate_at_all(good: CertificateFiles, tmp_path: Path) -> None:
    text = tmp_path / "text.pem"
    text.write_text("nothing")
    with pytest.raises(BadCertificate, match=r"text\.pem"):
        server_context((CertificateFiles(str(text), good.key),))


def test_an_encrypted_key_is_not_asked_for_at_the_terminal(good: CertificateFiles, tmp_path: Path) -> None:
    certificate = for_server(authority())
    path, _ = certificate.write(tmp_path, "locked")
    locked = tmp_path / "locked.key"
    form = serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
    locked.write_bytes(certificate.key.private_bytes(serialization.Encoding.PEM, *form))
    with pytest.raises(BadCertificate, match="encrypted"):
        server_context((CertificateFiles(path, str(locked)),))


def test_no_version_before_1_2_whatever_the_suites(good: CertificateFiles) -> None:
    assert server_context((good,)).minimum_version == ssl.TLSVersion.TLSv1_2
