"""Brokers that mean harm: what each may cost, and that it costs its own cluster only."""

import asyncio
import logging
import struct
import threading
import tracemalloc
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import SourceDenied, SourceError, SourceMisread
from streamwatch.model.kafka import NOT_KNOWN, ClusterSnapshot
from streamwatch.model.snapshot import Problem
from streamwatch.settings.types import Secret
from streamwatch.sources.kafka import Config, KafkaSource
from streamwatch.sources.kafka.advertised import MOST_BROKERS, holders, read_advertised
from streamwatch.sources.kafka.answer_budget import AnswerBudget
from streamwatch.sources.kafka.apis import API_VERSIONS, METADATA, SASL_AUTHENTICATE, SASL_HANDSHAKE
from streamwatch.sources.kafka.auth import authenticate
from streamwatch.sources.kafka.config import Pulse, Sasl
from streamwatch.sources.kafka.dial import BrokerSession, Dialer, as_source_errors
from streamwatch.sources.kafka.metadata import MetadataReader, Registered
from streamwatch.sources.kafka.wire import KafkaConnection
from tests.addresses import servers
from tests.prepared import PreparedCluster, Truth

CLOSED_PORT = 1
MIB = 2**20


class Wire(asyncio.Transport):
    """Takes what is sent, and does nothing with it."""

    def write(self, data: Any) -> None:
        pass

    def abort(self) -> None:
        pass


async def trusted(budget: AnswerBudget, max_frame: int = 100 * MIB) -> KafkaConnection:
    connection = KafkaConnection("test", max_frame, budget)
    connection.connection_made(Wire())
    connection.trust()
    return connection


def frame(body: bytes) -> bytes:
    """Return the first answer on a connection."""
    return struct.pack(">iib", len(body) + 5, 1, 0) + body


def arrive(connection: KafkaConnection, data: bytes) -> None:
    for start in range(0, len(data), 2**18):
        connection.data_received(data[start : start + 2**18])


def large_metadata(topics: int) -> bytes:
    """Return an answer of Metadata v12, of one broker and topics of 50 partitions with three replicas each."""
    ids = struct.pack(">b3i", 4, 1, 2, 3)
    partitions = b"".join(struct.pack(">hiii", 0, p, 1, 0) + ids + ids + b"\1\0" for p in range(50))
    names = (b"topic-%04d" % i for i in range(topics))
    listed = [b"\0\0\x0b" + name + bytes(17) + b"\x33" + partitions + bytes(5) for name in names]
    size = bytes([topics + 1 & 127 | 128, topics + 1 >> 7])
    broker = struct.pack(">ib4sib", 1, 5, b"host", 9092, 0) + b"\0"
    return bytes(4) + b"\2" + broker + b"\2c" + struct.pack(">i", 1) + size + b"".join(listed) + b"\0"


def advertising(change: Callable[[Any], list[Any]]) -> Callable[[str, bytes], bytes]:
    """Return what changes the brokers in answers of Metadata."""

    @cache
    def mangle(api: str, body: bytes) -> bytes:
        if api != "Metadata":
            return body
        answer = METADATA.response.decode(body, version=METADATA.highest)
        answer.brokers = change(answer.brokers)
        return bytes(answer.encode())

    return mangle


def broker(answer: Any, node: int, host: str, port: int) -> Any:
    return type(answer)(node_id=node, host=host, port=port, rack=None)


def reading(cluster: PreparedCluster, **settings: Any) -> KafkaSource:
    config = Config(name="hostile", bootstrap=servers(cluster.bootstrap), **settings)
    return KafkaSource(config, SystemClock(), lambda: None)


def test_an_announcement_to_each_of_a_thousand_connections_costs_what_arrived() -> None:
    async def run() -> int:
        budget = AnswerBudget(100 * MIB)
        connections = [await trusted(budget) for _ in range(1000)]
        for connection in connections:
            connection.send(METADATA, 12, b"")
        tracemalloc.start()
        try:
            for connection in connections:
                connection.data_received(struct.pack(">iib", 100 * MIB, 1, 0) + bytes(100))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert asyncio.run(run()) < MIB


