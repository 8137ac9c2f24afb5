"""A whole read, on brokers that answer from a truth: what goes wrong costs its own share, and nothing else."""

import time
from typing import Any

import pytest

from streamwatch.model.kafka import NOT_KNOWN, CleanupPolicy, ClusterSnapshot
from streamwatch.sources.kafka import KafkaSource, groups
from streamwatch.sources.names import Names
from tests.prepared import Truth
from tests.sources.kafka.preparing import COMMITS, DEADLINE, TOPICS, Make
from tests.waiting import wait_for


def ends(now: ClusterSnapshot) -> dict[tuple[str, int], int]:
    assert now.topology is not None
    names = [now.topology.topics[t] for t in now.topology.topic.tolist()]
    keys = zip(names, now.topology.partition.tolist(), strict=True)
    return dict(zip(keys, now.end_offset.tolist(), strict=True))


def commits(now: ClusterSnapshot) -> dict[str, dict[tuple[str, int], int]]:
    assert now.topology is not None
    found: dict[str, dict[tuple[str, int], int]] = {}
    rows = zip(now.commits.group.tolist(), now.commits.row.tolist(), now.committed.tolist(), strict=True)
    for group, row, offset in rows:
        key = (now.topology.topics[now.topology.topic[row]], int(now.topology.partition[row]))
        own = found.setdefault(now.groups.groups[group].name, {})
        assert key not in own, "doubled"
        own[key] = offset
    return found


def reasons(now: ClusterSnapshot) -> set[tuple[str, str]]:
    return {(problem.scope, problem.reason) for problem in now.problems}


@pytest.mark.parametrize("release", [(4, 3), (4, 0), (3, 9), (3, 3), (2, 8)])
def test_a_healthy_cluster_is_read_whole_in_any_release(make: Make, release: tuple[int, int]) -> None:
    source, cluster = make(Truth(dict(TOPICS), release=release, commits=dict(COMMITS)))
    cluster.truth.end["orders", 2] = 12345
    now = source.read()

    assert now.problems == ()
    assert ends(now) == {(t, p): 100 for t, n in TOPICS.items() for p in range(n)} | {("orders", 2): 12345}
    assert commits(now) == COMMITS
    assert [(group.name, group.state) for group in now.groups.groups] == [("audit", "Empty"), ("billing", "Empty")]
    assert now.controllers == 1
    assert now.min_isr.tolist() == [2, 2]
    assert now.cleanup_policy.tolist() == [CleanupPolicy.COMPACT] * 2
    assert now.version == ".".join(map(str, release))
    assert now.releases == dict.fromkeys((1, 2, 3), now.version)
    assert now.metadata_version.startswith("" if release < (3, 3) else now.version)
    assert set(now.replica_bytes.tolist()) == {1000}


@pytest.mark.parametrize(("release", "epoch", "replicas"), [((4, 3), 1, {100, 1, 2, 3}), ((2, 8), NOT_KNOWN, set())])
def test_the_controller_and_its_quorum_are_told(
    make: Make, release: tuple[int, int], epoch: int, replicas: set[int]
) -> None:
    source, cluster = make(Truth(dict(TOPICS), release=release))
    quorum = source.read().quorum

    assert quorum is not None
    assert (quorum.leader, quorum.epoch) == (100 if replicas else 1, epoch)
    assert {one.id for one in quorum.replicas} == replicas
    assert {one.id for one in quorum.replicas if one.voter} == replicas - {1, 2, 3}
    if replicas:
        cluster.truth.controller = False
        assert source.read().quorum is None


def test_a_metadata_version_that_is_finalized_while_sessions_last_is_noticed(make: Make) -> None:
    source, cluster = make(Truth(dict(TOPICS), release=(4, 3), metadata_level=25), topic_settings_interval=0.0)
    assert source.read().metadata_version == "4.0-IV3"
    cluster.truth.metadata_level, cluster.truth.features_epoch = 30, 2
    now = source.read()

    assert (now.metadata_version, now.version, now.problems) == ("4.3-IV0", "4.3", ())
    assert cluster.asked["ApiVersions"] == 3 + 2, "each session, and one broker in each read"


def test_releases_are_told_of_brokers_that_are_up(make: Make) -> None:
    source, cluster = make()
    source.read()
    cluster.faults[2].hang = True
    wait_for(lambda: source.read().releases == {1: "4.1", 3: "4.1"}, 10, "broker 2 is down")
    assert source.read().version == "4.1"


def test_what_has_not_changed_is_the_same_object(make: Make) -> None:
    source, cluster = make()
    first = source.read()
    cluster.truth.end["orders", 0] = 101
    second = source.read()

    assert second.topology is first.topology
    assert second.groups is first.groups
    assert second.commits is first.commits
    assert ends(second)["orders", 0] == 101


def test_a_steady_read_asks_each_broker_once_a_question(make: Make) -> None:
    source, cluster = make(log_dirs_interval=3600.0)
    source.read()
    cluster.asked.clear()
    source.read()

    assert dict(cluster.asked) == {
        "Metadata": 1,
        "DescribeQuorum": 1,
        "ListGroups": 3,
        "DescribeGroups": 1,
        "OffsetFetch": 1,
        "ListOffsets": 6,
        "ListPartitionReassignments": 1,
    }


