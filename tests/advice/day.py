"""A day's load on a stream of the reference, the advice, the advice applied, the same day again.

``python -m tests.advice.day`` prints for a hot shard and for idle ones what the advice was, how many records were
refused on both days, and what the second day cost beside what the advice had said.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.advice.advice import Advice
from streamwatch.advice.config import Prices, RegionPrices
from streamwatch.advice.past import PastHours
from streamwatch.advice.streams import advise_stream
from streamwatch.agent.targets import TargetFactory
from streamwatch.archive.archive import Archive
from streamwatch.model.metric import Samples
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.reference.kinesis.shard import HASHES, hash_of
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.watching import config

DAY_MINUTES: Final = 1440
_READ_MINUTES: Final = 5
"""So often is CloudWatch asked for details by default: that minute stands for the others."""
MIB: Final = 2**20
STREAM: Final = "clicks"
PRICES: Final = Prices(
    date="2025-11-30",
    kinesis=(
        RegionPrices(
            region="us-east-1",
            shard_hour=0.015,
            million_put_units=0.014,
            stream_hour=0.04,
            gigabyte_in=0.08,
            gigabyte_out=0.04,
        ),
    ),
)
_SETTINGS: Final = "cloudwatch: {monthly_dollars: 1000000, shard_level: true}"


@dataclass(frozen=True, slots=True)
class Key:
    """One partition key, and what is written of it at midday."""

    name: str
    bytes_a_second: int


@dataclass(frozen=True, slots=True)
class Story:
    """A stream and its load."""

    shards: int
    keys: Sequence[Key]


@dataclass(slots=True)
class Outcome:
    """What came of a day."""

    refused: int = 0
    put_units: int = 0
    advice: Mapping[str, Advice] = field(default_factory=dict)
    shards: int = 0

    @property
    def dollars(self) -> float:
        """Of a month of such days, counted record by record."""
        return self.shards * 730 * 0.015 + self.put_units / 1e6 * 0.014 * 730 / 24


def keys_within(first: float, last: float, count: int, bytes_a_second: int) -> list[Key]:
    """Return keys of these shares of the range of hash keys, evenly spread, which together write so much."""
    names: dict[int, str] = {}
    at = 0
    while len(names) < count:
        share = (hash_of(f"k{at}") / HASHES - first) / (last - first)
        if 0 <= share < 1:
            names.setdefault(int(share * count), f"k{at}")
        at += 1
    return [Key(name, bytes_a_second // count) for name in names.values()]


STORIES: Final[Mapping[str, Story]] = {
    "hot": Story(2, [*keys_within(0, 0.5, 6, 3 * MIB // 2), *keys_within(0.5, 1, 2, MIB // 2)]),
    "idle": Story(8, keys_within(0, 1, 8, 9 * MIB // 10)),
}


class Replay:
    """The stream, its producers and the agent's source, collectors and archive, on one clock."""

    def __init__(self, aws: Any, time: Time, story: Story) -> None:
        self.aws, self.time, self.story = aws, time, story
        self.archive = Archive(64 * 2**20, time)
        self.call("CreateStream", StreamName=STREAM, ShardCount=story.shards)
        self.call("EnableEnhancedMonitoring", StreamName=STREAM, ShardLevelMetrics=["ALL"])
        self._target = TargetFactory(time).targets(config(aws.url, _SETTINGS), lambda: None)[0]
        self.last: Any = None
        self._samples: list[Samples] = []

    def call(self, operation: str, **params: Any) -> None:
        """Call an operation; what it changes is done at once."""

        def run(cloud: Cloud, now: float) -> None:
            OPERATIONS[operation](cloud.kinesis(), params, now)
            cloud.kinesis().timers.run(now)

        self.aws.do(run)

    def day(self) -> Outcome:
        """Let a day pass, of which the agent reads every fifth minute."""
        outcome = Outcome()
        for minute in range(DAY_MINUTES):
            self.aws.do(self._minute(minute, outcome))
            self.time.advance(60)
            if minute % _READ_MINUTES == _READ_MINUTES - 1:
                self.last = self._target.source.read()
                self._samples = [
                    each for collector in self._target.collectors.values() for each in collector.collect(self.last)
                ]
            self.archive.take("mine", self._samples, self.time.now())
        [stream] = self.last.streams
        outcome.shards = stream.description.open_shards
        found = advise_stream(stream, PastHours(self.archive.curve, self.time.now() + 60), PRICES)
        outcome.advice = {each.question: each for each in found}
        return outcome

    def apply(self, advice: Advice) -> None:
        """Run the commands of an advice."""
        for command in advice.commands:
            words = command.split()
            options = dict(zip(words[3::2], words[4::2], strict=True))
            if words[2] == "split-shard":
                shard, key = options["--shard-to-split"], options["--new-starting-hash-key"]
                self.call("SplitShard", StreamName=STREAM, ShardToSplit=self._shard(shard), NewStartingHashKey=key)
            elif words[2] == "merge-shards":
                shard, adjacent = options["--shard-to-merge"], options["--adjacent-shard-to-merge"]
                self.call(
                    "MergeShards", StreamName=STREAM, ShardToMerge=self._shard(shard), AdjacentShardToMerge=adjacent
                )
            self.time.advance(1)

    def _shard(self, name: str) -> str:
        key = name.removeprefix("SHARD-WITH-HASH-KEY-")
        if key == name:
            return name
        found: str = self.aws.do(lambda cloud, _: cloud.kinesis().streams[STREAM].shard_for(int(key)).id)
        return found

    def _minute(self, minute: int, outcome: Outcome) -> Callable[[Cloud, float], None]:
        level = 0.2 + 0.8 * math.sin(math.pi * minute / DAY_MINUTES) ** 2
        records = [
            {"Data": bytes(int(key.bytes_a_second * level)), "PartitionKey": key.name} for key in self.story.keys
        ]

        def run(cloud: Cloud, now: float) -> None:
            kinesis = cloud.kinesis()
            for second in range(60):
                params = {"StreamName": STREAM, "Records": records}
                answers = OPERATIONS["PutRecords"](kinesis, params, now + second)["Records"]
                for record, answer in zip(records, answers, strict=True):
                    if "ErrorCode" in answer:
                        outcome.refused += 1
                    else:
                        outcome.put_units += -(-len(record["Data"]) // 25_600)
            for shard in kinesis.streams[STREAM].shards.values():
                shard.records.clear()

        return run


def said_dollars(advice: Advice, shards: int) -> float:
    """Return what a month was said to cost with so many shards."""
    found = re.search(rf" {shards} shards \$([0-9,.]+)", advice.sum)
    assert found is not None, advice
    return float(found[1].replace(",", "").rstrip("."))


def main() -> None:
    for name, story in STORIES.items():
        time = Time()
        with cloud(time) as aws:
            replay = Replay(aws, time, story)
            first = replay.day()
            replay.apply(first.advice["shards"])
            second = replay.day()
        print(f"{name}: {first.shards} shards, {first.refused} records refused", flush=True)
        for each in (*first.advice.values(), *second.advice.values()):
            print(
                f"  {each.question}: {each.state}: {each.action}\n    {each.sum}\n    {each.sure}\n    {each.commands}"
            )
        said = said_dollars(first.advice["mode"], second.shards)
        print(f"{name}: then {second.shards} shards, {second.refused} refused; ${second.dollars:.2f}, said ${said:.2f}")


if __name__ == "__main__":
    main()
