"""Questions about topics: made, grown, deleted, their leaders elected; most of them are to be refused."""

import uuid
from typing import Any, Final

from tests.real.asking import CLUSTERS_OWN, NO_ID, Asker

PREFIX: Final = "asked."
_CREATE, _DELETE, _GROW, _ELECT = (19, 7), (20, 6), (37, 3), (43, 2)
_SHORT: Final = ("configs",)
"""What CreateTopics answers is long; the settings have questions of their own."""
_STRANGE: Final = uuid.UUID("00000000-0000-0000-0000-0000000000aa")


def _topic(name: str, partitions: int = 1, replication: int = 1, **more: Any) -> dict[str, Any]:
    chosen = {"num_partitions": partitions, "replication_factor": replication, "assignments": [], "configs": []}
    return {"name": name, **chosen, **more}


def _placed(name: str, *replicas: list[int], first: int = 0, **more: Any) -> dict[str, Any]:
    rows = [{"partition_index": first + i, "broker_ids": one} for i, one in enumerate(replicas)]
    return _topic(name, -1, -1, assignments=rows, **more)


def creating(ask: Asker) -> None:
    """CreateTopics: names, shapes, settings."""

    def create(what: str, *topics: dict[str, Any], validate_only: bool = False) -> None:
        ask(what, *_CREATE, but=_SHORT, topics=list(topics), timeout_ms=10_000, validate_only=validate_only)

    create("one", _topic("asked.one"))
    create("there already", _topic("asked.one"))
    create("there already, only tried", _topic("asked.one"), validate_only=True)
    create("a name that collides", _topic("asked_one"))
    create("names that collide in one request", _topic("asked.two"), _topic("asked_two"))
    create("a name that collides with both", _topic("asked.two"), _topic("asked_two"))
    create("names that collide in one request, only tried", _topic("asked.2"), _topic("asked_2"), validate_only=True)
    create("a name twice", _topic("asked.three"), _topic("asked.three"))
    create("a name twice, differently, and another", _topic("asked.4", 1), _topic("asked.4", 2), _topic("asked.5"))
    create("a name thrice", _topic("asked.4"), _topic("asked.4"), _topic("asked.4"))
    for name in ("", ".", "..", "asked" * 50, "asked bad", "asked/bad", "asked\u00e4", "asked:", " "):
        create(f"the name {name!r}", _topic(name))
    create("249 letters", _topic("a" * 249), validate_only=True)
    for partitions, replication in ((0, 1), (-2, 1), (1, 0), (1, -2), (1, 4), (1, 32_767), (0, 0), (-1, -1)):
        create(f"{partitions} x {replication}", _topic("asked.shape", partitions, replication), validate_only=True)
    create("a partition twice", _topic("asked.p", -1, -1, assignments=[
        {"partition_index": 0, "broker_ids": [1]}, {"partition_index": 0, "broker_ids": [2]}]))  # fmt: skip
    create("partitions from 1 on", _placed("asked.p", [1], first=1))
    create("partitions with a gap", _topic("asked.p", -1, -1, assignments=[
        {"partition_index": 0, "broker_ids": [1]}, {"partition_index": 2, "broker_ids": [2]}]))  # fmt: skip
    create("a replica twice", _placed("asked.p", [1, 1]))
    create("no replica", _placed("asked.p", []))
    create("a broker that is not there", _placed("asked.p", [1, 9]))
    create("a broker below zero", _placed("asked.p", [-1]))
    create("of different sizes", _placed("asked.p", [1, 2], [3]))
    create("placed and counted", _placed("asked.p", [1]) | {"num_partitions": 1})
    create("placed and replicated", _placed("asked.p", [1]) | {"replication_factor": 1})
    for name, value in (
        ("retention.ms", "soon"), ("retention.ms", "-2"), ("retention.ms", ""), ("cleanup.policy", "burn"),
        ("cleanup.policy", "compact,delete"), ("cleanup.policy", ""), ("min.insync.replicas", "0"),
        ("compression.type", "rar"), ("unclean.leader.election.enable", "yes"), ("segment.bytes", "1"),
        ("no.such", "1"), ("retention.ms", None), ("min.cleanable.dirty.ratio", "2"), ("preallocate", "TRUE"),
        ("message.timestamp.type", "Never"), ("retention.bytes", "99999999999999999999"), ("max.message.bytes", "-1"),
        ("delete.retention.ms", "-1"), ("segment.ms", "0"), ("retention.ms", "1.5"),
    ):  # fmt: skip
        configs = [{"name": name, "value": value}]
        create(f"{name}={value}", _topic("asked.set", configs=configs), validate_only=True)
    configs = [{"name": "retention.ms", "value": "1000"}, {"name": "cleanup.policy", "value": "compact"}]
    whole = _topic("asked.settings", configs=configs)
    answer = ask.raw(1, *_CREATE, timeout_ms=10_000, validate_only=True, topics=[whole])
    told = {one["name"]: one for one in answer["topics"][0]["configs"] if one["name"] not in CLUSTERS_OWN}
    ask.note("what a topic is made with", told)
    ask.coordinator("asked")  # which makes the topic for groups' offsets
    create("an internal name", _topic("__consumer_offsets"), validate_only=True)


