"""A name is no identity: another cluster at an address is refused, and a topic made anew is another topic."""

from typing import Any

import pytest

from streamwatch.model.kafka import NOT_KNOWN, ClusterSnapshot
from streamwatch.sources.kafka import logdirs
from tests.addresses import servers
from tests.prepared import PreparedCluster, Truth
from tests.sources.kafka.preparing import Make, facts, source_of, truth
from tests.waiting import wait_for

UP = [True, True, True]


def other() -> Truth:
    """Return another cluster, with the same broker ids, at addresses where nobody is."""
    found = Truth({"theirs": 3, "orders": 6}, cluster_id="another")
    found.ports = dict.fromkeys(found.brokers, 1)
    found.end = dict.fromkeys([("orders", p) for p in range(6)], 999_999)
    return found


def up(now: ClusterSnapshot) -> list[bool | None]:
    return [broker.up for broker in now.brokers]


def foreign(now: ClusterSnapshot) -> list[str]:
    return [problem.detail for problem in now.problems if (problem.scope, problem.reason) == ("cluster", "foreign")]


def theirs(now: ClusterSnapshot) -> bool:
    """Say whether anything of the other cluster is seen."""
    found = facts(now)
    return ("theirs", 0) in found["leaders"] or 999_999 in found["ends"].values() or now.cluster_id != "prepared"


@pytest.mark.parametrize("taken", [1, 2, 3])
def test_a_broker_whose_address_was_taken_is_down_and_the_others_are_kept(make: Make, taken: int) -> None:
    source, cluster = make()
    plain = facts(source.read())
    cluster.faults[taken].taken_by = other()
    cluster.cut(taken)
    wait_for(lambda: not up(source.read())[taken - 1], 10, "another cluster answers there")
    for _ in range(5):
        now = source.read()
        assert up(now) == [broker != taken for broker in cluster.truth.brokers]
        assert not theirs(now)
        assert all(found in {end, NOT_KNOWN} for found, end in zip(*ends(now, plain), strict=True))
        (detail,) = foreign(now)
        address = f"127.0.0.1:{cluster.truth.ports[taken]}"
        assert f"another cluster (id 'another') answers at {address}; this one's id is 'prepared': restart" in detail
        assert "set `cluster_id`" in detail

    cluster.faults[taken].taken_by = None
    wait_for(lambda: up(source.read()) == UP, 10, "it moved back, and is seen soon")
    wait_for(lambda: facts(source.read()) == plain, 5, "and all is as before")
    assert source.read().problems == ()


def ends(now: ClusterSnapshot, plain: dict[str, Any]) -> tuple[list[int], list[int]]:
    found = facts(now)["ends"]
    assert found.keys() == plain["ends"].keys()
    return list(found.values()), list(plain["ends"].values())


def test_an_answer_of_another_cluster_on_a_connection_that_stands_is_refused(make: Make) -> None:
    """As behind a proxy, which takes its connections where it likes."""
    source, cluster = make()
    source.read()
    cluster.faults[1].taken_by = other()
    now = source.read()

    assert not theirs(now)
    assert up(now) == [False, True, True]
    assert foreign(now)


def test_with_every_address_taken_nothing_is_told_until_they_are_given_back(make: Make) -> None:
    source, cluster = make()
    plain = facts(source.read())
    for broker, fault in cluster.faults.items():
        fault.taken_by = other()
        cluster.cut(broker)
    wait_for(lambda: source.read().topology is None, 10, "nobody of this cluster answers")
    wait_for(lambda: len(foreign(source.read())) == 3, 10, "and that is a problem, once for each address")
    now = source.read()
    assert up(now) == [False, False, False]
    assert now.problems == tuple(one for one in now.problems if one.reason == "foreign")

    for fault in cluster.faults.values():
        fault.taken_by = None
    wait_for(lambda: source.read().topology is not None, 15, "they were given back")
    wait_for(lambda: facts(source.read()) == plain, 15, "and all is as before")