def test_connections_of_a_cluster_share_a_budget_and_the_one_that_exceeds_it_is_closed() -> None:
    async def run() -> tuple[list[SourceError | None], SourceError | None]:
        budget = AnswerBudget(MIB)
        connections = [await trusted(budget, MIB) for _ in range(60)]
        for connection in connections:
            connection.send(METADATA, 12, b"")
            arrive(connection, frame(bytes(MIB - 100))[: MIB - 200])
        lost = [connection.lost.result() if connection.lost.done() else None for connection in connections]
        budget.begin_read()
        other = await trusted(budget, MIB)
        answer = other.send(METADATA, 12, b"").answer
        arrive(other, frame(bytes(1000)))
        return lost, None if (await answer) == bytes(1000) else other.lost.result()

    lost, after = asyncio.run(run())
    assert lost[:2] == [None, None]
    assert all(isinstance(reason, SourceMisread) and "`max_frame`" in str(reason) for reason in lost[2:])
    assert after is None, "the next read has a budget of its own"


def test_a_genuine_large_answer_is_not_held_many_times_over() -> None:
    body = large_metadata(500)

    async def run() -> tuple[int, int]:
        connection = await trusted(AnswerBudget(100 * MIB))
        answer = connection.send(METADATA, 12, b"").answer
        whole = frame(body)
        tracemalloc.start()
        try:
            arrive(connection, whole)
            arrived = tracemalloc.get_traced_memory()[1]
            MetadataReader().read(await answer, 12)
            return arrived, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    arrived, read = asyncio.run(run())
    assert arrived < 1.6 * len(body), "on the wire, it is held once"
    assert read < 4.5 * len(body), "the body, its columns and what the next answer is compared with"


@pytest.mark.parametrize(
    ("head", "message"),
    [
        pytest.param(struct.pack(">i", 0), "0 bytes", id="length_0"),
        pytest.param(struct.pack(">i", -(2**31)), "-2147483648 bytes", id="length_below_0"),
        pytest.param(struct.pack(">ii", 100 * MIB, 7), "answer 7 where 1", id="another_correlation_id_before_its_body"),
        pytest.param(struct.pack(">iib", 100, 1, 3), "tagged fields", id="tagged_fields"),
        pytest.param(struct.pack(">ii", 4, 1), "tagged fields", id="no_header"),
    ],
)
def test_a_head_that_makes_no_sense_ends_the_connection_before_any_body(head: bytes, message: str) -> None:
    async def run() -> SourceError:
        connection = await trusted(AnswerBudget(100 * MIB))
        connection.send(METADATA, 12, b"")
        for byte in head:
            connection.data_received(bytes([byte]))
        return connection.lost.result()

    lost = asyncio.run(run())
    assert isinstance(lost, SourceMisread)
    assert message in str(lost)


def test_an_answer_that_nobody_waits_for_is_refused_before_its_body() -> None:
    async def run() -> SourceError:
        connection = await trusted(AnswerBudget(100 * MIB))
        connection.data_received(struct.pack(">ii", 100 * MIB, 1))
        return connection.lost.result()

    assert "nothing asked for" in str(asyncio.run(run()))


def test_an_address_that_is_advertised_many_times_is_one_connection() -> None:
    def itself(brokers: list[Any]) -> list[Any]:
        first = min(brokers, key=lambda each: each.node_id)
        return [*brokers, *(broker(first, 100 + i, first.host, first.port) for i in range(60))]

    with PreparedCluster(Truth({"t": 3}, mangle=advertising(itself))) as cluster:
        source = reading(cluster)
        try:
            source.read()
            now = source.read()
            assert len(cluster._writers) == 3
            assert [one.up for one in now.brokers] == [True] * 3 + [None] * 60
            assert (now.end_offset != NOT_KNOWN).all(), "what is true is known"
            (only,) = now.problems
            assert (only.scope, only.reason, only.count) == ("broker", "misread", 60)
            assert "broker 100 and 59 others are listed at an address that is another broker's" in only.detail
        finally:
            source.close()


