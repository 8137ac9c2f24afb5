"""The shard itself is asked where a checkpoint stands, where that is switched on: what it says, and at what price."""

from streamwatch.catalogue import readers as r
from streamwatch.reference.aws import faults
from tests.sources.readers.reading import World, world

PROBE = ", probe: {enabled: true}"
FIRST = "shardId-000000000000"
KEYS = tuple(f"k{number}" for number in range(12))
"""They fall into every shard."""


def running(it: World, *keys: str, reads: int = 4) -> World:
    """Let a worker read for a while."""
    it.app.worker("w1")
    for _ in range(reads):
        it.minute(*(keys or KEYS))
    return it


def probes(it: World) -> int:
    """How often shards were asked so far."""
    counts = {one.operation: one.calls for one in it.agent.snapshot.calls if one.service == "kinesis"}
    return counts.get("GetRecords", 0)


def test_a_quiet_shard_of_a_busy_stream_has_no_lag_within_two_reads() -> None:
    with world(shards=2, more=PROBE) as it:
        running(it)
        it.minute("k0")  # one shard only
        it.minute("k0")

        assert it.agent.value(r.LAG_METHOD, "probed") == 1
        assert it.agent.value(r.LAG_METHOD, "moving") == 1
        assert (it.agent.value(r.BOUND) or 99.0) <= 5
        assert probes(it) <= 2


def test_a_quiet_shard_stays_at_0_at_one_call_a_read() -> None:
    with world(shards=2, more=PROBE) as it:
        running(it)
        it.minute("k0")
        before = probes(it)
        for _ in range(6):
            it.minute("k0")
            assert it.agent.value(r.LAG_METHOD, "probed") == 1
        assert probes(it) == before + 6


def test_a_processor_that_hangs_in_one_of_several_shards_is_known_to_stand() -> None:
    with world(shards=2, more=PROBE) as it:
        running(it)
        it.app.hung_shards.add(FIRST)
        began = it.time.now()
        for _ in range(8):
            it.minute(*KEYS)

        assert it.agent.value(r.LAG_METHOD, "standing") == 1
        assert abs((it.agent.value(r.STANDING, FIRST) or 0.0) - (it.time.now() - began)) <= 65
        assert it.truth()[FIRST] == 480
        assert abs((it.agent.value(r.LAG) or 0.0) - 480) <= 3
        assert probes(it) == 1  # where it stands is known from then on


def test_a_processor_that_hangs_at_its_first_record_is_known_to_stand() -> None:
    with world(more=PROBE + ", applications: [{name: app, stream: s}]") as it:
        it.app.hung_shards.add(FIRST)
        it.app.worker("w1")
        for _ in range(6):
            it.minute("k")

        assert abs((it.agent.value(r.LAG) or 0.0) - it.truth()[FIRST]) <= 3
        assert it.agent.value(r.LAG_METHOD, "standing") == 1


def test_a_record_long_after_the_last_one_is_late_from_its_own_arrival_on() -> None:
    with world(shards=2, more=PROBE) as it:
        running(it)
        for _ in range(20):
            it.minute("k0")
        quiet = next(one for one in it.agent.reader.positions if one.method == "probed").part
        it.app.hung_shards.add(quiet)
        it.minute(*KEYS)

        told = next(one for one in it.agent.reader.positions if one.part == quiet)
        assert told.lag_seconds is not None
        assert abs(told.lag_seconds - it.truth()[quiet]) <= 3


def test_shards_of_workers_that_died_are_not_asked() -> None:
    with world(shards=2, more=PROBE) as it:
        running(it)
        it.app.workers["w1"].alive = False
        it.minute(*KEYS)  # it may have renewed once more
        before = probes(it)
        for _ in range(5):
            it.minute(*KEYS)

        assert probes(it) == before


def test_at_most_one_shard_a_second_is_asked_and_each_in_its_turn() -> None:
    with world(shards=80, more=PROBE) as it:
        it.app.worker("w1")
        keys = tuple(f"k{number}" for number in range(600))
        it.minute(*keys)
        it.minute(*keys)
        asked: set[str] = set()
        for _ in range(4):
            it.live(60, "k0")
            began, before = it.time.monotonic(), probes(it)
            it.agent.read()
            assert probes(it) - before <= it.time.monotonic() - began + 1
            asked |= {one.part for one in it.agent.reader.positions if one.method == "probed"}
        assert len(asked) == 79


def test_a_missing_right_is_named_once_and_the_leases_are_read_all_the_same() -> None:
    with world(shards=4, more=PROBE) as it:
        running(it)
        it.aws.do(lambda cloud, now: faults.deny(cloud, now, operation="GetRecords"))
        it.app.hung_shards |= {one.id for one in it.stream().shards.values()}
        it.minute(*KEYS)
        it.minute(*KEYS)

        assert ("shard", "denied") in it.agent.problems()
        assert it.agent.leases()["renewed"] == 4
        assert it.agent.value(r.LAG_METHOD, "probed") == 0


def test_nobody_is_asked_unless_it_is_wanted() -> None:
    with world(shards=2) as it:
        running(it)
        for _ in range(6):
            it.minute("k0")
        assert probes(it) == 0
