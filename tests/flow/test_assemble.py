"""From samples to a map: who is joined to what, and why a lag is not known."""

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_connect as c
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.catalogue import readers as r
from streamwatch.flow.graph import Edge, Graph
from streamwatch.flow.paths import Paths
from tests.flow.maps import AT, made_of, ones, samples

ORDERS = ("shop", "billing", "orders")
CLICKS = ("1", "eu-west-1", "clicks")


def edge(made: Graph, source: str, target: str) -> Edge:
    (found,) = [one for one in made.edges if one.key == (source, target)]
    return found


def topics(*names: str, cluster: str = "shop") -> dict[tuple[str, ...], float]:
    return {(cluster, name): 1.0 for name in names}


def connector(name: str, kind: str, plugin: str = "X", connect: str = "sinks") -> tuple[str, ...]:
    return (connect, "shop", name, kind, plugin, "none")


def reader(kind: str, name: str, *, stream: str = "", reads: tuple[str, str, str] = ("", "", "")) -> tuple[str, ...]:
    """The labels of a reader: of a stream, or of a cluster, topic and group."""
    return ("1", "eu-west-1", stream, *reads, kind, name)


def test_a_group_is_behind_its_topic() -> None:
    made = made_of(
        samples(k.TOPIC_PARTITIONS, topics("orders", "empty")),
        samples(g.GROUP_TOPIC_LAG, {ORDERS: 40.0}),
        samples(g.GROUP_TOPIC_LAG_SECONDS, {ORDERS: 7.0}),
        samples(g.GROUP_TOPIC_LAG_METHOD, {(*ORDERS, "interpolated"): 3.0, (*ORDERS, "unknown"): 0.0}),
        samples(g.GROUP_TOPIC_STATE, {(*ORDERS, "late"): 1.0, (*ORDERS, "reading"): 2.0}),
    )
    found = edge(made, "topic:shop/orders", "group:shop/billing")
    assert (found.seconds, found.records, found.at, found.why) == (7.0, 40.0, AT, "")
    assert (made.nodes["group:shop/billing"].health, made.alone) == ("warn", 1)


def test_a_lag_of_which_a_part_is_not_known_is_not_known_but_not_less_than_the_rest() -> None:
    made = made_of(
        samples(g.GROUP_TOPIC_LAG_SECONDS, {ORDERS: 7.0}),
        samples(g.GROUP_TOPIC_LAG_METHOD, {(*ORDERS, "unknown"): 2.0}),
    )
    found = edge(made, "topic:shop/orders", "group:shop/billing")
    assert (found.seconds, found.at_least) == (None, 7.0)
    assert found.why == "of 2 partitions it is not known how old what is unread is"


def test_a_group_without_a_lag_is_joined_and_says_why() -> None:
    made = made_of(samples(g.GROUP_TOPIC_LAG, {ORDERS: float("nan")}), samples(g.GROUP_TOPIC_WANTED, {ORDERS: 1.0}))
    assert edge(made, "topic:shop/orders", "group:shop/billing").why == "its offsets are not known"


def test_what_nobody_runs_any_more_is_counted_and_not_drawn() -> None:
    made = made_of(samples(g.GROUP_TOPIC_LAG, {ORDERS: 9.0}), samples(g.GROUP_TOPIC_WANTED, {ORDERS: 0.0}))
    assert (dict(made.nodes), made.idle) == ({}, 1)


def test_a_sink_is_the_connector_and_not_its_group_and_a_source_begins_the_path() -> None:
    made = made_of(
        samples(k.TOPIC_PARTITIONS, topics("db.orders", "db.items", "other")),
        samples(g.GROUP_TOPIC_LAG_SECONDS, {("shop", "connect-lake", "db.orders"): 5.0}),
        ones(c.CONNECTOR_INFO, [connector("lake", "sink"), connector("db", "source"), connector("alone", "source")]),
        ones(c.CONNECTOR_GROUP, [("sinks", "shop", "lake", "connect-lake")]),
        ones(c.CONNECTOR_STATE, [("sinks", "shop", "lake", "RUNNING"), ("sinks", "shop", "db", "PAUSED")]),
        samples(c.CONNECTOR_TASKS, {("sinks", "shop", "lake", "FAILED"): 2.0}),
        ones(
            c.CONNECTOR_TOPIC,
            [("sinks", "shop", "db", "db.", "prefix"), ("sinks", "shop", "lake", "db.items", "name")],
        ),
    )
    assert {one.key for one in made.edges} == {
        ("connector:sinks/db", "topic:shop/db.items"),
        ("connector:sinks/db", "topic:shop/db.orders"),
        ("topic:shop/db.items", "connector:sinks/lake"),
        ("topic:shop/db.orders", "connector:sinks/lake"),
    }
    lake, db = made.nodes["connector:sinks/lake"], made.nodes["connector:sinks/db"]
    assert (lake.role, lake.health, lake.words) == ("sink", "bad", "2 tasks failed")
    assert (db.role, db.health, db.words) == ("writer", "warn", "it is PAUSED")
    assert edge(made, "topic:shop/db.items", "connector:sinks/lake").why == "its group has committed nothing there"
    path = Paths(made).to("connector:sinks/lake").worst
    assert path is not None
    assert (path.seconds, path.start) == (None, "connector:sinks/db")


