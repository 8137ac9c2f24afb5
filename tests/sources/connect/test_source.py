"""Reading Kafka Connect: states, and whatever workers do instead of answering."""

import base64
import json
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from streamwatch.agent.config import parse
from streamwatch.catalogue import kafka_connect as c
from streamwatch.collectors.connect import ConnectCollector
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import ConfigError
from streamwatch.core.masking import MASK
from streamwatch.model.connect import ConnectSnapshot
from streamwatch.model.metric import Samples
from streamwatch.sources.connect.config import Config
from streamwatch.sources.connect.heartbeats import heartbeat
from streamwatch.sources.connect.source import ConnectSource
from streamwatch.sources.connect.topics import topic_prefix
from tests.snapshots import values
from tests.sources.connect.service import CLUSTER_ID, Reply, Service, running, served
from tests.sources.open_monitoring import serving as s

NOBODY = "http://127.0.0.1:1"


def config(urls: Sequence[str], more: str = "") -> Config:
    text = f"connect: [{{name: c, kafka_cluster: k, urls: {json.dumps(list(urls))}{more}}}]"
    return parse(text, "test", Path()).connect[0]


def source(urls: Sequence[str], more: str = "") -> ConnectSource:
    return ConnectSource(config(urls, more), SystemClock())


def read(*services: Service, also: Sequence[str] = (), more: str = "") -> ConnectSnapshot:
    with ExitStack() as stack:
        urls = [stack.enter_context(served(one)) for one in services]
        return source([*also, *urls], more).read()


def samples(now: ConnectSnapshot) -> list[Samples]:
    return ConnectCollector().collect(now)


def reasons(now: ConnectSnapshot) -> list[tuple[str, str]]:
    return [(one.scope, one.reason) for one in now.problems]


def test_connectors_and_tasks_are_told_with_their_states_and_workers() -> None:
    paused = running("PAUSED")
    paused["status"]["connector"]["state"] = "PAUSED"
    now = read(
        Service({"out": running("RUNNING", "FAILED"), "rest": paused, "new": running("UNASSIGNED", "RESTARTING")})
    )

    found = samples(now)
    assert now.is_up
    assert now.problems == ()
    assert values(found, c.CONNECTORS) == {"k": 3}
    assert values(found, c.REBALANCING) == {"k": 0}
    assert set(values(found, c.CONNECTOR_STATE)) == {"k new RUNNING", "k out RUNNING", "k rest PAUSED"}
    assert values(found, c.CONNECTOR_TASKS) == {
        "k new RUNNING": 0, "k new FAILED": 0, "k new UNASSIGNED": 1, "k new RESTARTING": 1,
        "k out RUNNING": 1, "k out FAILED": 1, "k rest RUNNING": 0, "k rest FAILED": 0, "k rest PAUSED": 1,
    }  # fmt: skip
    assert "k out 1 10.0.0.1:8083 FAILED" in values(found, c.TASK_STATE)
    assert set(values(found, c.CONNECTOR_TASKS_MAX).values()) == {2}
    assert list(values(found, c.WORKER_INFO)) == [f"k {now.workers[0].address} 4.3.0 {CLUSTER_ID}"]
    trace = "ConnectException: Couldn't find or create file '/none/x' for FileStreamSinkTask"
    assert now.notes() == (f"task 1 of connector out failed: {trace}; caused by NoSuchFileException: /none/x",)
    assert [row.startswith(f"k out 1 {trace}") for row in values(found, c.TASK_FAILURE)] == [True]


def test_the_group_of_a_sink_and_its_dead_letters_are_named() -> None:
    own = {"consumer.override.group.id": "mine", "errors.deadletterqueue.topic.name": "dead", "errors.tolerance": "all"}
    origin = running("RUNNING", **own)
    origin["status"]["type"] = "source"
    found = samples(read(Service({"out": running("RUNNING"), "own": running("RUNNING", **own), "in": origin})))

    assert set(values(found, c.CONNECTOR_GROUP)) == {"k out connect-out", "k own mine"}
    assert set(values(found, c.DEAD_LETTER_TOPIC)) == {"k own dead"}
    assert {row.rpartition(" ")[2] for row in values(found, c.CONNECTOR_INFO)} == {"none", "all"}


