"""The control plane: which streams there are, and what each one is. Cached, and asked anew when something changed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from streamwatch.clock import Clock
from streamwatch.errors import SourceError
from streamwatch.model.kinesis import Description, Quota, Shard, Stream
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.errors import NotThere, taken_apart
from streamwatch.sources.aws.session import Caller
from streamwatch.sources.kinesis.config import Config
from streamwatch.sources.problems import problem

_PAGE: Final = 1000
_MOST_PAGES: Final = 100
_QUOTA_SECONDS: Final = 600.0

T = TypeVar("T")

Each = Callable[[Callable[[str], None], Iterable[str]], None]
"""Does something for each of many names, a few at once."""


@dataclass(slots=True)
class _Known:
    """One stream, as it was last described."""

    state: str
    """Of the listing: another one means that something changed."""
    description: Description | None = None
    described_at: float = float("-inf")
    changed: bool = True


class Region:
    """The streams of one region."""

    def __init__(self, config: Config, region: str, caller: Caller, clock: Clock) -> None:
        self.region = region
        self.account = ""
        self._config = config
        self._caller = caller
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._listed_at = float("-inf")
        self._quota: Quota | None = None
        self._quota_at = float("-inf")

    def read(self, deadline: float, each: Each) -> tuple[tuple[Stream, ...] | None, list[Problem]]:
        """Return the streams, and what could not be learnt; None where it is not known which there are."""
        problems: list[Problem] = []
        now = self._clock.now()
        try:
            if not self.account:
                self.account = self._whoami(deadline)
            with taken_apart(f"kinesis ListStreams in {self.region}"):
                self._list(deadline)
            self._listed_at = now
        except SourceError as error:
            problems.append(problem("region", error, str(error)))
            if now - self._listed_at > self._config.describe_interval:
                self._known.clear()
                return None, problems
        problems += self._describe_due(now, deadline, each)
        problems += self._read_quota(now, deadline)
        found = [Stream(self.account, self.region, name, one.description) for name, one in sorted(self._known.items())]
        return tuple(found), problems

    @property
    def quota(self) -> Quota | None:
        """The account's shards and their limit; None where it could not be read."""
        return self._quota

    def _call(self, operation: str, wants: tuple[str, ...], deadline: float, **given: object) -> dict[str, Any]:
        return self._caller.call("kinesis", self.region, operation, given, wants=wants, deadline=deadline)

    def _whoami(self, deadline: float) -> str:
        answer = self._caller.call("sts", self.region, "GetCallerIdentity", {}, wants=("Account",), deadline=deadline)
        return str(answer["Account"])

    def _list(self, deadline: float) -> None:
        """Learn which streams there are, and their states."""
        states = self._names_with_tags(deadline) if self._config.streams.tags else None
        listed: dict[str, str] = {}
        given: dict[str, object] = {"Limit": _PAGE}
        for _ in range(_MOST_PAGES):
            answer = self._call("ListStreams", ("StreamNames", "HasMoreStreams"), deadline, **given)
            summaries = {one["StreamName"]: one for one in answer.get("StreamSummaries", ())}
            for name in answer["StreamNames"]:
                told = summaries.get(name, {})
                mode = told.get("StreamModeDetails", {}).get("StreamMode", "")
                listed[name] = f"{told.get('StreamStatus', '')} {mode} {told.get('StreamCreationTimestamp', '')}"
            if not answer["HasMoreStreams"] or not answer["StreamNames"]:
                break
            given["ExclusiveStartStreamName"] = answer["StreamNames"][-1]
        admitted = {
            name: state
            for name, state in listed.items()
            if self._config.streams.admits(name) and (states is None or name in states)
        }
        for gone in self._known.keys() - admitted.keys():
            del self._known[gone]
        for name, state in admitted.items():
            known = self._known.get(name)
            if known is None:
                self._known[name] = _Known(state)
            elif known.state != state:
                known.state, known.changed = state, True

    def _names_with_tags(self, deadline: float) -> set[str]:
        filters = []
        for tag in self._config.streams.tags:
            key, equals, value = tag.partition("=")
            filters.append({"Key": key, "Values": [value]} if equals else {"Key": key})
        names: set[str] = set()
        given: dict[str, Any] = {"ResourceTypeFilters": ["kinesis:stream"], "TagFilters": filters}
        for answer in self._caller.pages(
            "resourcegroupstaggingapi", self.region, "GetResources", given, wants=("ResourceTagMappingList",),
            deadline=deadline, following="PaginationToken",
        ):  # fmt: skip
            names |= {one["ResourceARN"].rpartition(":stream/")[2] for one in answer["ResourceTagMappingList"]}
        return names

    def _describe_due(self, now: float, deadline: float, each: Each) -> list[Problem]:
        """Describe the streams whose turn it is; return what could not be learnt."""
        problems: list[Problem] = []
        oldest = now - self._config.describe_interval
        due = [name for name, one in self._known.items() if one.changed or one.described_at <= oldest]
        due.sort(key=lambda name: (not self._known[name].changed, self._known[name].described_at))

        def describe(name: str) -> None:
            known = self._known[name]
            try:
                with taken_apart(f"kinesis in {self.region}"):
                    known.description = self._described(name, deadline, problems)
                known.described_at, known.changed = now, False
            except NotThere:
                self._known.pop(name, None)  # deleted since it was listed
            except SourceError as error:
                problems.append(problem("stream", error, f"stream {name}: {error}"))
                # What was true a while ago is not shown for ever; one that only waits for its turn is shown on.
                if now - known.described_at > 2 * self._config.describe_interval:
                    known.description = None
                known.changed = True

        each(describe, due)
        return problems

    def _described(self, name: str, deadline: float, problems: list[Problem]) -> Description:
        answer = self._call("DescribeStreamSummary", ("StreamDescriptionSummary",), deadline, StreamName=name)
        told = answer["StreamDescriptionSummary"]
        shards = self._or_none(lambda: self._shards(name, deadline), name, problems)
        consumers: tuple[str, ...] | None = ()
        if told.get("ConsumerCount", 1):
            consumers = self._or_none(lambda: self._consumers(told["StreamARN"], deadline), name, problems)
        return Description(
            status=told["StreamStatus"],
            mode=told.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED"),
            retention_seconds=told["RetentionPeriodHours"] * 3600.0,
            open_shards=told["OpenShardCount"],
            shards=shards,
            consumers=consumers,
            watched=frozenset(
                metric for one in told.get("EnhancedMonitoring", ()) for metric in one.get("ShardLevelMetrics", ())
            ),
        )

    @staticmethod
    def _or_none(read: Callable[[], T], name: str, problems: list[Problem]) -> T | None:
        try:
            with taken_apart("kinesis"):
                return read()
        except NotThere:
            raise
        except SourceError as error:
            problems.append(problem("stream", error, f"stream {name}: {error}"))
            return None

    def _shards(self, name: str, deadline: float) -> tuple[Shard, ...]:
        shards: list[Shard] = []
        given: dict[str, object] = {"StreamName": name}
        for _ in range(_MOST_PAGES):
            answer = self._call("ListShards", ("Shards",), deadline, **given)
            shards += map(_shard, answer["Shards"])
            if not answer.get("NextToken"):
                break
            given = {"NextToken": answer["NextToken"]}
        return tuple(sorted(shards, key=lambda one: one.id))

    def _consumers(self, arn: str, deadline: float) -> tuple[str, ...]:
        answers = self._caller.pages(
            "kinesis", self.region, "ListStreamConsumers", {"StreamARN": arn}, wants=("Consumers",), deadline=deadline
        )
        return tuple(sorted(one["ConsumerName"] for answer in answers for one in answer["Consumers"]))

    def _read_quota(self, now: float, deadline: float) -> list[Problem]:
        if now - self._quota_at < _QUOTA_SECONDS:
            return []
        try:
            told = self._call("DescribeLimits", ("ShardLimit", "OpenShardCount"), deadline)
        except SourceError as error:
            self._quota = None
            return [problem("region", error, str(error))]
        self._quota, self._quota_at = Quota(self.account, self.region, told["OpenShardCount"], told["ShardLimit"]), now
        return []


def _shard(told: dict[str, Any]) -> Shard:
    parents = tuple(told[name] for name in ("ParentShardId", "AdjacentParentShardId") if told.get(name))
    keys = told["HashKeyRange"]
    is_open = "EndingSequenceNumber" not in told["SequenceNumberRange"]
    return Shard(told["ShardId"], int(keys["StartingHashKey"]), int(keys["EndingHashKey"]), is_open, parents)