def test_mirrors_both_ways_do_not_hang_and_are_joined_to_what_they_copy() -> None:
    mirror = "org.apache.kafka.connect.mirror.MirrorSourceConnector"
    east = ("mm", "east", "to-west", "west", "orders", "east.orders")
    west = ("mm", "west", "to-east", "east", "orders", "west.orders")
    back = ("mm", "west", "to-east", "east", "east.orders", "orders")
    made = made_of(
        samples(k.TOPIC_END_OFFSET, {("east", "orders"): 100.0, ("west", "orders"): 50.0}),
        ones(c.CONNECTOR_INFO, [("mm", "west", "to-west", "source", mirror, "none")]),
        ones(c.CONNECTOR_INFO, [("mm", "east", "to-east", "source", mirror, "none")]),
        samples(c.MIRROR_PARTITIONS, dict.fromkeys((east, west, back), 2.0)),
        samples(c.MIRROR_COPIED_PARTITIONS, {east: 2.0, west: 2.0, back: 0.0}),
        samples(c.MIRROR_OFFSET, {east: 100.0, west: 40.0, back: 0.0}),
    )
    lags = {one.key: (one.seconds, one.records) for one in made.edges}
    assert lags == {
        ("topic:east/orders", "connector:mm/to-west"): (0.0, 0.0),
        ("connector:mm/to-west", "topic:west/east.orders"): (0.0, None),
        ("topic:west/orders", "connector:mm/to-east"): (None, 10.0),
        ("connector:mm/to-east", "topic:east/west.orders"): (0.0, None),
        ("topic:west/east.orders", "connector:mm/to-east"): (None, None),
        ("connector:mm/to-east", "topic:east/orders"): (0.0, None),
    }
    paths = Paths(made)
    assert len(paths.closing) == 1
    assert paths.ends() == ["topic:east/west.orders", "topic:west/east.orders"], "the second is cut from the circle"


def test_debezium_is_as_far_behind_as_its_last_change_where_its_heartbeats_are_changes() -> None:
    rows = [("sinks", "shop", name) for name in ("sure", "quiet", "new")]
    made = made_of(
        ones(c.CONNECTOR_INFO, [connector(row[2], "source", "io.debezium.connector.x.X") for row in rows]),
        ones(c.CONNECTOR_TOPIC, [(*row, f"{row[2]}.orders", "name") for row in rows]),
        samples(c.CHANGE_TIMESTAMP, {rows[0]: AT - 3.0, rows[1]: AT - 3000.0}),
        samples(c.HEARTBEAT_WRITES_SOURCE, {rows[0]: 1.0, rows[1]: 0.0, rows[2]: 1.0}),
    )
    lags = {one.source.rpartition("/")[2]: (one.seconds, one.why) for one in made.edges}
    assert lags["sure"] == (3.0, "")
    assert lags["quiet"][0] is None
    assert "heartbeat.action.query" in lags["quiet"][1]
    assert lags["new"] == (None, "Kafka Connect does not say how far a source is behind what it reads")


