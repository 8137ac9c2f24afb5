"""Connectors of Kafka Connect under the names that every kind of readers has."""

import pytest

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.collectors.connect_readers import ConnectReaderCollector
from streamwatch.model.connect import Connector, ConnectSnapshot, CopiedTopic, Mirror, Progress, Task
from streamwatch.model.metric import Metric

TRACE = "org.apache.kafka.connect.errors.ConnectException: no"


def connector(name: str, *states: str, kind: str = "sink", state: str = "RUNNING", **more: object) -> Connector:
    tasks = tuple(Task(at, one, "w:8083", TRACE if one == "FAILED" else "") for at, one in enumerate(states))
    given = {"trace": "", "group": f"connect-{name}" if kind == "sink" else None, "topics": ("orders",), **more}
    return Connector(name=name, type=kind, state=state, worker="w:8083", tasks=tasks, **given)  # type: ignore[arg-type]


def known(metric: Metric, *some: Connector) -> dict[tuple[str, ...], float]:
    """What is said of them, by the labels behind account and region, which are empty."""
    now = ConnectSnapshot(
        source="lake", kafka_cluster="shop", taken_at=1.0, read_seconds=0.0, workers=(), connectors=some
    )
    found = [one for one in ConnectReaderCollector().collect(now) if one.metric is metric]
    rows = {row: value for one in found for row, value in one.known().items()}
    assert {row[:3] for row in rows} <= {("", "", "")}
    return {row[3:]: value for row, value in rows.items()}


def test_a_sink_has_the_labels_of_its_groups_own_lag() -> None:
    row = ("shop", "orders", "connect-out", "kafka_connect", "lake/out")
    one = connector("out", "RUNNING", "FAILED")

    assert known(r.STATE, one) == {(*row, "", "partly"): 1}
    assert known(r.UP, one) == {row: 1}
    assert (known(a.TASKS, one), known(a.FAILED_TASKS, one)) == ({row: 1}, {row: 1})
    assert known(a.REASON, one) == {(*row, f"1 of 2 tasks failed: {TRACE}"): 1}
    assert known(r.LAG, one) == {}, "its group's"


def test_one_of_several_topics_has_none_of_them_as_a_label() -> None:
    one = connector("out", "RUNNING", topics=("bills", "orders"))
    row = ("shop", "", "connect-out", "kafka_connect", "lake/out")
    assert known(a.TOPICS, one) == {(*row, "bills,orders"): 1}
    prefixed = connector("db", "RUNNING", kind="source", topics=(), topic_prefix="db.")
    assert known(a.TOPICS, prefixed) == {("shop", "", "", "kafka_connect", "lake/db", "db."): 1}


def test_a_mirror_reads_the_other_cluster_and_writes_its_own() -> None:
    topics = (CopiedTopic("orders", "west.orders", 3, 3, 100),)
    progress = Progress(mirror=Mirror("west", is_copying=True, topics=topics))
    one = connector("copy", "RUNNING", kind="source", topics=(), progress=progress)
    row = ("west", "", "", "kafka_connect", "lake/copy")
    assert (known(r.UP, one), known(a.TARGET, one)) == ({row: 1}, {(*row, "shop"): 1})
    assert known(a.TOPICS, one) == {(*row, "orders"): 1}


@pytest.mark.parametrize(
    ("one", "state", "is_up"),
    [
        (connector("x", "RUNNING"), "running", 1.0),
        (connector("x", "RUNNING", "UNASSIGNED"), "running", 1.0),
        (connector("x", "FAILED", "FAILED"), "stopped", 0.0),
        (connector("x", state="FAILED", trace=TRACE), "stopped", 0.0),
        (connector("x"), "stopped", 0.0),
        (connector("x", "PAUSED", state="PAUSED"), "disabled", 0.0),
        (connector("x", state="STOPPED"), "disabled", 0.0),
        (connector("x", "UNASSIGNED"), "changing", None),
        (connector("x", state="RESTARTING"), "changing", None),
        (connector("x", "RUNNING", state="SOMETHING"), "unknown", None),
    ],
)
def test_it_runs_as_far_as_its_tasks_do(one: Connector, state: str, is_up: float | None) -> None:
    assert [row[-1] for row in known(r.STATE, one)] == [state]
    assert list(known(r.UP, one).values()) == ([] if is_up is None else [is_up])


def test_what_no_worker_knows_is_not_there_and_two_clusters_have_no_series_in_common() -> None:
    nobody = ConnectSnapshot(
        source="lake", kafka_cluster="shop", taken_at=1.0, read_seconds=0.0, workers=(), connectors=None
    )
    assert ConnectReaderCollector().collect(nobody) == []
    assert known(r.READERS, connector("out", "RUNNING")) == {}
