"""What reads of streams and of their readers show to have changed."""

from dataclasses import replace
from typing import Any

import pytest

from streamwatch.journal.kinds import Difference
from streamwatch.journal.readers import step_readers
from streamwatch.journal.seen import Seen, packed, unpacked
from streamwatch.journal.streams import step_streams
from streamwatch.model.journal_entry import labels_of
from streamwatch.model.kinesis import Description, Shard, Stream, StreamsSnapshot
from streamwatch.model.reader import Assignment, Position, Reader, ReadersSnapshot, RetryPolicy, Work
from streamwatch.model.snapshot import Problem

PLAIN = Description("ACTIVE", "PROVISIONED", 86_400.0, 2, (Shard("shardId-0", 0, 1, is_open=True),), (), frozenset())
PROBLEM = Problem("region", "throttled", "")


def stream(name: str = "clicks", region: str = "eu-west-1", **facts: Any) -> Stream:
    return Stream("1", region, name, replace(PLAIN, **facts))


def read(*streams: Stream, regions: tuple[str, ...] = ()) -> StreamsSnapshot:
    return StreamsSnapshot(
        source="mine", taken_at=1.0, read_seconds=0.1, streams=streams, without=dict.fromkeys(regions, 0)
    )


def differences(step: Any, *reads: Any) -> list[Difference]:
    seen, found = Seen(), []
    for each in reads:
        seen, more = step(seen, each, is_scope_new=False)
        found += more
        seen = replace(seen, parts={name: unpacked(name, packed(part)) for name, part in seen.parts.items()})
    return found


def shards(*ids: int) -> tuple[Shard, ...]:
    return tuple(Shard(f"shardId-{number}", 0, 1, is_open=True) for number in ids)


NOTHING = replace(read(), streams=None)
CLICKS = "clicks in eu-west-1"
TABLE: list[tuple[str, list[StreamsSnapshot], list[tuple[str, str]]]] = [
    ("a first read", [read(stream())], []),
    ("nothing", [read(stream())] * 3, []),
    ("made", [read(regions=("eu-west-1",)), read(stream())], [("stream.created", CLICKS)]),
    ("deleted", [read(stream()), *[read(regions=("eu-west-1",))] * 3], [("stream.deleted", CLICKS)]),
    ("its region was not read", [read(stream()), *[read(regions=("us-east-1",))] * 3, read(stream())], []),
    ("no region was read", [read(stream()), *[NOTHING] * 3, read(stream())], []),
    (
        "a region is read for the first time",
        [read(stream()), read(stream(), stream("other", "us-east-1")), read(stream(), stream("other", "us-east-1"))],
        [],
    ),
    ("mode", [read(stream()), read(stream(mode="ON_DEMAND"))], [("stream.mode", CLICKS)]),
    ("retention", [read(stream()), read(stream(retention_seconds=172_800.0))], [("stream.retention", CLICKS)]),
    ("consumers", [read(stream()), read(stream(consumers=("a",)))], [("stream.consumers", CLICKS)]),
    ("consumers that could not be listed", [read(stream()), read(stream(consumers=None)), read(stream())], []),
    (
        "monitoring",
        [read(stream()), read(stream(watched=frozenset({"IncomingBytes"})))],
        [("stream.monitoring", CLICKS)],
    ),
    ("shards", [read(stream()), read(stream(shards=shards(1, 2)))], [("stream.shards", CLICKS)]),
    (
        "shards while they are split",
        [read(stream()), read(stream(shards=shards(0, 1, 2), status="UPDATING")), read(stream(shards=shards(1, 2)))],
        [("stream.shards", CLICKS)],
    ),
    ("not described", [read(stream()), read(Stream("1", "eu-west-1", "clicks", None)), read(stream())], []),
]


