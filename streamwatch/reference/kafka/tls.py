"""TLS of the brokers' listeners, and who a client's certificate says it is."""

import re
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
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
_SPECIAL: Final = re.compile(r'[,+"\\<>;]|^[# ]|(?<!^) $')
"""What RFC 2253 escapes in a value."""


def server_context(cert_file: Path, key_file: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """Return the context of a listener; with a CA for clients, each must have a certificate of it (mTLS)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert_file, key_file, password="")  # never asks for one at the terminal
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(str(one) for one in (cert_file, key_file, client_ca) if one)
        raise ValueError(f"{files}: {error}: give a certificate, its key and a CA as PEM files that fit") from error
    return context


def principal_of(certificate: Mapping[str, Any]) -> str:
    """Return the principal of a peer's certificate, as Kafka writes it: the subject, its most specific part first.

    It is what ``SSLSocket.getpeercert`` returns, and is written after RFC 2253.
    """
    rows = ("+".join(_part(*one) for one in row) for row in reversed(certificate["subject"]))
    return "User:" + ",".join(rows)


def _part(name: str, value: str) -> str:
    escaped = _SPECIAL.sub(lambda found: "\\" + found[0], value)
    return f"{_SHORT.get(name, name)}={escaped}"
