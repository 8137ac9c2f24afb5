"""May a broker be restarted: everything that forbids it, and everything that is not known, is a no that says so."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest

from streamwatch.collectors.outlook.restart import BrokerQuestion, may_restart_broker
from streamwatch.collectors.outlook.verdict import LastRead, Verdict
from streamwatch.model.kafka import NOT_KNOWN, NOT_SET, ClusterSnapshot, LogDir, Quorum, QuorumReplica
from streamwatch.model.msk import ClusterOperation, DescribedCluster, MskSnapshot, Reassignment
from streamwatch.model.snapshot import Problem
from tests.snapshots import snapshot

R3: Final = (1, 2, 3)
HEALTHY: Final = {"orders": [(1, R3, R3), (2, (2, 3, 1), R3)]}
ONE_BEHIND: Final = {"orders": [(1, R3, (1, 2)), (2, (2, 3, 1), R3)]}
NAN: Final = float("nan")


def log_dir(broker: int, *, online: bool | None = True) -> LogDir:
    return LogDir(broker, "/data", 100, 50, 50, online)


def voter(number: int, end: int = 100, caught_up: float = 999.0) -> QuorumReplica:
    return QuorumReplica(number, voter=True, log_end_offset=end, last_caught_up_at=caught_up)


def quorum(*voters: QuorumReplica) -> Quorum:
    return Quorum(100, 1, 100, (voter(100), *voters))


def seen(topics: Any = None, **others: Any) -> ClusterSnapshot:
    """Return a cluster in which every restart is fine, but for what is said otherwise."""
    topics = HEALTHY if topics is None else topics
    plain: dict[str, Any] = {
        "min_isr": np.full(len(topics), 2),
        "log_dirs": tuple(map(log_dir, R3)),
        "quorum": quorum(),
    }
    return snapshot(topics, **(plain | others))


def ask(now: ClusterSnapshot | None, broker: int = 1, *, at: float = 1001.0, msk: LastRead | None = None,
        **question: Any) -> Verdict:  # fmt: skip
    read = LastRead(source="shop", snapshot=now, interval=15.0)
    return may_restart_broker(BrokerQuestion(broker=broker, **question), read, msk, at)


def reasons(found: Verdict) -> list[tuple[str, bool, str]]:
    return [(one.kind, one.is_unknown, one.text) for one in found.objections]


def test_yes() -> None:
    found = ask(seen())
    assert (found.may, found.objections, found.read_at) == (True, (), 1000.0)


ONLY: Final = "its only replica is on the broker: every restart stops it, and waiting does not help"
CASES: list[Any] = [
    (
        seen({"a": [(1, (1,), (1,))], **HEALTHY}),
        [("last_in_sync", False, ONLY)],
        "only_replica",
    ),
    (
        seen({"a": [(1, (1, 3), (1,))]}, min_isr=np.array([1])),
        [
            ("not_in_sync", False, "broker 3 is up, and 1 replica of it not in sync yet"),
            ("last_in_sync", False, "the broker has the last replica that is in sync"),
        ],
        "last_in_sync",
    ),
    (
        seen({"a": [(1, (1, 2), (1, 2))]}),
        [
            (
                "min_isr",
                False,
                "2 replicas are in sync, min ISR 2 and a margin of 1 need 3: it has 2, and waiting does not help",
            )
        ],
        "as_many_replicas_as_are_needed",
    ),
    (
        seen(min_isr=np.array([NOT_SET])),
        [
            (
                "min_isr",
                True,
                "its min.insync.replicas is not known: may the agent describe its configuration (DESCRIBE_CONFIGS)?",
            )
        ],
        "setting_unknown",
    ),
    (seen(reassigning=3.0), [("reassignment", False, "partitions that are being reassigned: 3")], "reassigning"),
    (
        seen(reassigning=3.0, adding=np.array([True, True, False, False, False, False])),
        [
            ("reassignment", False, "it is being reassigned: wait until it is moved"),
            ("reassignment", False, "partitions that are being reassigned, besides those: 2"),
        ],
        "reassigning_where_to",
    ),
    (
        seen(reassigning=NAN),
        [("reassignment", True, "whether partitions are being reassigned is not known")],
        "reassigning_unknown",
    ),
    (
        seen(controllers=0.0, reassigning=NAN),
        [("controller", False, "no controller is active: nobody would elect other leaders")],
        "no_controller",
    ),
    (
        seen(controllers=NAN),
        [("controller", True, "whether a controller is active is not known")],
        "nobody_may_say",
    ),
    (
        seen({"a": [(1, (1,), (1,))]}, min_isr=np.array([0]), brokers=snapshot({"a": [(1, (1,), (1,))]}).brokers),
        [
            ("brokers", False, "it is the only broker: nobody would answer while it restarts"),
            ("last_in_sync", False, ONLY),
        ],
        "only_broker",
    ),
    (
        seen(unseen_topics=("hidden",)),
        [
            (
                "unknown",
                True,
                "brokers hold its logs, and do not show it: may the agent describe it, or are its logs left over?",
            )
        ],
        "topic_unseen",
    ),
    (
        seen(quorum=None, problems=(Problem("cluster", "denied", "DescribeQuorum"),)),
        [("quorum", True, "the controller quorum is not known: may the agent describe the cluster?")],
        "rights_missing",
    ),
    (
        seen(quorum=None),
        [("quorum", True, "the controller quorum is not known")],
        "quorum_unknown",
    ),
    (
        seen(quorum=Quorum(100, 1, 100, ())),
        [("quorum", True, "who votes in the controller quorum is not known")],
        "voters_unknown",
    ),
    (
        seen(log_dirs=(log_dir(1), log_dir(2), log_dir(3, online=False))),
        [("log_dir", False, "log directory /data of broker 3 is offline")],
        "log_directory_offline",
    ),
    (
        seen(log_dirs=(log_dir(1), log_dir(2, online=None))),
        [
            ("log_dir", True, "the log directories of broker 3 are not known"),
            ("log_dir", True, "whether log directory /data of broker 2 is online is not known"),
        ],
        "log_directories_unknown",
    ),
    (seen(down=[2]), [("brokers", False, "broker 2 does not answer"), *[
        ("min_isr", False, "2 replicas are in sync, min ISR 2 and a margin of 1 need 3")] * 2], "another_is_down"),
    (
        seen(ONE_BEHIND, min_isr=np.array([1])),
        [("not_in_sync", False, "broker 3 is up, and 1 replica of it not in sync yet")],
        "another_came_back_a_moment_ago",
    ),
    (
        seen(quorum=quorum(voter(101, caught_up=990.0), voter(102, end=NOT_KNOWN))),
        [("quorum", False, "1 of 3 controllers would remain and are caught up: 2 are needed")],
        "controllers_behind",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("now", "expected"), [pytest.param(now, why, id=name) for now, why, name in CASES])
def test_no(now: ClusterSnapshot, expected: list[tuple[str, bool, str]]) -> None:
    found = ask(now)
    assert not found.may
    assert reasons(found) == expected


def test_a_broker_that_votes() -> None:
    three = Quorum(1, 1, 100, (voter(1), voter(2), voter(3)))
    assert ask(seen(quorum=three)).may
    behind = Quorum(1, 1, 100, (voter(1), voter(2), voter(3, caught_up=900.0)))
    assert [one.kind for one in ask(seen(quorum=behind)).objections] == ["quorum"], "1 of 3 would remain"
    assert ask(seen(quorum=behind), 3).may, "the one that is behind"
    before_3_3 = Quorum(1, 1, 100, (voter(1, caught_up=NAN), voter(2, caught_up=NAN), voter(3, 99, NAN)))
    assert not ask(seen(quorum=before_3_3)).may


def test_a_broker_that_starts_is_not_there_yet() -> None:
    now = seen()
    starts = replace(now, brokers=(*now.brokers[:2], replace(now.brokers[2], registered=False)))
    assert reasons(ask(starts)) == [("brokers", False, "broker 3 answers, and is not registered yet")]
    not_told = replace(now, brokers=(*now.brokers[:2], replace(now.brokers[2], up=None)))
    assert reasons(ask(not_told)) == [("brokers", True, "whether broker 3 is up is not known")]
    assert ask(replace(now, brokers=(replace(now.brokers[0], up=False), *now.brokers[1:]))).may, "it is down itself"


def test_with_zookeeper_there_is_no_quorum() -> None:
    assert ask(seen(quorum=Quorum(1))).may


def test_the_margin() -> None:
    assert not ask(seen(), margin=2).may
    pair = seen({"a": [(1, (1, 2), (1, 2))]})
    assert ask(pair, margin=0).may, "writers stop, and nothing is offline"
    assert not ask(seen({"a": [(1, (1,), (1,))]}), margin=0).may


def test_partitions_of_which_it_has_no_replica_in_sync_do_not_forbid_it() -> None:
    elsewhere = seen({"a": [(2, (2,), (2,))], "b": [(3, (3, 1), (3,))]}, log_dirs=tuple(map(log_dir, R3)))
    assert ask(elsewhere, 1).may
    assert not ask(elsewhere, 2).may


def test_the_partitions_are_named_and_no_more_than_are_read() -> None:
    found = ask(seen({"a": [(2, (2,), (2,)), (1, (1,), (1,))]}))
    assert [(one.topic, one.partition) for one in found.objections] == [("a", 1)]
    many = ask(seen({"a": [(1, (1,), (1,))] * 1000, "b": [(1, (1, 2), (1, 2))] * 1001}))
    assert (many.count, len(many.objections)) == (2001, 802)
    assert [one.text for one in many.objections if one.partition is None] == [
        "the same is so of 600 more partitions",
        "the same is so of 601 more partitions",
    ]


@pytest.mark.parametrize(
    ("now", "at", "after", "why"),
    [
        (None, 1001.0, 0.0, "shop: the first read has not ended yet"),
        (seen(), 1038.0, 0.0, "shop: the last read began 38 s ago: it is too old to rely on"),
        (seen(), 990.0, 0.0, "shop: the last read began -10 s ago: it is too old to rely on"),
        (seen(), 1001.0, 1000.5, "shop: no read that began after the question has ended yet"),
        (replace(seen(), topology=None), 1001.0, 0.0, "shop: it cannot be read"),
    ],
)
def test_what_is_old_is_not_known(now: ClusterSnapshot | None, at: float, after: float, why: str) -> None:
    found = ask(now, at=at, after=after)
    assert [(one.is_unknown, one.text) for one in found.objections] == [(True, why)]


def test_a_broker_that_nobody_knows() -> None:
    assert reasons(ask(seen(), 7)) == [("unknown", True, "shop has no broker 7 that is known: there are 1, 2, 3")]
    assert reasons(ask(seen(), 100)) == [
        ("unknown", True, "100 is a controller of shop and no broker: this answers for brokers")
    ]


def test_no_more_unseen_topics_are_named_than_partitions() -> None:
    found = ask(seen(unseen_topics=tuple(f"t{i:03}" for i in range(402))))
    assert (found.count, len(found.objections)) == (402, 401)
    assert found.objections[0].topic == "t000"
    assert found.objections[-1].text == "the same is so of 2 more topics"


MSK: Final = MskSnapshot(
    source="shop/msk",
    cluster="shop",
    taken_at=1000.0,
    read_seconds=0.1,
    described=DescribedCluster("shop", "arn", "standard", "ACTIVE", "3.9.0", "m7g", "DEFAULT", 3, kraft=True),
    operations=(),
)


@pytest.mark.parametrize(
    ("msk", "expected"),
    [
        (MSK, []),
        (None, ["shop/msk: the first read has not ended yet"]),
        (replace(MSK, described=None), ["shop/msk: it cannot be read"]),
        (replace(MSK, operations=None), ["what MSK does to the cluster is not known"]),
        (
            replace(MSK, operations=(ClusterOperation("UPDATE_BROKER_TYPE", "UPDATE_IN_PROGRESS"),)),
            ["MSK operation under way: UPDATE_BROKER_TYPE (UPDATE_IN_PROGRESS)"],
        ),
        (replace(MSK, reassignments=(Reassignment("COMPLETE", "x", 1.0, 1, 1),)), []),
        (replace(MSK, reassignments=(Reassignment("RUNNING", "x", 1.0, 1, 0),)), ["MSK moves topics to x (RUNNING)"]),
    ],
)
def test_msk(msk: MskSnapshot | None, expected: list[str]) -> None:
    found = ask(seen(), msk=LastRead(source="shop/msk", snapshot=msk, interval=60.0))
    assert [one.text for one in found.objections] == expected
