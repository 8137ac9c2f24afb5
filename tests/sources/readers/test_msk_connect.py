"""Connectors of MSK Connect, watched on the reference."""

import pytest

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.msk_connect import MskConnect, MskConnector
from tests.sources.readers.attaching import World, world

BOOTSTRAP = "b-1.shop.abc123.c2.kafka.us-east-1.amazonaws.com:9098"


def connector(on: World, settings: dict[str, str], bootstrap: str = BOOTSTRAP, tasks: int = 1) -> MskConnector:
    def make(cloud: Cloud, now: float) -> MskConnector:
        found = cloud.beside(MskConnect).create("sink", settings, bootstrap, now)
        found.tasks = tasks
        return found

    return on.aws.do(make)


def live(on: World, one: MskConnector) -> None:
    for _ in range(3):
        on.aws.do(lambda _, now: one.live(now))
        on.time.advance(60)


def test_a_sink_is_joined_to_cluster_topic_and_group() -> None:
    with world("msk_connect") as on:
        one = connector(on, {"topics": "orders"})
        one.records_per_second = 12.5
        live(on, one)
        on.read()

        assert (on.reads(), on.value(a.TOPICS, "orders")) == (("shop", "", "connect-sink"), 1)
        assert on.value(a.TASKS) == 1
        assert on.value(a.FAILED_TASKS) == 0
        assert on.value(a.RECORDS_PER_SECOND) == 12.5
        assert on.value(r.LAG) is None
        assert on.readers["sink"].unknown == ("lag: it is its consumer group's, by protocol",)


def test_a_group_that_is_overridden_is_that_one_and_other_bootstrap_servers_name_no_cluster() -> None:
    with world("msk_connect") as on:
        connector(on, {"topics": "orders", "consumer.override.group.id": "mine"}, "kafka.example.org:9092")
        on.read()

        assert (on.reads(), on.value(a.TOPICS, "orders")) == (("", "", "mine"), 1)
        assert any(one.startswith("cluster") for one in on.readers["sink"].unknown)


def test_a_source_has_a_prefix_and_no_group() -> None:
    with world("msk_connect") as on:
        connector(on, {"topic.prefix": "shop-db", "database.password": "secret"})
        on.read()

        assert (on.reads(), on.value(a.TOPICS, "shop-db")) == (("shop", "", ""), 1)
        assert "secret" not in repr(on.snapshot)


def test_a_failed_task_shows_though_the_connector_says_running() -> None:
    with world("msk_connect") as on:
        one = connector(on, {"topics": "orders"}, tasks=2)
        on.fault("connector", name="sink", failed=1)
        live(on, one)
        on.read()

        assert on.value(a.FAILED_TASKS) == 1
        assert on.all(r.STATE) == {("shop", "connect-sink", "msk_connect", "sink", "partly"): 1}
        assert on.value(a.REASON, "1 of its tasks have failed") == 1


def test_a_failed_connector_says_why_at_the_next_read() -> None:
    with world("msk_connect") as on:
        connector(on, {"topics": "orders"})
        on.read()
        on.fault("connector", name="sink", state="FAILED", code="InvalidInput.InvalidSecurityGroup", message="gone")
        on.time.advance(60)
        on.read()

        assert on.value(r.UP) == 0
        assert on.value(a.REASON, "it is FAILED: InvalidInput.InvalidSecurityGroup: gone") == 1


@pytest.mark.parametrize(
    ("settings", "known"),
    [
        ({}, (0, "letters")),
        ({"errors.retry.timeout": "0"}, (0, "letters")),
        ({"errors.retry.timeout": "-1"}, (None, "letters")),
        ({"errors.retry.timeout": "60000"}, None),
        ({"errors.tolerance": "none"}, None),
    ],
)
def test_what_happens_to_a_record_that_fails_is_known_where_the_connector_goes_on(
    settings: dict[str, str], known: tuple[int | None, str] | None
) -> None:
    with world("msk_connect") as on:
        letters = {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": "letters"}
        connector(on, {"topics": "orders"} | letters | settings)
        on.read()
        retries = on.readers["sink"].retries
        assert (None if retries is None else (retries.attempts, retries.destination)) == known


def test_a_secret_in_the_words_of_a_service_is_not_shown() -> None:
    with world("msk_connect") as on:
        connector(on, {"topics": "orders"})
        words = 'could not connect: jdbc:x://db?user=me&password=hunter2 token="opaque" https://me:s3cr3t@db'
        on.fault("connector", name="sink", state="FAILED", code="Err", message=words)
        on.read()

        shown = on.readers["sink"].reason
        assert "it is FAILED: Err: could not connect: jdbc:x://db?user=me&password=********" in shown
        assert not any(one in repr(on.snapshot) for one in ("hunter2", "opaque", "s3cr3t"))
