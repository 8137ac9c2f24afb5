"""The control plane: which streams there are, and what each one is. Cached, and asked anew when something changed."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError, SourceUnavailable
from streamwatch.model.kinesis import Description, Quota, Shard, Stream
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.errors import NotThere, taken_apart
from streamwatch.sources.aws.page_tokens import PageTokens
from streamwatch.sources.aws.parts import CachedPart
from streamwatch.sources.aws.session import SourceCalls
from streamwatch.sources.kinesis.config import Config
from streamwatch.sources.problems import problem

_PAGE: Final = 1000
_QUOTA_SECONDS: Final = 600.0
_MOST_CONSUMERS: Final = 20
_MOST_CONSUMERS_OF_ADVANTAGE: Final = 50
"""Of an on-demand stream, where the account has On-demand Advantage."""
_PROMISED: Final = ("StreamARN", "StreamStatus", "RetentionPeriodHours", "OpenShardCount")
"""What a summary always has."""
_ARN_ACCOUNT: Final = 4
"""The account's place in an ARN."""

T = TypeVar("T")

Each = Callable[[Callable[[str], None], Iterable[str]], None]
"""Does something for each of many names, a few at once."""


_State = tuple[str, str]
"""Of the listing: when the stream was made, and what it is now. Another one means that something changed."""


class _Known:
    """One stream: each part as it was last answered."""

    def __init__(self, state: _State, interval: float) -> None:
        self.state = state
        self.tried_at = float("-inf")
        """When it was last asked about, and answered or refused."""
        self.summary: CachedPart[dict[str, Any]] = CachedPart(interval)
        self.shards: CachedPart[tuple[Shard, ...]] = CachedPart(interval)
        self.consumers: CachedPart[tuple[str, ...]] = CachedPart(interval)

    def is_due(self, now: float) -> bool:
        """Whether anything of it is to be asked for."""
        return any(part.is_due(now) for part in (self.summary, self.shards, self.consumers))

    def change(self, state: _State) -> None:
        """Take another state of the listing: everything may have changed, and does not wait."""
        is_another = self.state[0] != state[0]
        self.state, self.tried_at = state, float("-inf")
        for part in (self.summary, self.shards, self.consumers):
            if is_another:
                part.forget()
            part.want()

    def is_consumed_on_demand(self, now: float) -> bool:
        """Whether it is an on-demand stream with registered consumers."""
        summary = self.summary.known(now) or {}
        return summary.get("StreamModeDetails", {}).get("StreamMode") == "ON_DEMAND" and bool(self.consumers.known(now))

    def want_shards(self) -> None:
        """Let its shards be listed at the next read, and be counted, so that the two agree."""
        self.summary.want()
        self.shards.want()

    def description(self, now: float, most_consumers: Mapping[str, int | None]) -> Description | None:
        """Return what is known; None where nothing is.

        Args:
            now: when.
            most_consumers: how many a stream may have, by its mode; None where that is not known.

        """
        summary = self.summary.known(now)
        if summary is None:
            return None
        mode = summary.get("StreamModeDetails", {}).get("StreamMode", "PROVISIONED")
        return Description(
            status=summary["StreamStatus"],
            mode=mode,
            retention_seconds=summary["RetentionPeriodHours"] * 3600.0,
            open_shards=summary["OpenShardCount"],
            shards=self.shards.known(now),
            consumers=self.consumers.known(now),
            watched=frozenset(
                metric for one in summary.get("EnhancedMonitoring", ()) for metric in one.get("ShardLevelMetrics", ())
            ),
            distribution=summary.get("RecordDistributionStrategy", "USER_PARTITION_KEY"),
            channels=summary.get("ChannelCount"),
            queues=summary.get("QueueCount"),
            most_consumers=most_consumers.get(mode),
            listed_at=self.shards.learnt_at,
        )


