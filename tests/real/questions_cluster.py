"""Questions about a cluster as a whole: its quorum, its endpoints, its directories, its features."""

from typing import Any, Final

from tests.real.asking import NO_ID, Asker
from tests.real.questions_logs import begun, until_ended

_TOPIC, _NOTHING, _NAME = "asked.whole", "asked.nothing", "asked-transaction"
_WHERE: Final = ("node_id", "host", "port")
_SIZES: Final = ("log_dir", "total_bytes", "usable_bytes")


def seeing(ask: Asker) -> None:
    """DescribeQuorum, DescribeCluster, FindCoordinator, Metadata, DescribeTopicPartitions, DescribeLogDirs."""
    for version in (0, 1, 2):
        rows = [{"topic_name": "__cluster_metadata", "partitions": [{"partition_index": 0}]}]
        ask.note(f"the quorum, version {version}", _shape(ask.raw(1, 55, version, topics=rows)))
    ask("another quorum", 55, 1, topics=[{"topic_name": _NOTHING, "partitions": [{"partition_index": 0}]}])
    ask("no quorum", 55, 1, topics=[])
    for kind in (1, 2, 3):
        answer = ask.raw(1, 60, 1, include_cluster_authorized_operations=True, endpoint_type=kind)
        kept = {name: one for name, one in answer.items() if name not in {"brokers", "cluster_id", "controller_id"}}
        ask.note(f"endpoints of kind {kind}", kept | {"brokers": len(answer["brokers"])})
    ask("coordinators of another kind", 10, 6, coordinator_keys=["asked"], key_type=7)
    ask("coordinators of nothing", 10, 4, coordinator_keys=["", "asked-nobody"], key_type=0, but=_WHERE)
    ask("a share coordinator", 10, 6, coordinator_keys=["asked"], key_type=2, but=_WHERE)
    rights: Any = {"include_cluster_authorized_operations": True, "include_topic_authorized_operations": True}
    ask("rights on the cluster", 3, 10, topics=[], but=("brokers", "controller_id", "cluster_id"), **rights)
    for name in (_NOTHING, "a b"):
        ask(f"pages of {name!r}", 75, 0, topics=[{"name": name}], response_partition_limit=10)
    ask.make(_TOPIC, [1, 2], [2, 1], [1, 3])
    for limit in (1, 2, 3, 10, 0, -1):
        ask(f"pages of {limit}", 75, 0, topics=[{"name": _TOPIC}], response_partition_limit=limit)
    cursor = {"topic_name": _TOPIC, "partition_index": 1}
    ask("a page from 1 on", 75, 0, topics=[{"name": _TOPIC}], response_partition_limit=1, cursor=cursor)
    asked = [{"topic": _TOPIC, "partitions": [0, 7]}, {"topic": _NOTHING, "partitions": [0]}]
    ask("log directories", 35, 4, topics=asked, but=_SIZES)
    ask("log directories of nothing", 35, 4, topics=[], but=_SIZES)
    answer = ask.raw(1, 18, 4, client_software_name="asker", client_software_version="1")
    ask.note("what ApiVersions has", sorted(answer))


def _shape(answer: Any) -> Any:
    """An answer about the quorum without its numbers, but for what they are to each other."""
    (topic,) = answer["topics"]
    (one,) = topic["partitions"]
    members = [*one["current_voters"], *one["observers"]]
    latest = max(each["log_end_offset"] for each in members)
    return {
        "fields": sorted(answer),
        "topic": topic["topic_name"],
        "partition": {name: type(value).__name__ for name, value in one.items()},
        "leader is a voter": one["leader_id"] in {each["replica_id"] for each in one["current_voters"]},
        "observers": sorted(each["replica_id"] for each in one["observers"]),
        "fields of members": sorted({name for each in members for name in each}),
        "voters without a directory": {_has_none(each) for each in one["current_voters"]},
        "observers without a directory": {_has_none(each) for each in one["observers"]},
        "without a time": sum(each.get("last_fetch_timestamp", 1) <= 0 for each in members),
        "nobody is far behind": all(each["log_end_offset"] > latest - 100 for each in members),
        "nodes": sorted({name for node in answer.get("nodes") or () for name in node}),
    }


def _has_none(member: dict[str, Any]) -> bool:
    return member.get("replica_directory_id", "not told") in {None, NO_ID}


def changing(ask: Asker) -> None:
    """What few clients ask: log directories moved, features updated, transactions as brokers add to them, markers."""
    ask.make(_TOPIC, [1, 2])
    for topic, index in ((_TOPIC, 0), (_TOPIC, 7), (_NOTHING, 0)):
        dirs = [{"path": "/nowhere", "topics": [{"name": topic, "partitions": [index]}]}]
        ask(f"{topic}-{index} moved to nowhere", 34, 2, dirs=dirs)
    own = next(one["log_dir"] for one in ask.raw(1, 35, 4, topics=None)["results"])
    for topic, index in ((_TOPIC, 0), (_TOPIC, 7)):
        dirs = [{"path": own, "topics": [{"name": topic, "partitions": [index]}]}]
        ask(f"{topic}-{index} moved to where it is", 34, 2, dirs=dirs)
    for feature, level in (("no.such", 1), ("group.version", 9), ("metadata.version", 1)):
        update = {"feature": feature, "max_version_level": level, "upgrade_type": 1, "allow_downgrade": False}
        answer = ask.raw(1, 57, 1, feature_updates=[update], validate_only=True, timeout_ms=10_000)
        ask.note(f"{feature} at {level}", answer["error_code"])
    ask("no feature", 57, 1, feature_updates=[], validate_only=True, timeout_ms=10_000)
    at = ask.coordinator(_NAME, of_transactions=True)
    producer, epoch = begun(ask, at)

    def add(what: str, number: int, *, verify_only: bool, index: int = 0) -> None:
        topics = [{"name": _TOPIC, "partitions": [index]}]
        one = {"transactional_id": _NAME, "producer_id": number, "producer_epoch": epoch, "verify_only": verify_only}
        ask(what, 24, 5, at=at, transactions=[one | {"topics": topics}])

    add("verified before it is part of it", producer, verify_only=True)
    add("added by a stranger", producer + 10**6, verify_only=False)
    add("added", producer, verify_only=False)
    add("verified", producer, verify_only=True)
    add("added what is not there", producer, verify_only=False, index=7)
    marker = {"producer_id": producer, "producer_epoch": epoch, "transaction_result": False, "coordinator_epoch": 0}
    for topic, broker in ((_TOPIC, 1), (_NOTHING, 1), (_TOPIC, 2)):
        topics = [{"name": topic, "partition_indexes": [0]}]
        ask(
            f"a marker for {topic} at {broker}",
            27,
            1,
            at=broker,
            markers=[marker | {"topics": topics}],
            but=("producer_id",),
        )
    who: Any = {"transactional_id": _NAME, "producer_id": producer, "producer_epoch": epoch}
    ask("ended", 26, 4, at=at, committed=False, **who)
    until_ended(ask, at, "CompleteAbort")
