"""Kafka's own command-line tools, and what they say, as Python values."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

_PARTITION: Final = re.compile(r"Topic:\s*(\S+)\s+Partition:\s*(\d+)")

TopicPartitions = set[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class GroupOffsets:
    """A line of kafka-consumer-groups --describe --offsets; None where it prints a dash."""

    committed: int | None
    end: int | None
    lag: int | None
    consumer: str | None


@dataclass(frozen=True, slots=True)
class Groups:
    """All that kafka-consumer-groups says."""

    offsets: Mapping[tuple[str, str, int], GroupOffsets]
    """By group, topic and partition."""
    states: Mapping[str, str]
    members: Mapping[str, int]
    """How many, by group."""

    @property
    def lag(self) -> dict[tuple[str, str, int], int | None]:
        return {key: line.lag for key, line in self.offsets.items()}


class Tools(ABC):
    """The questions that Kafka's tools answer about a running cluster; each starts a JVM (about a second)."""

    @abstractmethod
    def tool(self, main_class: str, *args: str) -> str:
        """Run a tool against this cluster, and return what it printed."""

    def under_replicated(self) -> TopicPartitions:
        return self._topics("--under-replicated-partitions")

    def under_min_isr(self) -> TopicPartitions:
        return self._topics("--under-min-isr-partitions")

    def at_min_isr(self) -> TopicPartitions:
        return self._topics("--at-min-isr-partitions")

    def unavailable(self) -> TopicPartitions:
        """Without a leader."""
        return self._topics("--unavailable-partitions")

    def describe_groups(self) -> Groups:
        """Of all groups: offsets, lag, state and the number of members."""
        offsets = self.tool("ConsumerGroupCommand", "--describe", "--all-groups", "--offsets")
        states = list(_states(self.tool("ConsumerGroupCommand", "--describe", "--all-groups", "--state")))
        return Groups(
            dict(_offsets(offsets)),
            {group: state for group, state, _ in states},
            {group: members for group, _, members in states},
        )

    def group_members(self) -> dict[str, list[str]]:
        """The ids of the consumers, by group."""
        members: dict[str, list[str]] = {}
        for row in _rows(self.tool("ConsumerGroupCommand", "--describe", "--all-groups", "--members")):
            members.setdefault(row["GROUP"], []).append(row["CONSUMER-ID"])
        return members

    def share_left(self, group: str) -> dict[tuple[str, int], tuple[int | None, int | None]]:
        """The start offset and the lag of a share group, by topic and partition; None where a dash is printed."""
        rows = _rows(self.tool("ShareGroupCommand", "--describe", "--group", group, "--offsets"))
        numbers = {(row["TOPIC"], int(row["PARTITION"])): (row["START-OFFSET"], row["LAG"]) for row in rows}
        return {at: (_number(start), _number(lag)) for at, (start, lag) in numbers.items()}

    def streams_left(self, group: str) -> dict[tuple[str, int], int | None]:
        """The lag of a streams group, by topic and partition."""
        rows = _rows(self.tool("StreamsGroupCommand", "--describe", "--group", group))
        return {(row["TOPIC"], int(row["PARTITION"])): _number(row["OFFSET-LAG"]) for row in rows}

    def modern_state(self, kind: str, group: str) -> tuple[str, int]:
        """The state of a group, and how many members it has; the kind is Share or Streams."""
        ((_, state, members),) = _states(self.tool(f"{kind}GroupCommand", "--describe", "--group", group, "--state"))
        return state, members

    def log_dirs(self) -> dict[tuple[int, str, int], int]:
        """The bytes of every replica, by broker, topic and partition."""
        said = self.tool("LogDirsCommand", "--describe")
        answer = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
        return dict(_replicas(answer))

    def add_acl(self, principal: str, operation: str, *resource: str) -> None:
        """Allow an operation, such as Describe, on a resource, such as ("--topic", "*")."""
        self.tool("AclCommand", "--add", "--allow-principal", principal, "--operation", operation, *resource)

    def _topics(self, question: str) -> TopicPartitions:
        said = self.tool("TopicCommand", "--describe", question)
        return {(topic, int(partition)) for topic, partition in _PARTITION.findall(said)}


def _rows(said: str) -> Iterator[dict[str, str]]:
    """The lines of the tables that the groups' tool prints, by the names in their headers."""
    header: list[str] = []
    for line in said.splitlines():
        words = line.split()
        if words[:1] == ["GROUP"]:
            header = words
        elif len(words) >= len(header) > 0:
            yield dict(zip(header, words, strict=False))


def _offsets(said: str) -> Iterator[tuple[tuple[str, str, int], GroupOffsets]]:
    for row in _rows(said):
        if row["PARTITION"] == "-":  # a member without partitions
            continue
        committed, end, lag = (_number(row[name]) for name in ("CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"))
        consumer = None if row["CONSUMER-ID"] == "-" else row["CONSUMER-ID"]
        yield (row["GROUP"], row["TOPIC"], int(row["PARTITION"])), GroupOffsets(committed, end, lag, consumer)


def _number(word: str) -> int | None:
    return None if word == "-" else int(word)


def _states(said: str) -> Iterator[tuple[str, str, int]]:
    """Group, state and members; the columns between them may be empty, or of several words."""
    for line in said.splitlines():
        match line.split():
            case [group, _, *_, state, members] if members.isdigit():
                yield group, state, int(members)


def _replicas(answer: Any) -> Iterator[tuple[tuple[int, str, int], int]]:
    for broker in answer["brokers"]:
        for replica in chain.from_iterable(folder["partitions"] for folder in broker["logDirs"]):
            topic, _, partition = replica["partition"].rpartition("-")
            yield (broker["broker"], topic, int(partition)), replica["size"]