@pytest.mark.parametrize("turned", [False, True], ids=["ours_first", "theirs_first"])
def test_of_two_clusters_in_bootstrap_the_first_that_answers_counts(make: Make, *, turned: bool) -> None:
    source, cluster = make()
    source.close()
    with PreparedCluster(Truth({"theirs": 3}, cluster_id="another")) as second:
        addresses = servers((cluster.bootstrap[0], second.bootstrap[0], cluster.bootstrap[1]))
        mixed = source_of(cluster, bootstrap=addresses[1:] if turned else addresses)
        for _ in range(3):
            now = mixed.read()
            assert up(now) == UP
            assert now.cluster_id == ("another" if turned else "prepared")
            assert facts(now)["leaders"].keys() == facts_of(second if turned else cluster)
            (detail,) = foreign(now)
            assert str(addresses[2 if turned else 1]) in detail, "a problem for as long as it is so"
        mixed.close()


def facts_of(cluster: PreparedCluster) -> set[tuple[str, int]]:
    return {(topic, p) for topic, count in cluster.truth.topics.items() for p in range(count)}


def test_a_configured_id_is_the_only_one_that_counts(make: Make) -> None:
    source, _ = make(cluster_id="configured")
    now = source.read()

    assert now.topology is None
    assert all("id 'prepared'" in detail and "id is 'configured'" in detail for detail in foreign(now))
    assert foreign(now)
    agreeing, _ = make(cluster_id="prepared")
    assert agreeing.read().problems == ()


def test_a_cluster_without_an_id_is_never_foreign(make: Make) -> None:
    source, cluster = make(truth(cluster_id=None))
    plain = facts(source.read())
    for broker in cluster.truth.brokers:
        cluster.cut(broker)
    wait_for(lambda: cluster.asked["ApiVersions"] == 6, 5, "all are dialled again")
    wait_for(lambda: source.read().problems == (), 5, "and nothing is odd")
    now = source.read()

    assert (now.cluster_id, facts(now)) == (None, plain)


def test_settings_and_sizes_of_a_topic_made_anew_are_asked_at_once(make: Make) -> None:
    source, cluster = make(truth(ids={"orders": 1, "clicks": 2}))
    plain = facts(source.read())
    cluster.asked.clear()
    source.read()
    assert (cluster.asked["DescribeConfigs"], cluster.asked["DescribeLogDirs"]) == (0, 0)

    cluster.truth.ids["orders"] = 3
    now = source.read()
    assert cluster.asked["DescribeConfigs"] == 3, "of each broker"
    assert cluster.bodies["DescribeConfigs"][-1].count(b"orders") == 1
    assert b"clicks" not in cluster.bodies["DescribeConfigs"][-1]
    assert now.topology is not None
    assert now.topology.topic_ids[1] == bytes(15) + b"\3"
    clicks = 3 * 3
    assert now.replica_bytes[:clicks].tolist() == [1000] * clicks, "those of other topics are still known"
    assert set(now.replica_bytes[clicks:].tolist()) == {NOT_KNOWN}, "those of the old topic are nobody's"
    wait_for(lambda: facts(source.read()) == plain, 5, "the brokers have answered")
    assert cluster.asked["DescribeLogDirs"] == 3


def test_settings_of_a_topic_made_anew_are_unknown_while_they_are_refused(make: Make) -> None:
    source, cluster = make(truth(ids={"orders": 1, "clicks": 2}))
    source.read()
    cluster.truth.ids["orders"] = 3
    cluster.truth.codes["DescribeConfigs"] = 29
    for _ in range(3):
        now = source.read()
        assert facts(now)["settings"] == {"clicks": (2, 604_800_000, -1), "orders": (-2, -2, -2)}
        assert {(one.scope, one.reason, one.count) for one in now.problems} == {("topic", "denied", 1)}


def test_sizes_of_many_topics_wait_for_their_turn(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logdirs, "_FEW", 26)
    source, cluster = make(truth(ids={"orders": 1}))
    source.read()
    cluster.truth.ids["orders"] = 3
    for _ in range(2):
        assert NOT_KNOWN in source.read().replica_bytes.tolist()
    assert cluster.asked["DescribeLogDirs"] == 3


def test_a_broker_that_gives_no_ids_makes_no_topic_anew(make: Make) -> None:
    source, cluster = make(truth(ids={"orders": 1, "clicks": 2}))
    plain = facts(source.read())
    cluster.truth.ids = {}

    assert facts(source.read()) == plain
    assert cluster.asked["DescribeConfigs"] == 3