@pytest.mark.parametrize(
    ("settings", "topic"),
    [
        ({"connector.class": "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector"}, "heartbeats"),
        ({"connector.class": "MirrorHeartbeatConnector", "emit.heartbeats.enabled": "false"}, None),
        ({"connector.class": "MirrorHeartbeatConnector", "emit.heartbeats.interval.seconds": "600"}, None),
        ({"connector.class": "io.debezium.connector.x.X", "topic.prefix": "db"}, None),
        (
            {"connector.class": "io.debezium.connector.x.X", "topic.prefix": "db", "heartbeat.interval.ms": "10000"},
            "__debezium-heartbeat.db",
        ),
        (
            {
                "connector.class": "io.debezium.connector.x.X",
                "database.server.name": "db",
                "heartbeat.interval.ms": "10000",
                "heartbeat.topics.prefix": "hb",
            },
            "hb.db",
        ),
        ({"connector.class": "io.debezium.connector.x.X", "topic.prefix": "d", "heartbeat.interval.ms": "soon"}, None),
    ],
)
def test_the_topic_of_a_heartbeat_follows_from_the_configuration(settings: dict[str, str], topic: str | None) -> None:
    found = heartbeat(settings)
    assert found is not None
    assert found.topic == topic


@pytest.mark.parametrize(
    ("settings", "prefix"),
    [
        ({"connector.class": "io.debezium.connector.x.X", "topic.prefix": "db"}, "db."),
        ({"connector.class": "io.debezium.connector.x.X", "database.server.name": "old"}, "old."),
        ({"connector.class": "io.debezium.connector.x.X"}, None),
        ({"connector.class": "io.confluent.connect.jdbc.JdbcSourceConnector", "topic.prefix": "jdbc-"}, "jdbc-"),
        ({"connector.class": "MirrorSourceConnector"}, None),
        ({}, None),
    ],
)
def test_what_topics_of_a_source_begin_with_follows_from_the_configuration(
    settings: dict[str, str], prefix: str | None
) -> None:
    assert topic_prefix(settings) == prefix


def test_topics_of_sources_and_sinks_are_told_as_far_as_their_settings_name_them() -> None:
    origin = running("RUNNING", **{"topic": "lines", "topic.prefix": "x"})
    origin["status"]["type"] = "source"
    many = running("RUNNING", topics=",".join(f"t{at}" for at in range(30)))
    found = samples(read(Service({"in": origin, "out": running("RUNNING", topics=" a , b,a"), "wide": many})))

    rows = set(values(found, c.CONNECTOR_TOPIC))
    assert {row for row in rows if "wide" not in row} == {
        "k in lines name", "k in x prefix", "k out a name", "k out b name",
    }  # fmt: skip
    assert len([row for row in rows if "wide" in row]) == 20


def test_a_connector_that_failed_itself_is_told_without_a_task() -> None:
    broken = running()
    broken["status"]["connector"] = {"state": "FAILED", "worker_id": "w:1", "trace": "java.lang.Error: no\n\tat x"}
    now = read(Service({"out": broken}))

    assert now.notes() == ("connector out failed: Error: no",)
    assert set(values(samples(now), c.TASK_FAILURE)) == {"k out  Error: no"}


def test_a_worker_that_is_down_costs_its_own_share_only() -> None:
    now = read(Service({"out": running("RUNNING")}), also=[NOBODY])

    up = values(samples(now), c.WORKER_UP)
    assert (up["k 127.0.0.1:1"], sum(up.values())) == (0, 1)
    assert now.connectors is not None
    assert reasons(now) == [("worker", "unreachable")]


def answers(*replies: Reply) -> Callable[[], Reply]:
    queue = list(replies)
    return lambda: queue.pop(0) if len(queue) > 1 else queue[0]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((401, b""), "denied"),
        ((403, b"<html>no</html>"), "denied"),
        ((500, b'{"error_code": 500, "message": "Request timed out"}'), "error"),
        ((429, b""), "throttled"),
        ((404, b""), "misread"),
        ((302, b""), "misread"),
        ((200, b""), "misread"),
        ((200, b"<html>hello</html>"), "misread"),
        ((200, b"42"), "misread"),
        ((200, b"null"), "misread"),
        ((200, b"[" * 100_000), "misread"),
        ((200, b'["out"]'), "unsupported"),
        ((200, b'{"a": "' + b"x" * 70_000 + b'"}'), "misread"),
    ],
)
def test_a_listing_that_cannot_be_had_is_unknown_and_named(reply: Reply, reason: str) -> None:
    now = read(Service(answers={"/connectors": answers(reply)}), more=", max_answer: 64KiB")

    assert (now.is_up, now.connectors, now.is_rebalancing) == (False, None, None)
    assert reasons(now) == [("worker", reason)]
    assert {"127.0.0.1", "404"} & set(now.problems[0].detail.replace(":", " ").replace("/", " ").split())
    assert {one.metric for one in samples(now) if one.known()} == {c.WORKER_UP, c.WORKER_INFO}


