"""TLS of the brokers' listeners, and who a client's certificate says it is."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_SHORT: Final = {
    "commonName": "CN",
    "organizationalUnitName": "OU",
    "organizationName": "O",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "countryName": "C",
}


def server_context(cert_file: Path, key_file: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """Return the context of a listener; with a CA for clients, each must have a certificate of it (mTLS)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert_file, key_file)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(str(one) for one in (cert_file, key_file, client_ca) if one)
        raise ValueError(f"{files}: {error}: give a certificate, its key and a CA as PEM files that fit") from error
    return context


def principal_of(certificate: Mapping[str, Any]) -> str:
    """Return the principal of a peer's certificate, as Kafka writes it: the subject, its most specific part first."""
    parts = [f"{_SHORT.get(name, name)}={value}" for row in reversed(certificate["subject"]) for name, value in row]
    return "User:" + ",".join(parts)
