"""The commits of some groups: whose they are, of which partitions, and what an answer says of them."""

from dataclasses import dataclass, replace

import numpy as np

from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import NOT_KNOWN, Bools, Int64s
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import OFFSET_FETCH
from streamwatch.sources.kafka.layout import COMMIT, Records, Run
from streamwatch.sources.kafka.problems import refusal
from streamwatch.sources.kafka.versions import OFFSET_FETCH_OF_MANY_GROUPS


@dataclass(frozen=True, slots=True, eq=False)
class CommitBatch:
    """The commits of some groups. ``shape`` is the same object as last time where the same partitions have commits."""

    shape: "Shape"
    committed: Int64s


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Whose commits, and of which partitions: the runs name group and topic, ``partition`` each number."""

    groups: tuple[str, ...]
    """The groups that the answer is about, those without a commit too."""
    runs: tuple[Run, ...]
    partition: Int64s

    def same_as(self, other: "Shape") -> bool:
        """Whether both are about the same partitions of the same groups."""
        same_names = (self.groups, self.runs) == (other.groups, other.runs)
        return same_names and np.array_equal(self.partition, other.partition)

    def only(self, present: Bools) -> "Shape":
        """Return the shape of only these partitions."""
        starts = np.cumsum([0, *(run.count for run in self.runs)])
        counts = [int(present[start : start + run.count].sum()) for start, run in zip(starts, self.runs, strict=False)]
        runs = tuple(replace(run, count=count) for run, count in zip(self.runs, counts, strict=True) if count)
        return Shape(self.groups, runs, self.partition[present])


@dataclass(frozen=True, slots=True)
class Decoded:
    """What an answer to OffsetFetch says that was read by its message class."""

    shape: Shape
    records: Records
    moved: set[str]
    """Groups whose coordinator is another one now."""
    with_metadata: set[str]
    """Groups that commit metadata with their offsets."""
    problems: list[Problem]


def decode(version: int, body: bytes, names: tuple[str, ...], *, last_try: bool) -> Decoded:
    """Read an answer of an older version, or with errors of groups, or with commits that carry metadata.

    Args:
        version: of OffsetFetch.
        body: the answer's.
        names: the groups that were asked about.
        last_try: whether a group that has moved is refused, and not asked about again.

    """
    message, misnamed = OFFSET_FETCH.decode_names(version, body)
    is_many = version >= OFFSET_FETCH_OF_MANY_GROUPS
    answers = [(group.group_id, group) for group in message.groups] if is_many else [(names[0], message)]
    later = frozenset() if last_try else codes.MOVED_GROUP
    refused: dict[int, list[str]] = {}
    for name, group in answers:
        if group.error_code and group.error_code not in later:
            refused.setdefault(group.error_code, []).append(name)
    topics = [(name, topic) for name, group in answers if not group.error_code for topic in group.topics or ()]
    legible = [(name, topic) for name, topic in topics if topic.name not in misnamed]
    rows = [(p.partition_index, p.committed_offset, p.error_code) for _, topic in legible for p in topic.partitions]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    records = np.zeros(len(columns), dtype=COMMIT)
    records["offset"], records["error"] = columns[:, 1], columns[:, 2]
    return Decoded(
        Shape(
            tuple(name for name, group in answers if not group.error_code),
            tuple(Run(name, topic.name, 0, len(topic.partitions)) for name, topic in legible),
            columns[:, 0].copy(),
        ),
        records,
        moved={name for name, group in answers if group.error_code in later},
        with_metadata={name for name, topic in topics if any(p.metadata for p in topic.partitions)},
        problems=[
            *(_misnamed(name, topic.name) for name, topic in topics if topic.name in misnamed),
            *_refusals(refused, set(names) - {name for name, _ in answers}),
        ],
    )


def committed_offsets(records: Records, shape: Shape) -> tuple[Int64s, list[Problem]]:
    """Return the committed offsets; a partition with an error is not known, and a problem."""
    committed: Int64s = records["offset"].astype(np.int64)
    errors = records["error"].astype(np.int64)
    problems: list[Problem] = []
    if errors.any():
        committed[errors != 0] = NOT_KNOWN
        owners = np.repeat(np.arange(len(shape.runs)), [run.count for run in shape.runs])
        for code in distinct(errors[errors != 0]).tolist():
            places = np.flatnonzero(errors == code)
            run, partition = shape.runs[int(owners[places[0]])], int(shape.partition[places[0]])
            what = f"group {run.owner!r}: {run.topic}-{partition} and {len(places) - 1} others: committed offsets"
            problems.append(refusal("partition", code, f"{what}: OffsetFetch", len(places)))
    return committed, problems


def _misnamed(group: str, topic: str) -> Problem:
    return Problem("group", "misread", f"group {group!r}: OffsetFetch: commits to topic {topic}, which is no UTF-8")


def _refusals(refused: dict[int, list[str]], left_out: set[str]) -> list[Problem]:
    """Return a problem for each error code that stands for groups' commits, and for groups that have no answer."""
    problems = [
        refusal(
            "group",
            code,
            f"group {names[0]!r} and {len(names) - 1} others: their commits: OffsetFetch",
            len(names),
        )
        for code, names in refused.items()
    ]
    if left_out:
        detail = f"OffsetFetch: group {min(left_out)!r} and {len(left_out) - 1} others: left out of the answer"
        problems.append(Problem("group", "misread", detail, len(left_out)))
    return problems