def test_every_request_is_counted_by_api_and_broker(make: Make) -> None:
    source, cluster = make()
    now = source.read()

    sent = {count.api: 0 for count in now.requests}
    for count in now.requests:
        assert count.broker in {"1", "2", "3"}
        sent[count.api] += count.requests
        assert count.sent_bytes > 0
        assert count.received_bytes > 0
        assert count.failures == 0
    counted = {api: asked for api, asked in cluster.asked.items() if api in sent}
    assert sent.pop("Metadata") == counted.pop("Metadata") - 3, "each session proves itself with one more"
    assert sent == counted


def test_a_broker_that_hangs_costs_its_own_share(make: Make) -> None:
    source, cluster = make()
    source.read()
    cluster.faults[2].hang = True
    began = time.monotonic()
    now = source.read()

    assert time.monotonic() - began < DEADLINE
    known = {key: end for key, end in ends(now).items() if end != NOT_KNOWN}
    assert known == {(t, p): 100 for t, n in TOPICS.items() for p in range(n) if p % 3 != 1}
    assert commits(now) == COMMITS
    assert [broker.up for broker in now.brokers] == [True, False, True]
    assert not now.groups_complete


def test_a_broker_that_answers_nonsense_costs_its_own_share(make: Make) -> None:
    source, cluster = make()
    source.read()
    cluster.faults[3].garbage = {"ListOffsets"}
    now = source.read()

    assert {key for key, end in ends(now).items() if end == NOT_KNOWN} == {("clicks", 2), ("orders", 2), ("orders", 5)}
    assert ("partition", "misread") in reasons(now)
    cluster.faults[3].garbage = set()
    assert NOT_KNOWN not in ends(source.read()).values()


def test_a_leader_that_moved_is_asked_again_where_it_is_now(make: Make) -> None:
    source, cluster = make()
    source.read()
    stale = source.read().topology
    cluster.truth.leader["orders", 0] = 3
    source._run(_keep_metadata(source, stale))
    now = source.read()

    assert ends(now)["orders", 0] == 100
    assert now.problems == ()


async def _keep_metadata(source: KafkaSource, stale: Any) -> None:
    """Make the next read see the metadata of before: what a read sees when a leader moves in its midst."""
    reader = source._reader._authority
    read = reader._metadata_of

    async def once(session: Any, connection: Any) -> Any:
        fresh = await read(session, connection)
        reader._metadata_of = read  # type: ignore[method-assign]
        return type(fresh)(fresh.brokers, fresh.cluster_id, fresh.controller_id, stale)

    reader._metadata_of = once  # type: ignore[method-assign]


def test_a_group_whose_coordinator_moves_is_neither_lost_nor_doubled(make: Make) -> None:
    source, cluster = make()
    source.read()
    cluster.faults[1].moved_once = {"billing"}
    now = source.read()

    assert commits(now) == COMMITS
    assert len(now.groups.groups) == 2


def test_a_group_that_two_brokers_list_is_asked_of_its_coordinator(make: Make) -> None:
    source, cluster = make()
    cluster.truth.listed_by["billing"] = (1, 2)
    cluster.truth.coordinator["billing"] = 2
    now = source.read()

    assert commits(now) == COMMITS
    assert {group.name: group.coordinator for group in now.groups.groups} == {"audit": 1, "billing": 2}
    assert now.problems == ()


def test_a_group_that_nobody_lists_is_looked_for(make: Make) -> None:
    source, cluster = make()
    source.read()
    cluster.truth.listed_by["billing"] = ()

    assert commits(source.read()) == COMMITS