class Region:
    """The streams of one region."""

    def __init__(self, config: Config, region: str, caller: SourceCalls, clock: Clock) -> None:
        self.region = region
        self.account = ""
        self._config = config
        self._caller = caller
        self._clock = clock
        self.names: frozenset[str] | None = None
        """All streams that the last read listed; None where it could not list all."""
        self._known: dict[str, _Known] = {}
        self._listed = 0
        self._listed_at = float("-inf")
        self._quota: CachedPart[Quota] = CachedPart(_QUOTA_SECONDS)
        self._has_advantage: CachedPart[bool] = CachedPart(_QUOTA_SECONDS)
        self._tagged: CachedPart[set[str]] = CachedPart(config.describe_interval)

    def read(self, deadline: float, each: Each) -> tuple[tuple[Stream, ...] | None, list[Problem]]:
        """Return the streams, and what could not be learnt; None where it is not known which there are."""
        problems: list[Problem] = []
        now = self._clock.now()
        self.names = None
        try:
            with taken_apart(f"kinesis ListStreams in {self.region}"):
                self._list(now, deadline, problems)
            if self._known and not self.account:  # no ARN tells it
                self.account = self._whoami(deadline)
            self._listed_at = now
        except SourceError as error:
            problems.append(problem("region", error, str(error)))
            if now - self._listed_at > self._config.describe_interval:
                self._known.clear()
                return None, problems
        problems += self._describe_due(now, deadline, each)
        problems += self._read_quota(now, deadline)
        problems += self._read_settings(now, deadline)
        most = self._most_consumers(now)
        found = sorted(self._known.items())
        streams = [Stream(self.account, self.region, name, one.description(now, most)) for name, one in found]
        return tuple(streams), problems

    @property
    def quota(self) -> Quota | None:
        """The account's shards and their limit; None where it could not be read."""
        return self._quota.known(self._clock.now())

    @property
    def left_out(self) -> int | None:
        """How many streams the configuration leaves out, where none is left to watch; None where one is."""
        return None if self._known else self._listed

    def want_shards(self, name: str) -> None:
        """Let a stream's shards be listed at the next read; from any thread: a wish amid a listing may be lost."""
        known = self._known.get(name)
        if known is not None:
            known.want_shards()

    def _call(self, operation: str, wants: tuple[str, ...], deadline: float, **params: object) -> dict[str, Any]:
        return self._caller.call("kinesis", self.region, operation, params, wants=wants, deadline=deadline)

    def _whoami(self, deadline: float) -> str:
        answer = self._caller.call("sts", self.region, "GetCallerIdentity", {}, wants=("Account",), deadline=deadline)
        return str(answer["Account"])

    def _list(self, now: float, deadline: float, problems: list[Problem]) -> None:
        """Learn which streams there are, and their states."""
        tagged = self._with_tags(now, deadline, problems) if self._config.streams.tags else None
        listed: dict[str, _State] = {}
        params: dict[str, object] = {"Limit": _PAGE}
        tokens = PageTokens(f"kinesis ListStreams in {self.region}")
        while True:
            answer = self._call("ListStreams", ("StreamNames", "HasMoreStreams"), deadline, **params)
            summaries = {one["StreamName"]: one for one in answer.get("StreamSummaries", ())}
            if arn := next((summary.get("StreamARN", "") for summary in summaries.values()), ""):
                self.account = "".join(arn.split(":")[_ARN_ACCOUNT : _ARN_ACCOUNT + 1])
            for name in answer["StreamNames"]:
                fields = summaries.get(name, {})
                mode = fields.get("StreamModeDetails", {}).get("StreamMode", "")
                listed[name] = (
                    str(fields.get("StreamCreationTimestamp", "")),
                    f"{fields.get('StreamStatus', '')} {mode}",
                )
            if not answer["HasMoreStreams"] or not answer["StreamNames"]:
                self.names = None if answer["HasMoreStreams"] else frozenset(listed)
                break
            tokens.follow(answer["StreamNames"][-1])
            params["ExclusiveStartStreamName"] = answer["StreamNames"][-1]
        admitted = {
            name: state
            for name, state in listed.items()
            if self._config.streams.admits(name) and (tagged is None or name in tagged)
        }
        self._listed = len(listed)
        for gone in self._known.keys() - admitted.keys():
            del self._known[gone]
        for name, state in admitted.items():
            known = self._known.get(name)
            if known is None:
                self._known[name] = _Known(state, self._config.describe_interval)
            elif known.state != state:
                known.change(state)

    def _with_tags(self, now: float, deadline: float, problems: list[Problem]) -> set[str]:
        """Return the streams that carry the tags; those of before where that is not answered."""
        try:
            self._tagged.learn(self._names_with_tags(deadline), now)
        except SourceError as error:
            if self._tagged.known(now) is None:
                raise
            problems.append(problem("region", error, str(error)))
        return self._tagged.known(now) or set()

    def _names_with_tags(self, deadline: float) -> set[str]:
        filters = []
        for tag in self._config.streams.tags:
            key, equals, value = tag.partition("=")
            filters.append({"Key": key, "Values": [value]} if equals else {"Key": key})
        names: set[str] = set()
        params: dict[str, Any] = {"ResourceTypeFilters": ["kinesis:stream"], "TagFilters": filters}
        for answer in self._caller.pages(
            "resourcegroupstaggingapi", self.region, "GetResources", params, wants=("ResourceTagMappingList",),
            deadline=deadline, following="PaginationToken",
        ):  # fmt: skip
            names |= {one["ResourceARN"].rpartition(":stream/")[2] for one in answer["ResourceTagMappingList"]}
        return names

    def _describe_due(self, now: float, deadline: float, each: Each) -> list[Problem]:
        """Describe the streams whose turn it is; return what could not be learnt."""
        problems: list[Problem] = []
        due = [name for name, one in self._known.items() if one.is_due(now)]
        # What is refused again and again does not keep the others from their turn.
        due.sort(key=lambda name: self._known[name].tried_at)

        def describe(name: str) -> None:
            known = self._known[name]
            wrong: list[SourceError | None] = []
            try:
                wrong.append(self._learn(known.summary, now, lambda: self._summary(name, deadline)))
                wrong.append(self._learn(known.shards, now, lambda: self._shards(name, deadline)))
                summary = known.summary.known(now)
                if summary is not None:
                    wrong.append(self._learn(known.consumers, now, lambda: self._consumers(summary, deadline)))
            except NotThere:
                self._known.pop(name, None)  # deleted since it was listed
            errors = [error for error in wrong if error is not None]
            problems.extend(problem("stream", error, f"stream {name}: {error}") for error in errors)
            if not any(isinstance(error, SourceUnavailable) for error in errors):
                known.tried_at = now

        each(describe, due)
        return problems

    def _learn(self, part: CachedPart[T], now: float, ask: Callable[[], T]) -> SourceError | None:
        """Ask for a part of a stream, if it is its turn; return why it was not answered."""
        if not part.is_due(now):
            return None
        try:
            with taken_apart(f"kinesis in {self.region}"):
                part.learn(ask(), now)
        except NotThere:
            raise
        except SourceError as error:
            part.want()
            return error
        return None

    def _summary(self, name: str, deadline: float) -> dict[str, Any]:
        answer = self._call("DescribeStreamSummary", ("StreamDescriptionSummary",), deadline, StreamName=name)
        summary: dict[str, Any] = answer["StreamDescriptionSummary"]
        missing = [field for field in _PROMISED if field not in summary]
        if missing:
            raise KeyError(missing[0])
        return summary

    def _shards(self, name: str, deadline: float) -> tuple[Shard, ...]:
        shards: list[Shard] = []
        params: dict[str, object] = {"StreamName": name}
        tokens = PageTokens(f"kinesis ListShards in {self.region}")
        while True:
            answer = self._call("ListShards", ("Shards",), deadline, **params)
            shards += map(_shard, answer["Shards"])
            if not answer.get("NextToken"):
                break
            tokens.follow(answer["NextToken"])
            params = {"NextToken": answer["NextToken"]}
        return tuple(sorted(shards, key=lambda shard: shard.id))

    def _consumers(self, summary: dict[str, Any], deadline: float) -> tuple[str, ...]:
        if not summary.get("ConsumerCount", 1):
            return ()
        params = {"StreamARN": summary["StreamARN"]}
        answers = self._caller.pages(
            "kinesis", self.region, "ListStreamConsumers", params, wants=("Consumers",), deadline=deadline
        )
        return tuple(sorted(one["ConsumerName"] for answer in answers for one in answer["Consumers"]))

    def _read_quota(self, now: float, deadline: float) -> list[Problem]:
        if not self._quota.is_due(now) or not self.account:  # no stream has shown yet whose it is
            return []
        try:
            summary = self._call("DescribeLimits", ("ShardLimit", "OpenShardCount"), deadline)
        except SourceError as error:
            self._quota.want()
            return [problem("region", error, str(error))]
        self._quota.learn(Quota(self.account, self.region, summary["OpenShardCount"], summary["ShardLimit"]), now)
        return []

    def _read_settings(self, now: float, deadline: float) -> list[Problem]:
        """Learn whether the account has On-demand Advantage, where that makes a difference."""
        if self._config.consumers_per_stream is not None or not self._has_advantage.is_due(now):
            return []
        if not any(one.is_consumed_on_demand(now) for one in self._known.values()):
            return []
        try:
            with taken_apart(f"kinesis DescribeAccountSettings in {self.region}"):
                summary = self._call("DescribeAccountSettings", ("MinimumThroughputBillingCommitment",), deadline)
                status = summary["MinimumThroughputBillingCommitment"]["Status"]
        except SourceError as error:
            self._has_advantage.want()
            return [problem("region", error, str(error))]
        self._has_advantage.learn(status != "DISABLED", now)
        return []

    def _most_consumers(self, now: float) -> Mapping[str, int | None]:
        """Return how many consumers a stream may have, by its mode; None where that is not known."""
        most = self._config.consumers_per_stream
        if most is not None:
            return {"PROVISIONED": most, "ON_DEMAND": most}
        has_advantage = self._has_advantage.known(now)
        by_advantage = {None: None, False: _MOST_CONSUMERS, True: _MOST_CONSUMERS_OF_ADVANTAGE}
        return {"PROVISIONED": _MOST_CONSUMERS, "ON_DEMAND": by_advantage[has_advantage]}


def _shard(summary: dict[str, Any]) -> Shard:
    parents = tuple(summary[name] for name in ("ParentShardId", "AdjacentParentShardId") if summary.get(name))
    keys = summary["HashKeyRange"]
    numbers = summary["SequenceNumberRange"]
    starting = str(numbers.get("StartingSequenceNumber", ""))
    is_open = "EndingSequenceNumber" not in numbers
    return Shard(
        summary["ShardId"], int(keys["StartingHashKey"]), int(keys["EndingHashKey"]), is_open, parents, starting
    )