def test_twenty_thousand_advertised_brokers_are_a_problem_and_the_read_ends(caplog: pytest.LogCaptureFixture) -> None:
    def many(brokers: list[Any]) -> list[Any]:
        first = brokers[0]
        crowd = (broker(first, 100 + i, f"127.1.{i >> 8}.{i & 255}", CLOSED_PORT) for i in range(20_000))
        return [*brokers, *crowd]

    with PreparedCluster(Truth({"t": 3}, mangle=advertising(many))) as cluster:
        patient = Pulse(deadline=50)  # the prepared cluster makes its answer of 20,000 brokers anew for each pulse
        source = reading(cluster, interval=60, deadline=50, connect_timeout=60, request_timeout=50, pulse=patient)
        try:
            with caplog.at_level(logging.INFO):
                now = source.read()
            assert isinstance(now, ClusterSnapshot)
            assert [one.up for one in now.brokers[:4]] == [True, True, True, False]
            assert len(now.brokers) == MOST_BROKERS
            assert (now.end_offset != NOT_KNOWN).all(), "what is true is known"
            assert "the metadata lists 20003 brokers" in " ".join(one.detail for one in now.problems)
            assert len(caplog.records) < 200
            assert not any(record.exc_info for record in caplog.records)
        finally:
            source.close()


def test_replicas_on_very_many_brokers_are_not_very_many_brokers() -> None:
    assert len(holders(np.arange(10**5, dtype=np.int32))) == MOST_BROKERS
    assert read_advertised([Registered(7, "a", 1, None)] * 3).brokers == (Registered(7, "a", 1, None),)


class Answering:
    """A connection on which these bodies are the answers, one after the other."""

    def __init__(self, *bodies: bytes) -> None:
        self._bodies = list(bodies)

    def send(self, *_: Any) -> Any:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        answer.set_result(self._bodies.pop(0))
        return SimpleNamespace(answer=answer)


def welcome(*mechanisms: str, code: int = 0) -> bytes:
    return bytes(SASL_HANDSHAKE.response(version=1, error_code=code, mechanisms=list(mechanisms)).encode())


def login(code: int = 0, why: str | None = None, lifetime_ms: int = 0) -> bytes:
    kind = SASL_AUTHENTICATE.response
    answer = kind(version=1, error_code=code, error_message=why, auth_bytes=b"x", session_lifetime_ms=lifetime_ms)
    return bytes(answer.encode())


