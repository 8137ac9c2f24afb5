"""Brokers on the network: what is malformed closes one connection and nothing else; logins, rights, quotas, faults."""

import json
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kafka import KafkaProducer

from streamwatch.reference.kafka import faults, topics, wire
from streamwatch.reference.kafka.acls import Acl, AclOperation, ResourceType
from streamwatch.reference.kafka.sasl import BrokerUsers
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Access, KafkaListener
from streamwatch.reference.kafka.spec import RELEASES, Release, Spec
from streamwatch.reference.kafka.tls import server_context
from tests.real.certificates import Authority
from tests.reference.acting import QUICK
from tests.waiting import wait_for

pytest_plugins = ["streamwatch.reference.pytest_plugin"]

SECONDS = 20.0
API_VERSIONS_3 = struct.pack(">hhih", 18, 3, 7, 4) + b"test" + b"\0" + b"\5test" + b"\2x" + b"\0"


@pytest.fixture(scope="module")
def kafka() -> Iterator[ReferenceKafka]:
    with ReferenceKafka(Spec(settings=QUICK)) as running:
        yield running


@contextmanager
def connected(kafka: ReferenceKafka, broker: int = 1) -> Iterator[socket.socket]:
    with closing(socket.create_connection(kafka.site.address(broker, "PLAINTEXT"), timeout=SECONDS)) as sock:
        yield sock


def framed(frame: bytes) -> bytes:
    return struct.pack(">i", len(frame)) + frame


def received(sock: socket.socket) -> bytes:
    """The next frame; empty when the broker hung up."""
    try:
        head = _exactly(sock, 4)
        return _exactly(sock, struct.unpack(">i", head)[0]) if head else b""
    except ConnectionError:
        return b""


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            return b""
        data += more
    return data


def lives(kafka: ReferenceKafka) -> bool:
    with connected(kafka) as sock:
        sock.sendall(framed(API_VERSIONS_3))
        return received(sock)[:4] == struct.pack(">i", 7)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(struct.pack(">i", -1), id="negative_length"),
        pytest.param(struct.pack(">i", 0), id="no_length"),
        pytest.param(struct.pack(">i", 2**31 - 1), id="oversized"),
        pytest.param(framed(b"\0"), id="no_header"),
        pytest.param(framed(struct.pack(">hhih", 999, 0, 1, -1)), id="unknown_api"),
        pytest.param(framed(struct.pack(">hhih", 3, 99, 1, -1)), id="unknown_version"),
        pytest.param(framed(struct.pack(">hhih", 0, 0, 1, -1)), id="version_offered_only_to_please"),
        pytest.param(framed(struct.pack(">hhih", 3, 12, 1, -1) + b"\0\xff\xff\xff\xff\xff"), id="malformed_body"),
        pytest.param(framed(API_VERSIONS_3[:12]), id="truncated_header"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="http"),
    ],
)
def test_what_is_no_request_closes_the_connection_and_the_broker_lives_on(kafka: ReferenceKafka, data: bytes) -> None:
    with connected(kafka) as sock:
        sock.sendall(data)
        assert received(sock) == b""
    assert lives(kafka)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(wire.NAMES)), st.integers(0, 13), st.binary(max_size=60))
def test_no_bytes_kill_a_broker(kafka: ReferenceKafka, key: int, version: int, body: bytes) -> None:
    with connected(kafka) as sock:
        sock.sendall(framed(struct.pack(">hhih", key, version, 1, -1) + body))
        sock.shutdown(socket.SHUT_WR)
        received(sock)
    assert kafka.do(lambda site, _: site.cluster.brokers[1].works)


def test_a_version_of_api_versions_that_is_too_new_is_answered_with_the_list(kafka: ReferenceKafka) -> None:
    with connected(kafka) as sock:
        sock.sendall(framed(struct.pack(">hhih", 18, 99, 5, -1)))
        answer = received(sock)
        count = struct.unpack_from(">ihi", answer)

    assert count[:2] == (5, 35)
    assert count[2] == len(kafka.site.offered)


def test_half_a_frame_keeps_the_others_waiting_not(kafka: ReferenceKafka) -> None:
    with connected(kafka) as slow:
        slow.sendall(framed(API_VERSIONS_3)[:9])
        assert lives(kafka)
        slow.sendall(framed(API_VERSIONS_3)[9:])
        assert received(slow)[:4] == struct.pack(">i", 7)