@pytest.mark.parametrize("reply", [(401, b""), (500, b""), (200, b"nonsense"), (200, b'{"version": 7}')])
def test_a_worker_that_answers_oddly_is_neither_up_nor_down_and_is_asked_all_the_same(reply: Reply) -> None:
    now = read(Service({"out": running("RUNNING")}, answers={"/": answers(reply)}))

    assert values(samples(now), c.WORKER_UP) == {}
    assert now.connectors is not None
    assert len(now.problems) == 1


@pytest.mark.parametrize("answer", [s.hangs, s.drips, s.garbage, s.breaks_off])
def test_a_worker_that_hangs_or_talks_nonsense_is_cut_off_and_another_is_asked(answer: s.Answer) -> None:
    with s.serving(answer) as address, served(Service({"out": running("RUNNING")})) as good:
        now = source([f"http://{address}", good], ", timeout: 300ms").read()

    assert now.connectors is not None
    assert values(samples(now), c.WORKER_UP).get(f"k {address}") in {None, 0}


def test_workers_that_rebalance_are_in_a_state_and_not_wrong() -> None:
    service = Service({"out": running("RUNNING")}, answers={"/connectors": answers((409, b"{}"))})
    now = read(service)

    assert (now.is_up, now.connectors, now.problems) == (True, None, ())
    assert values(samples(now), c.REBALANCING) == {"k": 1}
    assert values(samples(now), c.CONNECTORS) == {}
    assert now.notes() == ("the workers rebalance: no connector is known until they have done so",)


def test_a_worker_that_has_just_been_started_is_in_a_state_and_another_is_asked() -> None:
    starting = Service(answers={"/": answers((404, b"")), "/connectors": answers((404, b""))})
    now = read(starting, Service({"out": running("RUNNING")}))

    assert now.problems == ()
    assert list(values(samples(now), c.WORKER_UP).values()) == [1]
    assert now.connectors is not None


def test_whoever_knew_the_connectors_last_is_asked_first() -> None:
    bad = Service(answers={"/connectors": answers((500, b""))})
    good = Service({"out": running("RUNNING")})
    with served(bad) as one, served(good) as two:
        reader = source([one, two])
        first, second = reader.read(), reader.read()

    assert reasons(first) == [("worker", "error")]
    assert second.problems == ()


def test_a_worker_of_another_kafka_cluster_is_named_and_not_asked() -> None:
    stranger = Service({"theirs": running("RUNNING")}, cluster_id="other")
    now = read(Service({"ours": running("RUNNING")}), stranger)

    assert [one.name for one in now.connectors or ()] == ["ours"]
    assert reasons(now) == [("worker", "foreign")]


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {},
        {"status": {}},
        {"status": {"connector": {"state": "running!"}, "tasks": []}},
        {"status": {"connector": {"state": "RUNNING"}, "tasks": None}},
        {"status": {"connector": {"state": "RUNNING"}, "tasks": [{"id": "x", "state": "RUNNING"}]}},
        {"status": {"connector": {"state": "RUNNING"}, "tasks": [{"id": 0, "state": None}]}},
    ],
)
def test_a_connector_that_is_not_understood_is_unknown_and_the_others_are_told(odd: object) -> None:
    now = read(Service({"odd": odd, "out": running("RUNNING")}))

    assert [one.name for one in now.connectors or ()] == ["out"]
    assert reasons(now) == [("connector", "misread")]
    assert "'odd'" in now.problems[0].detail


def test_two_tasks_with_one_id_are_not_understood() -> None:
    odd = running("RUNNING", "FAILED")
    odd["status"]["tasks"][1]["id"] = 0
    now = read(Service({"odd": odd, "sound": running("RUNNING")}))

    assert [one.name for one in now.connectors or ()] == ["sound"]
    assert reasons(now) == [("connector", "misread")]


def test_what_only_the_workers_know_is_not_guessed() -> None:
    variables = {
        "topics": "a,${env:TOPIC}",
        "consumer.override.group.id": "${env:GROUP}",
        "errors.deadletterqueue.topic.name": "${file:/x:dlq}",
    }
    now = read(Service({"bare": running("RUNNING") | {"info": None}, "variable": running("RUNNING", **variables)}))

    told = {one.name: (one.group, one.tolerance, one.dead_letter_topic, one.topics) for one in now.connectors or ()}
    assert told == {"bare": (None, "", None, ()), "variable": (None, "none", None, ("a",))}