def test_a_stream_has_readers_of_every_kind_and_those_without_a_name_only_where_no_other_is_known() -> None:
    quiet = ("1", "eu-west-1", "quiet")
    dead = ("1", "eu-west-1", "dead")
    app = reader("kcl", "app", stream="clicks")
    made = made_of(
        samples(s.STREAM_UP, dict.fromkeys((CLICKS, quiet, dead), 1.0)),
        samples(s.BEING_READ, {CLICKS: 1.0, quiet: 1.0, dead: 0.0}),
        samples(s.ITERATOR_AGE, {CLICKS: 30.0, quiet: 4.0}),
        samples(h.CONSUMER_LAG, {(*CLICKS, "fan"): 2.0}),
        ones(r.STATE, [(*app, "", "stopped"), (*reader("kcl", "homeless"), "", "running")]),
        samples(r.LAG, {app: 12.0}),
        samples(r.LAG_METHOD, {(*app, "unknown"): 1.0}),
    )
    lags = {one.target.partition(":")[0]: (one.seconds, one.at_least) for one in made.edges}
    assert lags == {"consumer": (2.0, 0.0), "kcl": (None, 12.0), "unnamed": (4.0, 0.0)}
    assert [one.words for one in made.nodes.values() if one.health == "bad"] == ["it is stopped", "nobody reads it"]


def test_a_function_on_a_topic_is_its_group_and_without_it_is_so_many_records_behind() -> None:
    billing = reader("lambda", "billing", reads=("shop", "orders", "g1"))
    audit = reader("lambda", "audit", reads=("far", "orders", "g2"))
    made = made_of(
        ones(r.STATE, [(*billing, "consumer", "failing"), (*audit, "consumer", "running")]),
        samples(r.LAG_RECORDS, {billing: 9.0, audit: 40.0}),
        samples(g.GROUP_TOPIC_LAG_SECONDS, {("shop", "g1", "orders"): 6.0}),
    )
    found = {one.target: (one.seconds, one.records) for one in made.edges}
    assert found == {"lambda:1/eu-west-1/billing": (6.0, None), "lambda:1/eu-west-1/audit": (None, 40.0)}
    assert made.nodes["lambda:1/eu-west-1/billing"].words == "it fails"
    assert "group:shop/g1" not in made.nodes


def test_what_aws_runs_writes_reads_and_delivers_and_the_path_is_the_sum() -> None:
    task = reader("dms", "task", stream="clicks")
    hose = reader("firehose", "lake", stream="clicks")
    sink = reader("msk_connect", "sink", reads=("shop", "", "connect-sink"))
    pipe = reader("pipes", "pipe", reads=("shop", "orders", ""))
    made = made_of(
        samples(s.STREAM_UP, {CLICKS: 1.0}),
        ones(r.STATE, [(*row, "", "stopped" if row is pipe else "running") for row in (task, hose, sink, pipe)]),
        samples(r.LAG, {task: 20.0, hose: 60.0}),
        samples(a.FRESHNESS, {hose: 300.0}),
        samples(r.LAG_RECORDS, {pipe: 8.0}),
        samples(g.GROUP_TOPIC_LAG_SECONDS, {("shop", "connect-sink", "orders"): 5.0}),
    )
    path = Paths(made).to("delivered:firehose:1/eu-west-1/lake").worst
    assert path is not None
    assert (path.start, path.seconds) == ("dms:1/eu-west-1/task", 380.0)
    assert edge(made, "topic:shop/orders", "msk_connect:1/eu-west-1/sink").seconds == 5.0
    found = edge(made, "topic:shop/orders", "pipes:1/eu-west-1/pipe")
    assert (found.seconds, found.records, found.why) == (
        None,
        8.0,
        "AWS tells records, and no time: watch the cluster, and its group's lag in seconds is known",
    )
    assert [made.nodes[one].role for one in ("msk_connect:1/eu-west-1/sink", "dms:1/eu-west-1/task")] == [
        "sink",
        "writer",
    ]
    assert made.nodes["pipes:1/eu-west-1/pipe"].health == "bad"


def test_a_connector_that_is_a_reader_too_is_drawn_once() -> None:
    sink, mirror = (("", "", "", *of) for of in (
        ("shop", "orders", "connect-out", "kafka_connect", "sinks/out"),
        ("shop", "orders", "", "kafka_connect", "sinks/copy"),
    ))  # fmt: skip
    without = (
        samples(k.TOPIC_PARTITIONS, topics("orders")),
        ones(c.CONNECTOR_INFO, [connector("out", "sink")]),
        ones(c.CONNECTOR_GROUP, [("sinks", "shop", "out", "connect-out")]),
        samples(g.GROUP_TOPIC_LAG_SECONDS, {("shop", "connect-out", "orders"): 5.0}),
    )
    more = ones(r.STATE, [(*sink, "", "stopped"), (*mirror, "", "stopped")])
    made = made_of(*without, more)
    assert dict(made.nodes) == dict(made_of(*without).nodes)
    assert [one.key for one in made.edges] == [("topic:shop/orders", "connector:sinks/out")]


