"""Applications of which no shard says that it stands: the stream's sum may prove it of one of them."""

from streamwatch.catalogue import readers as r
from tests.sources.readers.reading import World, world

SHARDS = ("shardId-000000000000", "shardId-000000000001")
KEYS = tuple(f"k{number}" for number in range(12))
"""They fall into every shard."""


def minutes(it: World, count: int, *keys: str) -> None:
    """Let minutes pass, and read after each."""
    for _ in range(count):
        it.minute(*keys)


def test_an_application_whose_processors_all_hang_stands_since_its_newest_checkpoint() -> None:
    with world(shards=2) as it:
        it.app.worker("w1")
        minutes(it, 4, *KEYS)
        it.app.hung_shards.update(SHARDS)
        minutes(it, 5, *KEYS)

        assert list(it.agent.all(r.STANDING)) == [()]
        truth = max(it.truth().values())
        assert it.agent.value(r.LAG) is None
        assert truth - 1 <= (it.agent.value(r.BOUND) or 0.0) <= truth + 5
        assert it.agent.value(r.LAG_METHOD, "unknown") == 2
        assert it.agent.value(r.LAG_METHOD, "standing") == 0
        assert "no checkpoint moves" in it.agent.reader.reason
        assert any("checkpoints stand" in one for one in it.agent.reader.unknown)

        it.app.hung_shards.clear()
        minutes(it, 2, *KEYS)
        assert it.agent.all(r.STANDING) == {}


def test_what_one_shard_reads_says_that_another_may_have_nothing_to_read() -> None:
    with world(shards=2) as it:
        it.app.worker("w1")
        minutes(it, 4, *KEYS)
        it.app.hung_shards.add(SHARDS[1])
        minutes(it, 8, *KEYS)

        assert it.agent.all(r.STANDING) == {}
        assert any(SHARDS[1] in one for one in it.agent.reader.unknown)


def test_a_stream_that_was_split_and_became_quiet_is_read() -> None:
    with world(shards=2) as it:
        it.app.worker("w1")
        minutes(it, 3, *KEYS)
        middle = str(2**127 // 2)
        it.call("SplitShard", StreamName="s", ShardToSplit=SHARDS[0], NewStartingHashKey=middle)
        it.live(30, *KEYS)
        minutes(it, 10)

        assert it.agent.all(r.STANDING) == {}
        assert max(it.truth().values()) == 0.0