def growing(ask: Asker) -> None:
    """CreatePartitions."""
    ask.raw(1, *_CREATE, topics=[_placed("asked.grow", [1, 2], [2, 3])], timeout_ms=10_000, validate_only=False)

    def grow(what: str, *topics: tuple[str, int, list[list[int]] | None], validate_only: bool = False) -> None:
        rows = [
            {"name": name, "count": count, "assignments": None if at is None else [{"broker_ids": one} for one in at]}
            for name, count, at in topics
        ]
        ask(what, *_GROW, topics=rows, timeout_ms=10_000, validate_only=validate_only)

    for count in (1, 2, 0, -1):
        grow(f"to {count}", ("asked.grow", count, None))
    grow("not there", ("asked.nothing", 3, None))
    grow("only tried", ("asked.grow", 3, None), validate_only=True)
    grow("too few assignments", ("asked.grow", 4, [[1, 2]]))
    grow("no assignments", ("asked.grow", 4, []))
    grow("too many assignments", ("asked.grow", 3, [[1, 2], [2, 3]]))
    grow("another replication", ("asked.grow", 3, [[1]]))
    grow("a replica twice", ("asked.grow", 3, [[1, 1]]))
    grow("a strange broker", ("asked.grow", 3, [[1, 9]]))
    grow("no broker", ("asked.grow", 3, [[]]))
    grow("twice in one request", ("asked.grow", 3, None), ("asked.grow", 4, None))
    grow("done", ("asked.grow", 3, [[3, 1]]))
    grow("fewer than now", ("asked.grow", 2, None))
    grown = [{"name": "asked.grow", "topic_id": NO_ID}]
    ask.until(lambda answer: [len(one["isr_nodes"]) for one in answer["topics"][0]["partitions"]] == [2, 2, 2], 3, 12,
        topics=grown, allow_auto_topic_creation=False)  # fmt: skip
    ask("how it grew", 3, 12, topics=grown, but=("brokers", "controller_id",
        "cluster_id", "leader_epoch"))  # fmt: skip


def deleting(ask: Asker) -> None:
    """DeleteTopics."""
    names = [f"asked.gone-{i}" for i in range(6)]
    ask.raw(1, *_CREATE, topics=[_placed(name, [1]) for name in names], timeout_ms=10_000, validate_only=False)
    ask.until(lambda answer: not any(one["error_code"] for one in answer["topics"]), 3, 12,
              allow_auto_topic_creation=False, topics=[{"name": one, "topic_id": NO_ID} for one in names])  # fmt: skip
    ids = [ask.topic_id(name) for name in names]

    def delete(what: str, *topics: tuple[str | None, uuid.UUID]) -> None:
        asked = [{"name": name, "topic_id": topic_id} for name, topic_id in topics]
        ask(what, *_DELETE, topics=asked, topic_names=[], timeout_ms=10_000)

    delete("a name that is not there", ("asked.nothing", NO_ID))
    delete("an id that is not there", (None, _STRANGE))
    delete("neither", (None, NO_ID))
    delete("a name and an id", (names[0], ids[0]))
    delete("a name and a strange id", (names[0], _STRANGE))
    delete("a name twice", (names[0], NO_ID), (names[0], NO_ID))
    delete("an id twice", (None, ids[1]), (None, ids[1]))
    delete("by name and by id", (names[2], NO_ID), (None, ids[2]))
    delete("a name that is not there, twice", ("asked.nothing", NO_ID), ("asked.nothing", NO_ID))
    delete("an id that is not there, twice", (None, _STRANGE), (None, _STRANGE))
    delete("the empty name", ("", NO_ID))
    delete("an illegal name", ("a b", NO_ID))
    delete("by id", (None, ids[3]))
    delete("once more", (None, ids[3]))
    ask("before ids: twice and not there", 20, 5, topic_names=[names[4], names[4], "asked.nothing"], timeout_ms=10_000)
    ask("before ids", 20, 5, topic_names=[names[5]], timeout_ms=10_000)
    ask("before messages", 20, 4, topic_names=["asked.nothing"], timeout_ms=10_000)
    ask.until(lambda answer: answer["topics"][0]["error_code"], 3, 12, allow_auto_topic_creation=False,
              topics=[{"name": names[5], "topic_id": NO_ID}])  # fmt: skip
    ask("gone", 3, 12, topics=[{"name": names[5], "topic_id": NO_ID}], allow_auto_topic_creation=False,
        but=("brokers", "controller_id", "cluster_id"))  # fmt: skip
    ask.raw(1, *_CREATE, topics=[_placed(names[5], [1])], timeout_ms=10_000, validate_only=False)
    ask.until(lambda answer: not answer["topics"][0]["error_code"], 3, 12, allow_auto_topic_creation=False,
              topics=[{"name": names[5], "topic_id": NO_ID}])  # fmt: skip
    ask.note("a topic made anew has another id", ask.topic_id(names[5]) != ids[5])
    ask("by its old id", 3, 12, topics=[{"name": None, "topic_id": ids[5]}], allow_auto_topic_creation=False,
        but=("brokers", "controller_id", "cluster_id"))  # fmt: skip
    ask("by a name that is illegal", 3, 12, topics=[{"name": "a b", "topic_id": NO_ID}],
        allow_auto_topic_creation=True, but=("brokers", "controller_id", "cluster_id"))  # fmt: skip


