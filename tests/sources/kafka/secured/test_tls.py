"""TLS: who is trusted, and what each kind of mistrust says that one should do."""

import asyncio
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization import load_pem_private_key as load_key

from streamwatch.model.snapshot import Problem
from streamwatch.settings.types import Secret
from streamwatch.sources.kafka.config import KafkaTls
from tests.prepared import PreparedCluster, Truth
from tests.real.certificates import Authority, _named
from tests.sources.kafka.secured.conftest import Trust
from tests.sources.kafka.secured.locked import LockedCluster, reading
from tests.waiting import wait_for

ALERT = struct.pack(">BHHBB", 21, 0x0303, 2, 2, 80)
"""What Kafka's TLS listener says to whoever does not speak TLS: a fatal alert."""


def truth() -> Truth:
    return Truth({"orders": 3})


def seen(cluster: PreparedCluster, tls: KafkaTls | None) -> Problem | None:
    """Read once; return what is wrong with the cluster, if anything is."""
    with reading(cluster, tls=tls) as source:
        now = source.read()
    assert (now.topology is None) == bool(now.problems)
    return now.problems[0] if now.problems else None


def identity_for(trust: Trust, folder: Path, name: x509.GeneralName) -> ssl.SSLContext:
    """A broker whose certificate names this and nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    unsigned = trust.authority._unsigned(_named("elsewhere"), key.public_key())
    names = x509.SubjectAlternativeName([name])
    signed = unsigned.add_extension(names, critical=False).sign(trust.authority._key, SHA256())
    file = folder / "elsewhere.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + signed.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_a_broker_of_a_trusted_authority_is_read(trust: Trust) -> None:
    with LockedCluster(truth(), tls=trust.server()) as cluster:
        assert seen(cluster, trust.client()) is None


def test_an_untrusted_broker_is_refused(trust: Trust, tmp_path: Path) -> None:
    other = Authority(tmp_path, "another-ca")
    with LockedCluster(truth(), tls=trust.server()) as cluster:
        for tls in (KafkaTls(), KafkaTls(ca_file=str(other.file))):
            problem = seen(cluster, tls)
            assert problem
            assert problem.reason == "denied"
            assert "not trusted" in problem.detail
            assert "check `tls.ca_file` and the host name" in problem.detail


def test_a_broker_of_another_name_is_refused_unless_names_are_not_checked(trust: Trust, tmp_path: Path) -> None:
    for name in (x509.DNSName("elsewhere.example"), x509.IPAddress(IPv4Address("127.0.0.2"))):
        with LockedCluster(truth(), tls=identity_for(trust, tmp_path, name)) as cluster:
            problem = seen(cluster, trust.client())
            assert problem
            assert problem.reason == "denied"
            assert "127.0.0.1" in problem.detail
            assert "host name" in problem.detail
            assert seen(cluster, replace(trust.client(), check_hostname=False)) is None


def test_not_checking_names_does_not_trust_strangers(trust: Trust, tmp_path: Path) -> None:
    other = Authority(tmp_path, "another-ca")
    with LockedCluster(truth(), tls=trust.server()) as cluster:
        problem = seen(cluster, KafkaTls(ca_file=str(other.file), check_hostname=False))

    assert problem
    assert problem.reason == "denied"


def test_a_client_certificate_is_shown_where_it_is_asked_for(trust: Trust) -> None:
    shown = replace(trust.client(), cert_file=str(trust.agent.certificate), key_file=str(trust.agent.key))
    with LockedCluster(truth(), tls=trust.server(mutual=True)) as cluster:
        assert seen(cluster, shown) is None


def test_a_client_certificate_that_is_missing_or_unknown_is_told(trust: Trust, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "another-ca").issue("stranger")
    unknown = replace(trust.client(), cert_file=str(stranger.certificate), key_file=str(stranger.key))
    with LockedCluster(truth(), tls=trust.server(mutual=True)) as cluster:
        for tls in (trust.client(), unknown):
            problem = seen(cluster, tls)
            assert problem
            assert "does this listener want a client certificate?" in problem.detail


def test_a_locked_private_key_is_opened_with_its_password_which_is_never_told(trust: Trust, tmp_path: Path) -> None:
    key = load_key(trust.agent.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"right-password")))
    shown = replace(trust.client(), cert_file=str(trust.agent.certificate), key_file=str(locked))
    with LockedCluster(truth(), tls=trust.server(mutual=True)) as cluster:
        assert seen(cluster, replace(shown, key_password=Secret("right-password"))) is None
        for wrong in (Secret("wrong-guess"), None):
            problem = seen(cluster, replace(shown, key_password=wrong))
            assert problem
            assert problem.reason == "denied"
            assert "locked.key" in problem.detail
            assert "wrong-guess" not in problem.detail


def test_an_authority_that_is_replaced_in_its_file_is_believed_at_the_next_dial(trust: Trust, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(Authority(tmp_path, "another-ca").file.read_bytes())
    with LockedCluster(truth(), tls=trust.server()) as cluster, pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamwatch.sources.kafka.broker_connection._DENIED_SECONDS", 0.2)
        with reading(cluster, tls=KafkaTls(ca_file=str(file))) as source:
            assert source.read().topology is None
            file.write_bytes(trust.authority.file.read_bytes())
            wait_for(lambda: source.read().topology, 10, "the new authority is read")


def test_tls_towards_a_listener_in_the_clear_is_told(trust: Trust) -> None:
    with LockedCluster(truth()) as cluster:
        problem = seen(cluster, trust.client())

    assert problem
    assert "TLS" in problem.detail


def test_no_tls_towards_a_listener_that_wants_it_is_told(trust: Trust) -> None:
    with LockedCluster(truth(), tls=trust.server()) as cluster:
        problem = seen(cluster, None)

    assert problem
    assert "does this listener want TLS?" in problem.detail


def test_the_alert_with_which_kafka_answers_a_plain_client_is_not_taken_for_a_large_frame() -> None:
    """Its first bytes, read as a length, are 352518912 (KAFKA-4090): raising `max_frame` would not help."""
    with alerting() as address, reading(address) as source:
        problem = source.read().problems[0]

    assert "does this listener want TLS?" in problem.detail
    assert "max_frame" not in problem.detail


@contextmanager
def alerting() -> Iterator[str]:
    """Serve a TLS alert to everyone."""
    loop = asyncio.new_event_loop()

    async def alert(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4)
        writer.write(ALERT)
        await writer.drain()
        writer.close()

    async def serve() -> tuple[asyncio.Server, int]:
        server = await asyncio.start_server(alert, "127.0.0.1", 0)
        return server, server.sockets[0].getsockname()[1]

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server, port = asyncio.run_coroutine_threadsafe(serve(), loop).result(10)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()