@pytest.mark.parametrize(("reads", "wanted"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_streams(reads: list[StreamsSnapshot], wanted: list[tuple[str, str]]) -> None:
    seen, found = Seen(), []
    for each in reads:
        seen, more = step_streams(seen, each, is_scope_new=False)
        found += [(one.kind, one.subject) for one in more]
    assert found == wanted


def test_shards_are_counted_and_named() -> None:
    [found] = differences(step_streams, read(stream()), read(stream(shards=shards(*range(1, 9)))))

    assert (found.before, found.after) == ("1 open shard (0)", "8 open shards (1, 2, 3, 4, 5, 6 ...)")


def reader(**facts: Any) -> Reader:
    plain: dict[str, Any] = {
        "kind": "lambda", "name": "m1", "owner": "f", "account": "1", "region": "eu-west-1", "stream": "clicks",
        "state": "running", "reason": "", "positions": (),
    }  # fmt: skip
    return Reader(**plain | facts)


def readers(*some: Reader, problems: tuple[Problem, ...] = ()) -> ReadersSnapshot:
    return ReadersSnapshot(source="mine/lambda", taken_at=1.0, read_seconds=0.1, readers=some, problems=problems)


def by(*workers: str) -> Reader:
    """Return a reader whose shards these workers read."""
    held = Assignment(
        renewed=1, not_renewed=0, free=0, finished=0, zombies=0, holes=(), contended=0, owner_changes=0,
        workers=len(workers), has_leader=None,
    )  # fmt: skip
    positions = tuple(
        Position(part=str(i), worker=one, method="idle", lag_seconds=0.0, bound_seconds=0.0)
        for i, one in enumerate(workers)
    )
    return reader(kind="kcl", name="app", assignment=held, positions=positions)


RETRIES = RetryPolicy(attempts=3, record_age_seconds=None, bisects=False, destination="")
M1 = "lambda m1 in eu-west-1"
APP = "kcl app of clicks in eu-west-1"
NAMELESS = reader(kind="kcl", name="app", stream=None)


def later(seconds: float, *some: Reader) -> ReadersSnapshot:
    return replace(readers(*some), taken_at=1.0 + seconds)


READERS: list[tuple[str, list[ReadersSnapshot], list[tuple[str, str]]]] = [
    ("a first read", [readers(reader())], []),
    ("new", [readers(), readers(reader())], [("reader.created", M1)]),
    ("gone", [readers(reader()), readers(), readers(), readers()], [("reader.deleted", M1)]),
    ("not everything was read", [readers(reader()), *[readers(problems=(PROBLEM,))] * 3, readers(reader())], []),
    ("it fails", [readers(reader()), readers(reader(state="failing")), readers(reader(state="stopped"))], []),
    ("disabled", [readers(reader()), readers(reader(state="disabled"))], [("reader.state", M1)]),
    (
        "it changes, and is as before",
        [readers(reader()), readers(reader(state="changing", stream=None)), readers(reader())],
        [],
    ),
    (
        "retries",
        [readers(reader(retries=RETRIES)), readers(reader(retries=replace(RETRIES, attempts=5)))],
        [("reader.settings", M1)],
    ),
    (
        "buffer",
        [readers(reader(work=Work(buffer_seconds=60.0))), readers(reader(work=Work(buffer_seconds=300.0)))],
        [("reader.settings", M1)],
    ),
    ("what it reads", [readers(reader()), readers(reader(stream="other"))], [("reader.settings", M1)]),
    ("owners", [readers(by("a", "b")), readers(by("b", "c"))], [("reader.owners", APP)]),
    ("nobody owns it", [readers(by("a")), readers(by())], [("reader.owners", APP)]),
    ("a first read does not know an application's stream", [readers(NAMELESS), readers(by("a"))], []),
    ("after a restart it is not known either", [readers(by("a")), *[readers(NAMELESS)] * 3, readers(by("a"))], []),
    ("an application is new", [readers(), readers(NAMELESS), readers(by("a"))], [("reader.created", APP)]),
    (
        "one of two is new",
        [
            readers(NAMELESS),
            readers(NAMELESS, reader(kind="kcl", name="b", stream=None)),
            readers(by("a"), reader(kind="kcl", name="b")),
        ],
        [("reader.created", "kcl b of clicks in eu-west-1")],
    ),
    ("an application is gone", [readers(by("a")), readers(NAMELESS), *[readers()] * 2], [("reader.deleted", APP)]),
    (
        "an application never has a stream",
        [readers(), later(0, NAMELESS), later(500, NAMELESS), later(700, NAMELESS), later(800, NAMELESS)],
        [("reader.created", "kcl app in eu-west-1")],
    ),
    (
        "its stream is known after long",
        [
            readers(),
            later(0, NAMELESS),
            later(700, NAMELESS),
            later(800, by("a")),
            later(900, by("a")),
            later(1000, by("a")),
        ],
        [("reader.created", "kcl app in eu-west-1")],
    ),
    (
        "of two streams one is not known any more for a while",
        [
            readers(by("a"), replace(by("b"), stream="orders")),
            *[readers(by("a"), NAMELESS)] * 3,
            readers(by("a"), replace(by("b"), stream="orders")),
        ],
        [],
    ),
    ("workers are not known yet", [readers(by("a")), readers(replace(by(), assignment=None)), readers(by("a"))], []),
]


@pytest.mark.parametrize(("reads", "wanted"), [row[1:] for row in READERS], ids=[row[0] for row in READERS])
def test_readers(reads: list[ReadersSnapshot], wanted: list[tuple[str, str]]) -> None:
    seen, found = Seen(), []
    for each in reads:
        seen, more = step_readers(seen, each, is_scope_new=False)
        found += [(one.kind, one.subject) for one in more]
    assert found == wanted


@pytest.mark.parametrize(
    "of",
    [
        {"kind": "kcl", "reader": "app", "stream": "clicks", "aws_region": "eu-west-1"},
        {"kind": "lambda", "reader": "charge:live/fan", "aws_region": "eu-west-1"},
        {"kind": "redshift", "reader": "shop.out of stock in eu", "aws_region": "eu-west-1"},
    ],
    ids=lambda of: " ".join(of.values()),
)
def test_the_subject_of_a_reader_says_its_labels(of: dict[str, str]) -> None:
    one = reader(kind=of["kind"], name=of["reader"], region=of["aws_region"], stream=of.get("stream", "clicks"))
    [created] = differences(step_readers, readers(), readers(one))
    assert labels_of(created.kind, created.subject) == of