class Exchange:
    """An exchange that ends after some rounds, and knows which thread did its work."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self.threads: set[threading.Thread] = set()

    def auth_bytes(self) -> bytes:
        return b"x"

    def receive(self, _: bytes) -> None:
        self.threads.add(threading.current_thread())
        self._rounds -= 1

    def is_done(self) -> bool:
        return self._rounds <= 0

    def is_authenticated(self) -> bool:
        return True


def run_exchange(exchange: Exchange, *bodies: bytes) -> float | None:
    async def run() -> float | None:
        return await authenticate(cast("KafkaConnection", Answering(*bodies)), 1, exchange, "SCRAM-SHA-512")

    return asyncio.run(run())


def test_what_a_broker_makes_scram_hash_keeps_no_loop_waiting() -> None:
    exchange = Exchange(1)

    run_exchange(exchange, welcome(), login())
    assert exchange.threads
    assert threading.current_thread() not in exchange.threads


@pytest.mark.parametrize(
    ("bodies", "message"),
    [
        pytest.param([welcome(), *[login()] * 6], "no end after 6 rounds", id="rounds_without_end"),
        pytest.param([welcome(), login(58, "x" * 32_767)], "refused: xxx", id="a_reason_of_32_KiB"),
        pytest.param([welcome("x" * 30_000, code=33)], "it offers xxx", id="a_long_list_of_mechanisms"),
    ],
)
def test_a_login_that_means_harm_is_an_error_of_few_words(bodies: list[bytes], message: str) -> None:
    with pytest.raises((SourceDenied, SourceMisread), match=message) as found:
        run_exchange(Exchange(10), *bodies)
    assert len(str(found.value)) < 500


def test_a_session_that_lasts_a_millisecond_is_not_renewed_a_thousand_times_a_second() -> None:
    async def run() -> float:
        sasl = Sasl(mechanism="PLAIN", username="u", password=Secret("p"))
        dialer = Dialer(Config(name="c", bootstrap=servers(["h:1"]), sasl=sasl))
        plain = SASL_AUTHENTICATE.response(
            version=1, error_code=0, error_message=None, auth_bytes=b"", session_lifetime_ms=1
        )
        connection = cast("KafkaConnection", Answering(welcome(), bytes(plain.encode())))
        session = BrokerSession(connection, {SASL_AUTHENTICATE.key: 1})
        begin = asyncio.get_running_loop().time()
        await dialer.authenticate(session, "h")
        return (session.reauth_at or 0.0) - begin

    assert asyncio.run(run()) >= 0.4


def offers(*spans: tuple[int, int, int], code: int = 0) -> bytes:
    kind = API_VERSIONS.response
    keys = [kind.ApiVersion(version=3, api_key=k, min_version=a, max_version=b) for k, a, b in spans]
    return bytes(kind(version=3, error_code=code, api_keys=keys).encode())


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(offers, id="nothing_is_offered"),
        pytest.param(lambda: offers((3, 12, 9)), id="the_least_version_is_above_the_largest"),
        pytest.param(lambda: offers((3, -5, -1)), id="versions_below_0"),
        pytest.param(lambda: offers((3, 100, 120)), id="versions_of_the_far_future"),
        pytest.param(lambda: offers(*[(key % 32768, 0, 1) for key in range(100_000)]), id="a_hundred_thousand_keys"),
        pytest.param(lambda: offers((3, 0, 12), code=35)[:2], id="only_a_code"),
        pytest.param(lambda: offers((3, 0, 12), code=42), id="an_error"),
        pytest.param(lambda: b"", id="empty"),
        pytest.param(lambda: bytes(2) + b"\xff" * 9, id="a_length_that_is_not_there"),
    ],
)
def test_odd_api_versions_are_an_error_of_their_own(make: Callable[[], bytes]) -> None:
    body = make()

    async def run() -> None:
        dialer = Dialer(Config(name="c", bootstrap=servers(["h:1"])))
        with as_source_errors():
            await dialer.negotiate(cast("KafkaConnection", Answering(body, body)))

    with pytest.raises(SourceMisread) as found:
        asyncio.run(run())
    assert len(str(found.value)) < 500


@pytest.mark.parametrize("elsewhere", [1, 2, 99])
def test_coordinators_that_send_each_other_around_are_asked_a_few_times(elsewhere: int) -> None:
    of = Truth({"t": 3}, commits={"g": {("t", 0): 1}}, coordinator={"g": elsewhere})
    of.listed_by = {"g": (1, 2, 3)}
    with PreparedCluster(of) as cluster:
        for fault in cluster.faults.values():
            fault.codes = {"OffsetFetch": 16, "DescribeGroups": 16}
        source = reading(cluster)
        try:
            now = source.read()
            assert cluster.asked["OffsetFetch"] + cluster.asked["DescribeGroups"] < 20
            assert cluster.asked["FindCoordinator"] < 10
            assert (now.end_offset != NOT_KNOWN).all(), "what is true is known"
            assert [one.scope for one in now.problems if one.scope == "group"], now.problems
        finally:
            source.close()


def test_what_a_service_says_of_itself_is_cut_in_a_problem() -> None:
    assert len(Problem("topic", "misread", "x" * 50 * MIB).detail) < 1100


@pytest.mark.parametrize("length", [249, 250, 2**20])
def test_a_topic_with_a_longer_name_than_kafka_has_is_left_out(length: int) -> None:
    name = b"n" * length
    size = length + 1
    varint = bytes(size >> shift & 127 | 128 for shift in range(0, 21, 7)) + bytes([size >> 21])
    body = large_metadata(1).replace(b"\x0btopic-0000", varint + name)
    found = MetadataReader().read(body, 12)

    assert found.topology.topics == (("n" * 249,) if length == 249 else ())
    assert [one.reason for one in found.problems] == ["misread"] * (length > 249)
    assert len(str(found.problems)) < 1000