@pytest.mark.parametrize("release", RELEASES)
def test_a_release_offers_what_it_has(release: Release) -> None:
    with ReferenceKafka(Spec(release=release)) as kafka:
        assert lives(kafka)
        spans = kafka.site.offered

    assert (68 in spans) is (release >= (3, 7))
    assert (55 in spans) is (release >= (3, 3))
    assert (75 in spans) is (release >= (3, 8))


def test_a_frozen_broker_accepts_and_says_nothing_until_it_is_thawed(kafka: ReferenceKafka) -> None:
    with connected(kafka, 3) as sock:
        kafka.do(lambda site, now: faults.freeze(site, now, broker=3))
        sock.sendall(framed(API_VERSIONS_3))
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        kafka.do(lambda site, now: faults.thaw(site, now, broker=3))
        sock.settimeout(SECONDS)
        assert received(sock)[:4] == struct.pack(">i", 7)


def test_a_dead_broker_cuts_its_connections_refuses_new_ones_and_is_back_on_its_port(kafka: ReferenceKafka) -> None:
    with connected(kafka, 2) as sock:
        kafka.do(lambda site, now: faults.stop(site, now, broker=2))
        assert received(sock) == b""
    with pytest.raises(ConnectionRefusedError), connected(kafka, 2):
        pass
    kafka.do(lambda site, now: faults.start(site, now, broker=2))
    with connected(kafka, 2) as sock:
        sock.sendall(framed(API_VERSIONS_3))
        assert received(sock)


def test_an_api_answers_with_an_error_as_often_as_was_asked_for(kafka: ReferenceKafka) -> None:
    given = {"api": "Metadata", "code": "UNKNOWN_SERVER_ERROR", "broker": 1, "times": 1}
    kafka.do(lambda site, now: faults.apply(site, now, "api_error", given))
    assert kafka.site.fault(2, "Metadata") is None
    found = [kafka.site.fault(1, "Metadata"), kafka.site.fault(1, "Metadata")]

    assert [one is not None for one in found] == [True, False]


def test_a_producer_over_its_quota_is_told_and_kept_waiting(kafka: ReferenceKafka) -> None:
    with closing(KafkaProducer(bootstrap_servers=kafka.bootstrap.split(","), client_id="greedy", acks=1)) as producer:
        producer.send("quota", b"first").get(SECONDS)
        kafka.do(lambda site, now: faults.throttle_client(site, now, client="greedy", bytes_per_second=500.0))
        for _ in range(2):
            producer.send("quota", b"x" * 4000).get(SECONDS)
        kafka.do(lambda site, now: faults.throttle_client(site, now, client="greedy", on=False))
        throttled = kafka.do(lambda site, _: [one.throttled.get("Produce", 0) for one in site.measures.values()])

    assert max(throttled) > 1000


def test_what_a_request_took_is_measured(kafka: ReferenceKafka) -> None:
    kafka.do(lambda site, now: faults.slow(site, now, broker=1, by=0.2))
    assert lives(kafka)
    kafka.do(lambda site, now: faults.slow(site, now, broker=1, by=0.0))
    phases = kafka.do(lambda site, _: site.measures[1].requests["ApiVersions"].phases)

    assert phases["local"].most >= 200
    assert phases["total"].most >= phases["local"].most
    assert phases["queue"].most < 200


@pytest.fixture(scope="module")
def control(kafka: ReferenceKafka) -> str:
    return kafka.serve_control()


def ask(control: str, method: str, path: str, body: str = "") -> tuple[int, str]:
    with closing(HTTPConnection(control, timeout=SECONDS)) as connection:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_the_control_endpoint_tells_the_state(control: str) -> None:
    status, text = ask(control, "GET", "/state")

    assert status == 200
    assert json.loads(text)["brokers"]["1"]["running"] is True