def test_without_samples_there_is_an_empty_map() -> None:
    made = made_of()
    assert (dict(made.nodes), made.edges, Paths(made).ends()) == ({}, (), [])


def test_a_replicator_stands_between_the_topics_that_its_patterns_match_and_their_copies() -> None:
    copy = reader("msk_replicator", "copy", reads=("shop", "", ""))
    made = made_of(
        samples(k.TOPIC_PARTITIONS, topics("orders", "bills-1", "other") | topics("orders", cluster="spare")),
        ones(r.STATE, [(*copy, "", "running")]),
        ones(a.TOPICS, [(*copy, "orders,bills-.*")]),
        ones(a.TARGET, [(*copy, "spare")]),
        samples(r.LAG, {copy: 3.0}),
        samples(r.LAG_RECORDS, {copy: 20.0}),
    )
    own = "msk_replicator:1/eu-west-1/copy"
    assert {one.key: (one.seconds, one.records) for one in made.edges} == {
        ("topic:shop/orders", own): (3.0, 20.0),
        ("topic:shop/bills-1", own): (3.0, 20.0),
        (own, "topic:spare/orders"): (0.0, None),
    }


def test_a_replicator_that_copies_nothing_and_odd_patterns_make_nothing_up() -> None:
    still, odd = (reader("msk_replicator", name, reads=("shop", "", "")) for name in ("still", "odd"))
    made = made_of(
        samples(k.TOPIC_PARTITIONS, topics("orders")),
        ones(r.STATE, [(*still, "", "running"), (*odd, "", "running")]),
        ones(a.TOPICS, [(*still, ".*"), (*odd, "(")]),
    )
    assert [(one.source, one.seconds) for one in made.edges] == [("topic:shop/orders", None)]
    assert made.edges[0].why.startswith("CloudWatch has no ReplicationLatency")


def test_a_view_of_redshift_is_where_its_stream_ends() -> None:
    view = reader("redshift", "analytics/dev/clicks", stream="clicks")
    made = made_of(
        samples(s.STREAM_UP, {CLICKS: 1.0}), ones(r.STATE, [(*view, "", "running")]), samples(r.LAG, {view: 40.0})
    )
    (node,) = [one for one in made.nodes.values() if one.kind == "Redshift view"]
    assert (node.role, edge(made, "stream:1/eu-west-1/clicks", node.id).seconds) == ("sink", 40.0)


def test_a_view_of_redshift_is_where_its_topic_ends() -> None:
    view = reader("redshift", "analytics/dev/orders", reads=("shop", "orders", ""))
    made = made_of(samples(k.TOPIC_PARTITIONS, topics("orders")), ones(r.STATE, [(*view, "", "running")]))
    found = edge(made, "topic:shop/orders", "redshift:1/eu-west-1/analytics/dev/orders")
    assert (made.nodes[found.target].role, found.seconds) == ("sink", None)
    assert found.why.startswith("Redshift says how old the newest record is")


def test_a_reader_of_which_it_is_not_known_what_it_reads_is_counted_and_drawn_where_it_is_in_trouble() -> None:
    well, bad = reader("flink", "several"), reader("msk_connect", "failed")
    unread = reader("firehose", "refused")
    made = made_of(ones(r.STATE, [(*well, "", "running"), (*bad, "", "stopped"), (*unread, "", "unknown")]))

    assert {one.name: (one.role, one.health) for one in made.nodes.values()} == {
        "failed": ("writer", "bad"), "refused": ("reader", "unknown"),
    }  # fmt: skip
    assert (made.alone, made.aside) == (0, 1)


def test_who_stands_at_a_record_is_bad_though_it_runs() -> None:
    ship, fine = reader("lambda", "ship", stream="clicks"), reader("lambda", "fine", stream="clicks")
    view = reader("redshift", "view", stream="clicks")
    made = made_of(
        ones(r.STATE, [(*ship, "", "running"), (*fine, "", "running"), (*view, "", "running")]),
        samples(r.LAG, {ship: 900.0, fine: 1.0}),
        samples(
            r.STANDING,
            {(*ship, "shard-1"): 30.0, (*ship, "shard-2"): 660.0, (*fine, "shard-1"): 20.0, (*view, ""): 9e4},
        ),
    )
    health = {one.name: (one.health, one.words) for one in made.nodes.values()}
    assert health["view"] == ("good", ""), "it is not refreshed all the time"
    assert health["ship"] == ("bad", "its position has stood for 11 min")
    assert health["fine"] == ("good", "")
