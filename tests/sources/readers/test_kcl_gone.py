"""Applications whose stream was deleted: that is what is said, and none of their leases is missed."""

import pytest

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.reference.aws import faults
from tests.sources.readers.reading import World, world


def working(it: World) -> None:
    """Let an application read for some minutes."""
    it.app.worker("w0")
    for _ in range(4):
        it.minute("a", "b")


def reasons(it: World) -> list[str]:
    return [row[-1] for row in it.agent.all(a.REASON)]


@pytest.mark.parametrize("more", ["", ", applications: [{name: app, stream: s}]"], ids=["joined", "named"])
def test_what_was_taken_out_of_service_is_no_shard_in_nobodys_hands(more: str) -> None:
    with world(shards=2, more=more) as it:
        working(it)
        it.app.workers["w0"].alive = False
        it.minute()
        it.call("DeleteStream", StreamName="s")
        it.time.advance(600)
        it.agent.read()
        it.time.advance(60)
        for _ in range(3):
            it.agent.read()
            assert it.agent.reader.stream == "s"
            assert it.agent.value(r.UP) == 0
            assert it.agent.leases() == {}
            assert it.agent.all(r.HOLES) == it.agent.all(r.LAG) == it.agent.all(r.BOUND) == {}
            it.time.advance(60)
        assert reasons(it) == ["there is no stream s any more: its lease table is left over"]


def test_workers_that_still_ask_for_it_are_named() -> None:
    with world(shards=2) as it:
        working(it)
        it.call("DeleteStream", StreamName="s")
        for _ in range(4):
            for key in ["shardId-000000000000", "shardId-000000000001"]:
                it.app._count(key)  # a worker lives on: it renews
            it.time.advance(60)
            it.agent.read()
        assert reasons(it) == ["there is no stream s any more: its workers go on asking for it"]
        assert it.agent.all(r.STATE) == {("failing",): 1}, "KinesisApplicationWithoutStream"
        assert it.agent.value(r.UP) == 1


def test_streams_that_could_not_be_listed_say_nothing_of_it() -> None:
    with world(shards=2) as it:
        working(it)
        it.app.workers["w0"].alive = False
        it.call("DeleteStream", StreamName="s")
        it.aws.do(lambda cloud, now: faults.apply(cloud, now, "deny", {"operation": "ListStreams"}))
        for _ in range(3):
            it.time.advance(60)
            it.agent.read()
        assert not any("no stream" in one for one in reasons(it))


def test_a_stream_that_is_made_again_is_read_again() -> None:
    with world() as it:
        working(it)
        it.call("DeleteStream", StreamName="s")
        it.time.advance(60)
        it.agent.read()
        assert "no stream s" in it.agent.reader.reason
        it.call("CreateStream", StreamName="s", ShardCount=1)
        it.time.advance(60)
        it.agent.read()
        assert "no stream s" not in it.agent.reader.reason