def test_a_fault_is_taken_and_healed(control: str, kafka: ReferenceKafka) -> None:
    assert ask(control, "POST", "/faults/stop", '{"broker": 3}')[0] == 200
    assert not kafka.site.cluster.brokers[3].is_running
    assert ask(control, "POST", "/faults/heal")[0] == 200
    wait_for(lambda: lives(kafka) and kafka.site.cluster.brokers[3].is_running, SECONDS, "broker 3 is back")
    events = json.loads(ask(control, "GET", "/events?after=0")[1])["events"]
    assert any("broker 3 died" in one["what"] for one in events)


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/faults/explode", "{}", "'explode' is no fault: one of stop, start"),
        ("/faults/stop", '{"broker": 9}', "broker: there is no 9: the brokers are 1, 2, 3"),
        ("/faults/stop", '{"brokr": 1}', "stop: no such option: brokr: it has broker, gracefully"),
        ("/faults/stop", "{}", "missing"),
        ("/faults/stop", "[]", "a JSON object is wanted"),
        ("/faults/stop", "{", "Expecting property name"),
        ("/faults/freeze_isr", '{"topic": "none"}', "topic: there is no 'none'"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(control: str, path: str, body: str, told: str) -> None:
    status, text = ask(control, "POST", path, body)

    assert status == 400
    assert told in text


def test_another_path_is_not_found(control: str) -> None:
    assert ask(control, "GET", "/nothing")[0] == 404


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ReferenceKafka, Path]]:
    """A cluster with TLS, logins and ACLs."""
    authority = Authority(tmp_path_factory.mktemp("tls"))
    identity = authority.issue("broker")
    context = server_context(Path(identity.certificate), Path(identity.key))
    access = Access(
        listeners=(KafkaListener("SASL_SSL", context, ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),),
        credentials=BrokerUsers(users={"admin": "admin-word", "bob": "bob-word"}),
        super_users=frozenset({"User:admin"}),
        authorize=True,
    )
    with ReferenceKafka(Spec(settings=QUICK), access) as kafka:
        yield kafka, Path(authority.file)


def secured(locked: tuple[ReferenceKafka, Path], user: str, password: str, mechanism: str = "SCRAM-SHA-512") -> Any:
    kafka, authority = locked
    return {
        "bootstrap.servers": kafka.bootstrap,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": mechanism,
        "sasl.username": user,
        "sasl.password": password,
        "ssl.ca.location": str(authority),
        "error_cb": lambda _: None,
    }


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_librdkafka_logs_in_over_tls(locked: tuple[ReferenceKafka, Path], mechanism: str) -> None:
    found = AdminClient(secured(locked, "admin", "admin-word", mechanism)).list_topics(timeout=SECONDS)

    assert len(found.brokers) == 3


def test_a_wrong_password_does_not_come_in(locked: tuple[ReferenceKafka, Path]) -> None:
    with pytest.raises(KafkaException):
        AdminClient(secured(locked, "admin", "wrong")).list_topics(timeout=2)


def test_what_no_acl_allows_is_denied(locked: tuple[ReferenceKafka, Path]) -> None:
    def produced() -> int:
        told: list[Any] = []
        producer = Producer(secured(locked, "bob", "bob-word") | {"message.timeout.ms": 5000})
        producer.produce("private", b"x", on_delivery=lambda error, _: told.append(error))
        producer.flush(SECONDS)
        return told[0].code() if told[0] else KafkaError.NO_ERROR

    kafka, _ = locked
    kafka.do(lambda site, now: topics.ensure(site.cluster, "private", now))
    assert produced() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    for operation in (AclOperation.WRITE, AclOperation.DESCRIBE):
        rule = Acl(resource_type=ResourceType.TOPIC, resource_name="private", principal="User:bob", operation=operation)
        kafka.do(lambda site, _, rule=rule: site.acls.add(rule))  # type: ignore[misc]
    assert produced() == KafkaError.NO_ERROR


def test_without_tls_nobody_comes_in(locked: tuple[ReferenceKafka, Path]) -> None:
    address = locked[0].site.address(1, "SASL_SSL")
    with closing(socket.create_connection(address, timeout=SECONDS)) as sock:
        sock.sendall(framed(API_VERSIONS_3))
        data = sock.recv(100)
    assert data[:1] in {b"", b"\x15"}  # hung up, or a TLS alert


def test_before_the_login_nothing_but_versions_is_answered(locked: tuple[ReferenceKafka, Path]) -> None:
    kafka, authority = locked
    context = ssl.create_default_context(cafile=str(authority))
    with (
        closing(socket.create_connection(kafka.site.address(1, "SASL_SSL"), timeout=SECONDS)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
    ):
        sock.sendall(framed(API_VERSIONS_3))
        assert received(sock)
        sock.sendall(framed(struct.pack(">hhih", 3, 1, 1, -1) + struct.pack(">i", -1)))
        assert received(sock) == b""


def test_the_fixture_of_the_package_starts_a_cluster(reference_kafka: ReferenceKafka) -> None:
    with closing(KafkaProducer(bootstrap_servers=reference_kafka.bootstrap.split(","))) as producer:
        assert producer.send("t", b"x").get(SECONDS).offset == 0


def test_a_cluster_that_is_closed_leaves_nothing() -> None:
    kafka = ReferenceKafka(Spec(brokers=1))
    with kafka:
        address = kafka.site.address(1, "PLAINTEXT")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=SECONDS)
    kafka.close()
