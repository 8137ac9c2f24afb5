"""Questions about groups and what they committed."""

from typing import Any, Final

from tests.real.asking import NO_ID, Asker

_TOPIC, _NOTHING, _GROUP, _NOBODY = "asked.read", "asked.nothing", "asked-readers", "asked-nobody"
_EVERYTHING: Final = None

Rows = tuple[tuple[str, int, int], ...]
"""Topic, partition, offset."""


def committing(ask: Asker) -> None:
    """Committed offsets, of members and of nobody; groups listed, described, deleted."""
    ask.make(_TOPIC, [1, 2], [1, 3])
    at, elsewhere = ask.coordinator(_GROUP), ask.coordinator(_NOBODY)

    def commit(what: str, *rows: tuple[str, int, int], member: str = "", generation: int = -1) -> None:
        who: Any = {"group_id": _GROUP, "member_id": member, "generation_id_or_member_epoch": generation}
        ask(what, 8, 8, at=at, group_instance_id=None, topics=[_committed(*row) for row in rows], **who)

    def fetch(what: str, *groups: Any, stable: bool = False) -> None:
        ask(what, 9, 9, at=at, groups=[_fetched(one) for one in groups], require_stable=stable)

    some = [(_TOPIC, [0, 1, 7]), (_NOTHING, [0])]
    fetch("of a group that is not there", _EVERYTHING, some)
    commit("first", (_TOPIC, 0, 5))
    commit("of what is not there", (_TOPIC, 7, 5), (_NOTHING, 0, 5))
    commit("below zero", (_TOPIC, 1, -3))
    commit("by a stranger", (_TOPIC, 0, 6), member="x", generation=1)
    commit("by a stranger without a generation", (_TOPIC, 0, 6), member="x")
    fetch("of everything", _EVERYTHING)
    fetch("of some", some)
    fetch("stable", [(_TOPIC, [0])], stable=True)
    for name, where in ((_GROUP, at), (_NOBODY, elsewhere)):
        ask(f"{name} described", 15, 6, at=where, groups=[name], include_authorized_operations=True)
        ask(f"{name} described, as before 3.9", 15, 5, at=where, groups=[name], include_authorized_operations=False)
        ask(f"{name} described elsewhere", 15, 6, at=where % 3 + 1, groups=[name], include_authorized_operations=False)
        ask(f"{name} as the other kind", 69, 1, at=where, group_ids=[name], include_authorized_operations=True)
    ask("no name as the other kind", 69, 1, at=at, group_ids=[""], include_authorized_operations=True)
    _list(ask, at)
    topics = [
        {"name": _TOPIC, "partitions": [{"partition_index": 1}, {"partition_index": 7}]},
        {"name": _NOTHING, "partitions": [{"partition_index": 0}]},
    ]
    ask("offsets deleted", 47, 0, at=at, group_id=_GROUP, topics=topics)
    ask("offsets deleted of nobody", 47, 0, at=elsewhere, group_id=_NOBODY, topics=topics)
    ask.raw(1, 20, 6, topics=[{"name": _TOPIC, "topic_id": NO_ID}], topic_names=[], timeout_ms=10_000)
    group = _fetched(_EVERYTHING)
    ask.until(lambda answer: not answer["groups"][0]["topics"], 9, 9, at=at, groups=[group], require_stable=False)
    fetch("after the topic was deleted", _EVERYTHING, [(_TOPIC, [0])])
    ask("the group after that", 15, 6, at=at, groups=[_GROUP], include_authorized_operations=False)
    ask.make(_TOPIC, [1, 2])
    fetch("after it was made anew", [(_TOPIC, [0])])
    commit("once more", (_TOPIC, 0, 1))
    ask("deleted twice", 42, 2, at=at, groups_names=[_GROUP, _GROUP])
    ask("deleted once more", 42, 2, at=at, groups_names=[_GROUP])
    ask("nobody deleted", 42, 2, at=elsewhere, groups_names=[_NOBODY])


def _committed(topic: str, index: int, offset: int) -> dict[str, Any]:
    row = {"partition_index": index, "committed_offset": offset, "committed_leader_epoch": -1, "committed_metadata": ""}
    return {"name": topic, "partitions": [row]}


def _fetched(topics: list[tuple[str, list[int]]] | None) -> dict[str, Any]:
    named = None if topics is None else [{"name": name, "partition_indexes": indexes} for name, indexes in topics]
    return {"group_id": _GROUP, "member_id": None, "member_epoch": -1, "topics": named}


def _list(ask: Asker, at: int) -> None:
    """Keep how the group is listed, with filters that fit and that do not."""
    for states, types in (
        ([], []),
        (["Empty"], []),
        (["Stable"], []),
        (["empty"], ["Classic"]),
        (["Nonsense"], []),
        ([], ["consumer"]),
        ([], ["Nonsense"]),
    ):
        answer = ask.raw(at, 16, 5, states_filter=states, types_filter=types)
        mine = [one for one in answer["groups"] if one["group_id"] == _GROUP]
        ask.note(f"listed {states} {types}", (answer["error_code"], mine))