def electing(ask: Asker) -> None:
    """ElectLeaders."""
    ask.raw(1, *_CREATE, topics=[_placed("asked.led", [1, 2], [2, 3])], timeout_ms=10_000, validate_only=False)

    def elect(what: str, kind: int, *partitions: tuple[str, list[int]], version: int = 2) -> None:
        rows = [{"topic": topic, "partitions": indexes} for topic, indexes in partitions]
        ask(what, 43, version, election_type=kind, topic_partitions=rows, timeout_ms=10_000)

    for version in (0, 1, 2):
        elect(f"what is well led, version {version}", 0, ("asked.led", [0, 1]), version=version)
    elect("what is well led, unclean", 1, ("asked.led", [0]))
    elect("what is not there", 0, ("asked.nothing", [0]), ("asked.led", [7]))
    elect("what is not there, unclean", 1, ("asked.nothing", [0]), ("asked.led", [7]))
    elect("a partition twice", 0, ("asked.led", [0, 0]))
    elect("a topic twice", 0, ("asked.led", [0]), ("asked.led", [1]))
    elect("nothing", 0)
    elect("another kind", 2, ("asked.led", [0]))
    everything: Any = {"topic_partitions": None, "timeout_ms": 10_000}

    def elect_all(what: str, kind: int) -> None:
        answer = ask.raw(1, *_ELECT, election_type=kind, **everything)
        rows = [one for one in answer["replica_election_results"] if one["topic"].startswith("asked")]
        ask.note(what, (answer["error_code"], rows))

    elect_all("everything", 0)
    elect_all("everything, unclean", 1)
    move = {"partition_index": 0, "replicas": [2, 1]}
    ask("its replicas in another order", 45, 0, topics=[{"name": "asked.led", "partitions": [move]}], timeout_ms=10_000)
    ask.until(lambda answer: not answer["topics"], 46, 0, topics=None, timeout_ms=10_000)
    elect_all("everything, after that", 0)
    for what, index, replicas in (
        ("to where it is", 0, [2, 1]), ("to nowhere", 0, []), ("to a broker twice", 0, [1, 1]),
        ("to a strange broker", 0, [1, 9]), ("to a broker below zero", 0, [-1]), ("nothing to cancel", 0, None),
        ("a partition that is not there", 7, [1]),
    ):  # fmt: skip
        rows = [{"partition_index": index, "replicas": replicas}]
        ask(what, 45, 0, topics=[{"name": "asked.led", "partitions": rows}], timeout_ms=10_000)
    ask("of a topic that is not there", 45, 0, timeout_ms=10_000,
        topics=[{"name": "asked.nothing", "partitions": [{"partition_index": 0, "replicas": [1]}]}])  # fmt: skip
    ask("moves of nothing", 46, 0, topics=[{"name": "asked.nothing", "partition_indexes": [0]}], timeout_ms=10_000)
    ask("moves of what rests", 46, 0, topics=[{"name": "asked.led", "partition_indexes": [0, 7]}], timeout_ms=10_000)
