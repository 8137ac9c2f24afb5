"""Listeners with TLS, and the names in certificates."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from streamwatch.reference.kafka.tls import principal_of, server_context
from tests.real.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


def test_a_listener_asks_for_certificates_only_with_a_ca(authority: Authority) -> None:
    own = authority.issue("server")

    assert server_context(own.certificate, own.key).verify_mode is ssl.CERT_NONE
    strict = server_context(own.certificate, own.key, authority.file)
    assert strict.verify_mode is ssl.CERT_REQUIRED
    assert strict.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_files_that_are_missing_or_encrypted_are_told(authority: Authority, tmp_path: Path) -> None:
    own, locked = authority.issue("server"), tmp_path / "locked.pem"
    key = load_pem_private_key(own.key.read_bytes(), None)
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))

    for file in (tmp_path / "none", locked):
        with pytest.raises(ValueError, match="PEM"):
            server_context(own.certificate, file)


@pytest.mark.parametrize("name", ["me", "Doe, John", 'a+b"c\\d<e>f;g', "#x", " x ", "ä"])
def test_a_principal_is_written_as_the_rfc_says(name: str) -> None:
    rows = [("countryName", "DE", NameOID.COUNTRY_NAME), ("domainComponent", "x", NameOID.DOMAIN_COMPONENT)]
    rows += [("organizationalUnitName", "ops", NameOID.ORGANIZATIONAL_UNIT_NAME)]
    rows += [("commonName", name, NameOID.COMMON_NAME)]
    oracle = x509.Name([x509.NameAttribute(oid, value) for _, value, oid in rows]).rfc4514_string()

    assert principal_of({"subject": tuple(((key, value),) for key, value, _ in rows)}) == f"User:{oracle}"
