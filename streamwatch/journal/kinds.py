"""The kinds of changes: what each is called, its sentence, and which come again and again."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from streamwatch.core.words import counted
from streamwatch.model.journal_entry import JournalEntry


@dataclass(frozen=True, slots=True)
class ChangeKind:
    """One kind of changes."""

    name: str
    sentence: str
    """With the places ``{subject}``, ``{before}`` and ``{after}``."""
    joins: bool = False
    """Whether changes of one subject that follow each other within a while are joined in one."""
    is_slow: bool = False
    """Whether it is asked for less often than its source is read: the read before may not have asked."""

    @property
    def is_from_to(self) -> bool:
        """Whether it says what something was before; else what it says of several is of each by itself."""
        return "{before}" in self.sentence


@dataclass(frozen=True, slots=True)
class Difference:
    """A change without its source and its times, as a comparison returns it."""

    kind: str
    subject: str
    before: str = ""
    after: str = ""
    at: float | None = None
    """When it was seen first, where that was not in the read that is compared."""


KINDS: Final = {
    kind.name: kind
    for kind in (
        ChangeKind("topic.created", "topic {subject} was created, with {after}"),
        ChangeKind("topic.deleted", "topic {subject} was deleted; it had {before}"),
        ChangeKind("topic.recreated", "topic {subject} was deleted and created again, with {after}"),
        ChangeKind("topic.partitions", "topic {subject} has {after} instead of {before}"),
        ChangeKind("topic.settings", "topic {subject} has {after} instead of {before}", is_slow=True),
        ChangeKind("topic.replicas", "replicas of topic {subject} are on other brokers, in {after}"),
        ChangeKind("leaders.moved", "leaders in {subject} moved: {after}"),
        ChangeKind("broker.added", "broker {subject} is new"),
        ChangeKind("broker.gone", "broker {subject} is gone"),
        ChangeKind("broker.back", "broker {subject} is back"),
        ChangeKind("broker.replaced", "broker {subject} is at {after} instead of {before}"),
        ChangeKind("broker.version", "broker {subject} runs Kafka {after} instead of {before}"),
        ChangeKind("controller.moved", "the active controller of {subject} is {after} instead of {before}"),
        ChangeKind("cluster.version", "the metadata version of {subject} is {after} instead of {before}", is_slow=True),
        ChangeKind("cluster.replaced", "{subject} is another cluster: its id is {after} instead of {before}"),
        ChangeKind("reassignment.started", "a reassignment began in {subject}: {after}"),
        ChangeKind("reassignment.ended", "the reassignment in {subject} ended"),
        ChangeKind("group.created", "group {subject} is new"),
        ChangeKind("group.deleted", "group {subject} was deleted, or expired"),
        ChangeKind("group.state", "group {subject} is {after} instead of {before}", joins=True),
        ChangeKind("group.members", "group {subject} has {after} members instead of {before}", joins=True),
        ChangeKind("group.assignor", "group {subject} assigns by {after} instead of {before}"),
        ChangeKind("group.set_back", "positions of group {subject} were set back: {after}", joins=True),
        ChangeKind(
            "group.set_forward", "positions of group {subject} moved forward without a member: {after}", joins=True
        ),
        ChangeKind("stream.created", "stream {subject} was created"),
        ChangeKind("stream.deleted", "stream {subject} was deleted"),
        ChangeKind("stream.shards", "stream {subject} has {after} instead of {before}", is_slow=True),
        ChangeKind("stream.mode", "stream {subject} is {after} instead of {before}", is_slow=True),
        ChangeKind("stream.retention", "stream {subject} keeps records for {after} instead of {before}", is_slow=True),
        ChangeKind(
            "stream.consumers",
            "stream {subject} has the registered consumers {after} instead of {before}",
            is_slow=True,
        ),
        ChangeKind(
            "stream.monitoring",
            "stream {subject} has the shard-level metrics {after} instead of {before}",
            is_slow=True,
        ),
        ChangeKind("reader.created", "reader {subject} is new"),
        ChangeKind("reader.deleted", "reader {subject} is not there any more"),
        ChangeKind("reader.state", "reader {subject} is {after} instead of {before}", joins=True),
        ChangeKind("reader.settings", "reader {subject} has {after} instead of {before}"),
        ChangeKind("reader.owners", "reader {subject} runs on {after} instead of {before}", joins=True),
        ChangeKind("agent.started", "StreamWatch {after} started; {before}"),
        ChangeKind("agent.configuration", "StreamWatch has another configuration: {after}"),
        ChangeKind("silence.created", "silence {subject} was made: {after}"),
        ChangeKind("silence.changed", "silence {subject} holds {after} instead of {before}"),
        ChangeKind("silence.ended", "silence {subject} was ended by hand; it held {before}"),
    )
}

_MOVED: Final = re.compile(r"by (\d+) records?\b")
_MOST_ALIKE: Final = 20
"""So many changes of one kind in one read are one entry each; more are one entry together."""
_MOST_NAMES: Final = 5


def moved(records: int, partitions: int, where: str) -> str:
    """Return by how much positions moved, as ``moved_by`` reads it: ``by 90 records in 1 partition of topic a``."""
    return f"by {records} {'record' if records == 1 else 'records'} in {counted(partitions, 'partition')} of {where}"


def moved_by(text: str) -> int:
    """Return by how many records positions moved, of what ``moved`` said; 0 where a text is none of its."""
    found = _MOVED.match(text)
    return 0 if found is None else int(found[1])


def sentence(kind: str, subject: str, before: str, after: str) -> str:
    """Return the sentence of a change."""
    return KINDS[kind].sentence.format(subject=subject, before=before or "none", after=after or "none")


def changes(
    differences: Iterable[Difference], source: str, at: float, since: float, slow_seconds: float = 0.0
) -> list[JournalEntry]:
    """Return the changes that the differences are; many alike in one read are one.

    Args:
        differences: what a comparison found.
        source: whose they are.
        at: when the read began that showed them.
        since: when the read before it began.
        slow_seconds: how old what is asked for less often may be.

    """
    by_kind: dict[str, list[Difference]] = {}
    for difference in differences:
        by_kind.setdefault(difference.kind, []).append(difference)
    found: list[JournalEntry] = []
    for kind, alike in by_kind.items():
        earlier = min(since, at - slow_seconds) if KINDS[kind].is_slow else since
        if len(alike) > _MOST_ALIKE:
            found.append(_together(kind, alike, source, at, earlier))
            continue
        for each in alike:
            seen = at if each.at is None else each.at
            found.append(
                JournalEntry(
                    at=seen, since=min(earlier, seen), source=source, kind=kind, subject=each.subject,
                    sentence=sentence(kind, each.subject, each.before, each.after), before=each.before,
                    after=each.after, until=seen,
                )
            )  # fmt: skip
    return found


def _together(kind: str, alike: list[Difference], source: str, at: float, since: float) -> JournalEntry:
    """Return one change for many of a kind: what was done to a hundred topics at once is one thing to read."""
    names = sorted(each.subject for each in alike)
    listed = ", ".join(names[:_MOST_NAMES]) + f" and {len(names) - _MOST_NAMES} more"
    first = min(alike, key=lambda each: each.subject)
    text = sentence(kind, first.subject, first.before, first.after)
    text = f"{text}; the same, or alike, of {len(alike)} at once: {listed}"
    return JournalEntry(
        at=at, since=since, source=source, kind=kind, subject=listed, sentence=text, until=at, count=len(alike)
    )  # fmt: skip
