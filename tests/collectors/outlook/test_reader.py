"""May a member or a worker be restarted: only where another one goes on."""

from dataclasses import replace
from typing import Any

import pytest

from streamwatch.collectors.outlook.reader import may_restart_reader
from streamwatch.collectors.outlook.verdict import LastRead
from streamwatch.model.reader import Assignment, Reader, ReadersSnapshot
from tests.snapshots import group, snapshot


def readers(workers: int | None = 2, **facts: Any) -> ReadersSnapshot:
    about = Assignment(
        renewed=4, not_renewed=0, free=0, finished=0, zombies=0, holes=(), contended=0, owner_changes=0,
        workers=workers, has_leader=None,
    )  # fmt: skip
    plain: dict[str, Any] = {
        "kind": "kcl", "name": "billing", "owner": "billing", "account": "1", "region": "eu-west-1",
        "stream": "orders", "state": "running", "reason": "", "positions": (), "assignment": about,
    }  # fmt: skip
    return ReadersSnapshot(source="aws/kcl", taken_at=1000.0, read_seconds=0.1, readers=(Reader(**(plain | facts)),))


def ask(name: str, *some: Any, now: float = 1001.0, after: float = 0.0) -> list[tuple[bool, str]]:
    reads = [LastRead(source=f"source{i}", snapshot=one, interval=15.0) for i, one in enumerate(some)]
    found = may_restart_reader(name, reads, now, after)
    assert found.may is not bool(found.objections)
    return [(one.is_unknown, one.text) for one in found.objections]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"members": 2}, []),
        ({"members": 1}, [(False, "group billing of source0 has no other member")]),
        ({"members": None}, [(True, "how many members group billing of source0 has is not known")]),
        (
            {"members": 3, "state": "PreparingRebalance"},
            [(False, "group billing of source0 is not stable: PreparingRebalance")],
        ),
        (
            {"members": 0, "state": "Empty"},
            [(False, "group billing of source0 has no members: nobody would go on")],
        ),
    ],
)
def test_a_group(facts: dict[str, Any], expected: list[tuple[bool, str]]) -> None:
    assert ask("billing", snapshot({}, groups=[group("billing", **facts)])) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (readers(), []),
        (readers(1), [(False, "kcl billing of orders has no other worker that renews leases")]),
        (readers(None), [(True, "how many workers kcl billing of orders has is not known")]),
        (
            readers(state="partly", reason="a lease is free"),
            [(False, "kcl billing of orders is partly: a lease is free")],
        ),
        (
            readers(kind="msk_replicator", stream="", topics=".*", assignment=None),
            [(True, "how many workers msk_replicator billing of all topics has is not known")],
        ),
        (readers(state="unknown"), [(True, "how kcl billing of orders is, is not known")]),
        (
            readers(kind="lambda", assignment=None),
            [(True, "how many workers lambda billing of orders has is not known")],
        ),
    ],
)
def test_an_application(now: ReadersSnapshot, expected: list[tuple[bool, str]]) -> None:
    assert ask("billing", now) == expected


def test_several_of_one_name_must_all_go_on() -> None:
    assert ask("billing", snapshot({}, groups=[group("billing", members=2)]), readers(1)) == [
        (False, "kcl billing of orders has no other worker that renews leases")
    ]


def test_a_source_that_knows_another_name_need_not_be_new_but_one_that_is_not_read_may_know_it() -> None:
    other = readers(name="other", owner="other")
    assert ask("billing", replace(other, taken_at=1.0), snapshot({}, groups=[group("billing", members=2)])) == []
    assert ask("billing", readers(), None) == [(True, "source1: the first read has not ended yet")]
    assert ask("billing", readers(), replace(other, readers=None)) == [(True, "source1: it cannot be read")]


def test_what_nobody_knows_and_what_is_old() -> None:
    assert ask("other", readers()) == [(True, "no group, application, function or connector 'other' is known")]
    assert ask("billing", readers(), now=1100.0) == [
        (True, "source0: the last read began 100 s ago: it is too old to rely on")
    ]
    assert ask("billing", readers(), after=1000.5) == [
        (True, "source0: no read that began after the question has ended yet")
    ]