def test_only_the_connectors_that_are_wanted_are_looked_at() -> None:
    now = read(Service({"a": running(), "b": running()}), more=", connectors: {deny: [b]}")

    assert [one.name for one in now.connectors or ()] == ["a"]


def test_ten_thousand_connectors_are_read_in_one_call() -> None:
    service = Service({f"c{number}": running("RUNNING", "FAILED") for number in range(10_000)})
    now = read(service)

    found = samples(now)
    assert service.asked == ["/", "/connectors?expand=status&expand=info"]
    assert values(found, c.CONNECTORS) == {"k": 10_000}
    assert len(values(found, c.TASK_FAILURE)) == 20
    assert len(now.notes()) == 6
    assert now.notes()[-1] == "and 9995 more tasks or connectors failed"


def test_who_the_agent_is_is_shown_and_never_told() -> None:
    service = Service({"out": running("RUNNING")}, login="Bearer s3cret-token")
    assert read(service, more=", token: s3cret-token").problems == ()
    refused = read(service, more=", username: me, password: hunter2hunter2")
    assert reasons(refused) == [("worker", "denied"), ("worker", "denied")]
    assert "hunter2" not in str(refused.problems)
    assert read(Service(login="Basic bWU6cHc="), more=", username: me, password: pw").problems == ()


def test_no_secret_of_a_connector_is_kept_or_told() -> None:
    settings = {
        "connection.password": "hunter2hunter2",
        "database.history.sasl.jaas.config": 'x.PlainLoginModule required username="me" password="swordfish";',
        "my.api.key": "k-99/88 77",
    }
    text = "login hunter2hunter2 at https://me:pw@h/?token=abc k-99%2F88%2077 swordfish, password=new1"
    now = read(Service({"out": running("FAILED", trace=f"a.b.SinkException: {text}", **settings)}))

    (failed,) = now.failures()
    assert failed[1] is not None
    assert failed[1].trace == (
        "SinkException: login ******** at https://********@h/?token=******** ******** ********, password=********"
    )
    for secret in ("hunter2", "swordfish", "k-99"):
        assert secret not in repr(now.connectors)


@pytest.mark.parametrize(
    "written",
    [
        'SW/RD "FISH"',
        "sw%2Frd+%22fish%22",
        "sw%252frd%2520%2522fish%2522",
        'sw\\/rd \\"fish\\"',
        "sw/rd &quot;fish&quot;",
        base64.b64encode(b'me:sw/rd "fish"').decode(),
    ],
)
def test_a_secret_is_masked_however_a_trace_writes_it(written: str) -> None:
    settings = {"connection.password": 'sw/rd "fish"'}
    now = read(Service({"out": running("FAILED", trace=f"SinkException: refused {written} there", **settings)}))

    (failed,) = now.failures()
    assert failed[1] is not None
    assert MASK in failed[1].trace
    assert written not in failed[1].trace
    assert failed[1].trace.endswith(" there")


def test_a_trace_is_cut_and_has_no_odd_signs() -> None:
    now = read(Service({"out": running("FAILED", trace="x\x00" * 40_000), "none": running("FAILED", trace="\n\n")}))

    traces = [task.trace for _, task in now.failures() if task is not None]
    assert traces == ["", traces[1]]
    assert (len(traces[1]), traces[1].isprintable()) == (200, True)


def test_reads_end_when_a_service_hangs() -> None:
    now = read(Service(hangs=threading.Event()), more=", timeout: 300ms")

    assert (now.is_up, reasons(now)) == (False, [("worker", "timeout")])
    assert values(samples(now), c.WORKER_UP) == {f"k {now.workers[0].address}": 0}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("urls: []", "at least one worker"),
        ("urls: ['worker:8083']", r"urls\[0\]"),
        ("urls: ['http://me:pw@h:1']", "a login apart"),
        ("urls: ['http://h:1'], username: me", "belong together"),
        ("urls: ['http://h:1'], token: a, username: m, password: p", "give one of them"),
        ("urls: ['http://h:1'], timeout: 10s", "a quarter of interval"),
        ("urls: ['http://h:1'], token: 'a b'", "no token has"),
        ("urls: ['http://h:1'], tls: {cert_file: /dev/null}", "belong together"),
    ],
)
def test_a_mistake_in_the_configuration_is_told(text: str, mistake: str) -> None:
    with pytest.raises(ConfigError, match=mistake):
        parse(f"connect: [{{name: c, kafka_cluster: k, {text}}}]", "test", Path())
