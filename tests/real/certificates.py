"""A certificate authority that lives as long as a test cluster."""

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

STORE_PASSWORD: Final = "store-secret"
# Far apart, so that no clock is asked.
_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
_UNTIL: Final = datetime(2049, 1, 1, tzinfo=UTC)
_SIGNS: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path
    store: Path
    """Both as PKCS 12 with STORE_PASSWORD, for Java: Kafka 2.8 takes no PEM key without a password."""


class Authority:
    """Signs certificates for 127.0.0.1 and localhost, for servers and for clients."""

    def __init__(self, folder: Path, name: str = "test-ca") -> None:
        self.file = folder / f"{name}.pem"
        """The authority's own certificate: what the other side must trust."""
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        unsigned = (
            self._unsigned(self._name, self._key.public_key())
            .add_extension(constraints, critical=True)
            .add_extension(_SIGNS, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        )
        self.file.write_bytes(unsigned.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def issue(self, name: str, until: datetime = _UNTIL) -> Identity:
        """A new identity with this common name."""
        key = ec.generate_private_key(ec.SECP256R1())
        hosts = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())  # Python 3.13 asks for it
        unsigned = (
            self._unsigned(_named(name), key.public_key(), until)
            .add_extension(hosts, critical=False)
            .add_extension(issuer, critical=False)
        )
        certificate = unsigned.sign(self._key, SHA256())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        identity = Identity(*(self._folder / f"{name}.{end}" for end in ("crt", "key", "p12")))
        identity.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        identity.key.write_bytes(private)
        locked = BestAvailableEncryption(STORE_PASSWORD.encode())
        identity.store.write_bytes(serialize_key_and_certificates(name.encode(), key, certificate, None, locked))
        return identity

    def _unsigned(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime = _UNTIL
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        return builder.serial_number(x509.random_serial_number()).not_valid_before(_FROM).not_valid_after(until)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def java_stores(authority: Path, identity: Identity | None) -> dict[str, str]:
    """The properties by which Kafka, or a Java client, trusts an authority and shows an identity."""
    trust = {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(authority)}
    if identity is None:
        return trust
    own = {"type": "PKCS12", "location": str(identity.store), "password": STORE_PASSWORD}
    return trust | {f"ssl.keystore.{name}": value for name, value in own.items()}