def test_a_group_that_was_deleted_is_gone_after_a_while(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    source, cluster = make()
    source.read()
    del cluster.truth.commits["billing"]
    for _ in range(3):
        now = source.read()
        assert [group.name for group in now.groups.groups] == ["audit"]
        assert now.sought_groups == {"billing"}
        assert reasons(now) == {("group", "moved")}, "it may be on its way to another coordinator"
    monkeypatch.setattr(groups, "GONE_SECONDS", 0.0)
    now = source.read()

    assert [group.name for group in now.groups.groups] == ["audit"]
    assert now.problems == ()
    assert now.sought_groups == frozenset()
    cluster.asked.clear()
    source.read()
    assert cluster.asked["FindCoordinator"] == 0, "and is not looked for again"


def test_a_group_that_two_brokers_list_and_nobody_finds_is_looked_for_from_the_first_read_on(make: Make) -> None:
    source, cluster = make()
    cluster.truth.listed_by["billing"] = (1, 2)
    cluster.truth.codes["FindCoordinator"] = 15
    for _ in range(3):
        now = source.read()
        assert [group.name for group in now.groups.groups] == ["audit"]
        assert now.sought_groups == {"billing"}
    del cluster.truth.codes["FindCoordinator"]
    assert commits(source.read()) == COMMITS


@pytest.mark.parametrize("code", [15, 30], ids=["no_coordinator", "no_right_any_more"])
def test_a_group_that_nobody_lists_and_nobody_finds_is_still_looked_for(make: Make, code: int) -> None:
    source, cluster = make()
    assert source.read().sought_groups == frozenset()
    cluster.truth.listed_by["billing"] = ()
    cluster.truth.codes["FindCoordinator"] = code
    for _ in range(3):
        now = source.read()
        assert [group.name for group in now.groups.groups] == ["audit"]
        assert now.groups_complete, "every broker answered"
        assert now.sought_groups == {"billing"}
    del cluster.truth.codes["FindCoordinator"]
    assert commits(source.read()) == COMMITS


def test_a_group_whose_coordinator_is_dead_is_said_to_be_unknown(make: Make) -> None:
    source, cluster = make()
    source.read()
    cluster.truth.coordinator["billing"] = 2
    cluster.faults[2].hang = True
    source.read()
    now = source.read()

    assert [group.name for group in now.groups.groups] == ["audit"]
    assert ("group", "unreachable") in reasons(now)
    assert not now.groups_complete


def test_groups_of_both_protocols_are_described_by_their_own_api(make: Make) -> None:
    source, cluster = make()
    cluster.truth.consumer_type = {"audit"}
    now = source.read()

    assert {group.name: group.type for group in now.groups.groups} == {"audit": "consumer", "billing": "classic"}
    assert (cluster.asked["DescribeGroups"], cluster.asked["ConsumerGroupDescribe"]) == (1, 1)


def test_commits_with_words_are_read_too_and_keep_their_keys(make: Make) -> None:
    source, cluster = make()
    cluster.truth.words = "written by a stream processor"
    first, second, third = source.read(), source.read(), source.read()

    assert commits(first) == commits(second) == COMMITS
    assert third.commits is second.commits


def test_no_controller_is_said_when_no_broker_finds_one(make: Make) -> None:
    source, cluster = make(request_timeout=3.0)
    source.read()
    cluster.truth.controller = False
    now = source.read()

    assert now.controllers == 0
    assert now.metadata_frozen
    assert [broker.up for broker in now.brokers] == [True, True, True], "a missing controller is not a dead broker"
    assert NOT_KNOWN not in ends(now).values()
    cluster.truth.controller = True
    assert source.read().controllers == 1


def test_a_right_that_is_missing_is_a_problem_and_costs_its_own_share(make: Make) -> None:
    source, cluster = make()
    cluster.truth.denied = {"DescribeQuorum", "DescribeLogDirs"}
    now = source.read()

    assert now.controllers != now.controllers, "unknown, not zero"
    assert set(now.replica_bytes.tolist()) == {NOT_KNOWN}
    assert reasons(now) == {("cluster", "denied"), ("broker", "denied")}
    assert NOT_KNOWN not in ends(now).values()


def test_a_broker_that_throttles_is_left_alone_until_its_time_is_over(make: Make) -> None:
    source, cluster = make()
    source.read()
    cluster.faults[2].throttle_ms = 60_000
    source.read()
    cluster.asked.clear()
    now = source.read()

    assert any(problem.reason == "throttled" for problem in now.problems)
    assert cluster.asked["ListOffsets"] == 4, "two brokers of three"
    assert sum(count.throttled_seconds for count in now.requests) >= 60


def test_names_that_are_left_out_are_not_asked_about(make: Make) -> None:
    source, cluster = make(topics=Names(deny=("click.*",)), groups=Names(allow=("billing",)))
    now = source.read()

    assert {topic for (topic, _), end in ends(now).items() if end != NOT_KNOWN} == {"orders"}
    assert [group.name for group in now.groups.groups] == ["billing"]
    for api in ("ListOffsets", "DescribeLogDirs", "OffsetFetch", "DescribeGroups"):
        asked = b"".join(cluster.bodies[api])
        assert b"clicks" not in asked, api
        assert b"audit" not in asked, api
    assert now.topology is not None
    assert len(now.topology.topics) == 2, "the cluster's own counts cover all topics"


def test_a_budget_of_requests_is_kept_and_what_did_not_fit_is_said(make: Make) -> None:
    source, cluster = make(max_requests=8, log_dirs_interval=3600.0)
    source.read()
    cluster.asked.clear()
    now = source.read()

    assert sum(cluster.asked.values()) <= 8
    assert any(problem.reason == "budget" for problem in now.problems)
    assert NOT_KNOWN in ends(now).values()


def test_nothing_to_be_read_is_said_and_not_raised(make: Make) -> None:
    source, cluster = make()
    source.read()
    for fault in cluster.faults.values():
        fault.hang = True
    began = time.monotonic()
    source.read()
    now = source.read()

    assert time.monotonic() - began < 2 * DEADLINE + 2
    assert now.topology is None
    assert [broker.up for broker in now.brokers] == [False, False, False]
    assert ("cluster", "unreachable") in reasons(now) or ("cluster", "timeout") in reasons(now)


def test_an_answer_larger_than_allowed_is_refused(make: Make) -> None:
    source, _ = make(Truth({"wide": 3000}), max_frame=2**16)
    now = source.read()

    assert now.topology is None
    assert any("max_frame" in problem.detail for problem in now.problems)
