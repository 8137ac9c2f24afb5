"""Services that only speak Kafka's protocol: what is odd costs itself, and nothing beside it."""

from typing import Any

import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.collectors.cluster import ClusterCollector
from streamwatch.model.kafka import NOT_KNOWN, ClusterSnapshot
from tests.prepared import Directory, Truth
from tests.snapshots import values
from tests.sources.kafka.preparing import COMMITS, Make, facts, truth

SIZES = {(topic, p): 1000 for topic, count in (("clicks", 3), ("orders", 6)) for p in range(count)}
LOCAL: Directory = ("/data", 0, 10**9, 10**8, SIZES)
FAR = dict.fromkeys(SIZES, 10**12)


def stored(*directories: Directory) -> Truth:
    return truth(log_dirs={broker: list(directories) for broker in (1, 2, 3)})


def disks(now: ClusterSnapshot) -> dict[str, dict[str, float]]:
    samples = ClusterCollector(4000).collect(now)
    return {one.name: values(samples, one) for one in (k.BROKER_LOG_BYTES, k.LOG_DIR_USED, b.DATA_DISK)}


@pytest.mark.parametrize("release", [(4, 3), (2, 8)])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("sizes", [(-1, -1), (10**15, 10**15), (0, 0)])
def test_an_object_store_is_no_disk_of_the_brokers(
    make: Make, release: tuple[int, int], sizes: tuple[int, int], *, turned: bool
) -> None:
    plain = make(truth(release=release))[0].read()
    remote: Directory = ("remote://bucket/prefix", 0, *sizes, FAR)
    of = stored(*((remote, LOCAL) if turned else (LOCAL, remote)))
    of.release = release
    now = make(of)[0].read()

    assert facts(now) == facts(plain)
    assert disks(now) == disks(plain)
    assert now.problems == ()


@pytest.mark.parametrize("turned", [False, True])
def test_a_directory_without_a_volume_that_repeats_anothers_replicas_is_no_disk(make: Make, *, turned: bool) -> None:
    plain = make()[0].read()
    tiered: Directory = ("tiered", 0, -1, -1, {("orders", 0): 10**12})
    now = make(stored(*((tiered, LOCAL) if turned else (LOCAL, tiered))))[0].read()

    assert facts(now) == facts(plain)
    assert disks(now) == disks(plain)


def test_where_there_is_only_an_object_store_the_logs_are_there(make: Make) -> None:
    now = make(stored(("s3://bucket", 0, -1, -1, FAR)))[0].read()

    assert set(now.replica_bytes.tolist()) == {10**12}
    assert now.log_dirs == ()
    assert disks(now) == {one.name: {} for one in (k.BROKER_LOG_BYTES, k.LOG_DIR_USED, b.DATA_DISK)}


@pytest.mark.parametrize("release", [(4, 3), (2, 8)])
def test_a_replica_with_two_sizes_has_none_and_a_problem(make: Make, release: tuple[int, int]) -> None:
    again: Directory = ("/more", 0, 10**9, 10**8, {("orders", 5): 7, ("orders", 4): 1000})
    of = stored(LOCAL, again)
    of.release = release
    now = make(of)[0].read()

    assert now.replica_bytes.tolist()[-3:] == [NOT_KNOWN] * 3
    assert set(now.replica_bytes.tolist()[:-3]) == {1000}, "twice the same size is that size"
    assert {(one.scope, one.reason, one.count) for one in now.problems} == {("broker", "misread", 1)}
    assert {one.path for one in now.log_dirs} == {"/data", "/more"}


@pytest.mark.parametrize("words", ["", "with words"])
def test_a_negative_commit_is_none(make: Make, words: str) -> None:
    of = truth(words=words)
    of.commits["billing"] |= {("orders", 1): -1, ("orders", 2): -7}
    of.commits["audit"] = {("clicks", 0): -1}
    source, cluster = make(of)
    source.read()
    now = source.read()
    expected = {("billing", t, p): o for (t, p), o in COMMITS["billing"].items() if p not in {1, 2}}

    assert facts(now)["commits"] == (expected, {"audit": True, "billing": True})
    assert now.problems == ()
    assert source.read().commits is now.commits, "what has not changed is the same object"
    cluster.truth.commits["audit"] = {("clicks", 0): 5}
    assert facts(source.read())["commits"][0] == expected | {("audit", "clicks", 0): 5}


def in_place_of(name: bytes, odd: bytes, *apis: str) -> Any:
    """Return what changes a name to one of the same length, in the answers of these APIs."""
    assert len(name) == len(odd)
    return lambda api, body: body.replace(name, odd) if api in apis else body


def test_a_group_whose_id_is_no_utf8_costs_itself(make: Make) -> None:
    of = truth()
    of.commits["straange"] = {("orders", 0): 5}
    of.mangle = in_place_of(b"straange", b"stra\xff\xc3ge", "ListGroups")
    source, cluster = make(of)
    plain = make()[0].read()
    for _ in range(3):
        now = source.read()
        assert facts(now) == facts(plain)
        (only,) = now.problems
        assert (only.scope, only.reason, only.count) == ("group", "misread", 1)
        assert r"stra\xff\xc3ge" in only.detail
    assert cluster.asked["ApiVersions"] == 3


def test_a_topic_whose_name_is_no_utf8_costs_itself(make: Make) -> None:
    of = truth()
    of.topics["strange"] = 2
    of.commits["billing"] |= {("strange", 0): 5}
    of.mangle = in_place_of(b"strange", b"str\xffnge", "Metadata", "OffsetFetch", "DescribeLogDirs")
    source, _ = make(of)
    plain = make()[0].read()
    first, now = source.read(), source.read()

    assert facts(now) == facts(plain) | {"disks": facts(now)["disks"]}
    assert now.topology is first.topology, "and is read past, not decoded again and again"
    assert {(one.scope, one.reason) for one in now.problems} == {("topic", "misread"), ("group", "misread")}
    assert all(r"str\xffnge" in one.detail for one in now.problems)


def test_a_member_whose_host_is_no_utf8_is_counted(make: Make) -> None:
    of = truth(members={"billing": "/strange"})
    of.mangle = in_place_of(b"/strange", b"/str\xffnge", "DescribeGroups")
    now = make(of)[0].read()

    assert facts(now)["groups"] == {"audit": ("classic", "Empty", 0), "billing": ("classic", "Empty", 1)}
    assert now.problems == ()


def test_a_topic_that_metadata_answers_with_an_error_is_named(make: Make) -> None:
    of = truth()
    of.topics["broken"] = 0
    of.codes["Metadata broken"] = 87
    now = make(of)[0].read()

    assert facts(now) == facts(make()[0].read())
    (only,) = now.problems
    assert "'broken'" in only.detail
    assert "Metadata: INVALID_RECORD (87)" in only.detail


def test_topics_that_are_only_on_disks_are_named_and_those_that_were_deleted_are_not(make: Make) -> None:
    hidden: Directory = ("/data", 0, 10**9, 10**8, {**SIZES, ("hidden", 0): 1, ("__cluster_metadata", 0): 1})
    of = stored(hidden)
    source, _ = make(of)
    assert source.read().unseen_topics == ("hidden",)

    del of.topics["clicks"]
    assert source.read().unseen_topics == ("hidden",), "the logs that were described have gone with their topic"
