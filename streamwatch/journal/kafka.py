"""What became of a Kafka cluster from one read to the next."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from math import inf, isnan
from typing import Final

import numpy as np

from streamwatch.journal.entities import Facet, Unsure
from streamwatch.journal.entities import Seen as SeenEntities
from streamwatch.journal.kinds import Difference
from streamwatch.journal.positions import compare_positions, positions_of
from streamwatch.journal.seen import POSITIONS, TOPICS, Seen
from streamwatch.journal.topics import ABSENT_TOPIC, compare_topics, table_of
from streamwatch.model.kafka import Broker, ClusterSnapshot, Group

_GONE: Final = "gone"
_UP: Final = "up"
_NOTHING: Final = "0"
_SETTLED: Final = frozenset({"Stable", "Empty"})
"""States of a group in which it is between two rebalances."""
_LASTING: Final = frozenset({"denied", "unsupported", "misread"})
"""Reasons for which a group is not described at all: they say nothing of whether others are there."""
_COORDINATOR_SECONDS: Final = 10.0
"""A coordinator that takes over answers with earlier positions, until the last commits are on all replicas in sync."""
_FLAPPING_SECONDS: Final = 60.0
"""One that is another again within this time has no grace of its own: else it could last for ever."""


def _presence(name: str, before: str, after: str) -> Difference | None:
    return Difference("broker.gone" if after == _GONE else "broker.back", name, before, after)


def _reassigning(name: str, before: str, after: str) -> Difference | None:
    if before == _NOTHING:
        plural = "" if after == "1" else "s"
        return Difference("reassignment.started", name, after=f"{after} partition{plural}")
    return Difference("reassignment.ended", name) if after == _NOTHING else None


_BROKERS: Final = Facet(
    "broker.added", "", {"presence": _presence, "address": "broker.replaced", "version": "broker.version"}
)
_CLUSTER: Final = Facet(
    "", "", {"controller": "controller.moved", "version": "cluster.version", "reassigning": _reassigning}
)


def _state(name: str, before: str, after: str) -> Difference | None:
    return Difference("group.state", name, before, after)


def _members(name: str, before: str, after: str) -> Difference | None:
    """Return nothing where its state says the same: an empty group has no member."""
    return None if _NOTHING in {before, after} else Difference("group.members", name, before, after)


_GROUPS: Final = Facet(
    "group.created", "group.deleted", {"state": _state, "members": _members, "assignor": "group.assignor"}
)


def step(seen: Seen, snapshot: ClusterSnapshot, *, is_scope_new: bool) -> tuple[Seen, list[Difference]]:
    """Return what is known after a read, and what differs from before.

    Args:
        seen: what was known.
        snapshot: what was read.
        is_scope_new: whether the configuration may look at other groups now.

    """
    if snapshot.topology is None:
        return seen, []
    differences: list[Difference] = []
    known_id = (seen.entities("identity") or {}).get(snapshot.cluster, {}).get("id")
    if snapshot.cluster_id is not None and known_id != snapshot.cluster_id:
        if known_id is not None:
            differences.append(Difference("cluster.replaced", snapshot.cluster, known_id, snapshot.cluster_id))
            seen = Seen()
        seen = seen.having("identity", {snapshot.cluster: {"id": snapshot.cluster_id}})
    for each in (_cluster, _brokers, _topics, _groups):
        seen, more = each(seen, snapshot, is_scope_new)
        differences += more
    return seen, differences


def _cluster(seen: Seen, snapshot: ClusterSnapshot, _: bool) -> tuple[Seen, tuple[Difference, ...]]:  # noqa: FBT001 - as the others
    quorum = snapshot.quorum
    moving = snapshot.reassigning
    facts = {
        "controller": str(quorum.leader) if quorum is not None and quorum.leader >= 0 else None,
        "version": snapshot.metadata_version or None,
        "reassigning": None if isnan(moving) else str(int(moving)),
    }
    return seen.after("cluster", _CLUSTER, {snapshot.cluster: facts}, snapshot.taken_at)


def _brokers(seen: Seen, snapshot: ClusterSnapshot, _: bool) -> tuple[Seen, tuple[Difference, ...]]:  # noqa: FBT001 - as the others
    if snapshot.metadata_frozen:
        return seen, ()
    sure = snapshot.controllers == 1
    brokers: dict[str, dict[str, str | Unsure | None]] = {
        str(broker.id): _facts(broker, snapshot, sure=sure) for broker in snapshot.brokers
    }
    for name in (seen.entities("brokers") or {}).keys() - brokers.keys():
        brokers[name] = {"presence": Unsure(_GONE)}
    return seen.after("brokers", _BROKERS, brokers, snapshot.taken_at, lambda _: False)


def _facts(broker: Broker, snapshot: ClusterSnapshot, *, sure: bool) -> dict[str, str | Unsure | None]:
    presence: str | Unsure | None = None
    if broker.registered is False:
        presence = _GONE if sure else Unsure(_GONE)
    elif broker.up is False:
        presence = Unsure(_GONE)
    elif broker.up:
        presence = _UP
    rack = f" in {broker.rack}" if broker.rack else ""
    address = f"{broker.host}:{broker.port}{rack}" if broker.host and broker.registered else None
    return {"presence": presence, "address": address, "version": snapshot.releases.get(broker.id)}


def _topics(seen: Seen, snapshot: ClusterSnapshot, _: bool) -> tuple[Seen, tuple[Difference, ...]]:  # noqa: FBT001 - as the others
    topology, before = snapshot.topology, seen.topics
    if topology is None or snapshot.metadata_frozen:
        return seen, ()
    same = (
        topology, snapshot.min_isr, snapshot.retention_ms, snapshot.retention_bytes, snapshot.cleanup_policy,
        snapshot.reassigning == 0,
    )  # fmt: skip
    missing = seen.pending.get(TOPICS, {})
    if not missing and len(same) == len(seen.same) and all(a is b for a, b in zip(same, seen.same, strict=True)):
        return seen, ()
    now = table_of(snapshot, topology)
    if before is None:
        return replace(seen.having(TOPICS, now), same=same), ()
    found = compare_topics(
        before, now, {name: at for (name, _), (_, at) in missing.items()}, snapshot.taken_at, snapshot.cluster,
        is_whole=not snapshot.lacks_topics,
    )  # fmt: skip
    waiting = {(name, ABSENT_TOPIC): (ABSENT_TOPIC, at) for name, at in found.missing.items()}
    table = before if found.is_same else found.table
    seen = replace(seen.having(TOPICS, table, waiting), same=same)
    return _without_positions(seen, found.recreated), found.differences


def _without_positions(seen: Seen, recreated: frozenset[str]) -> Seen:
    """Forget positions in topics that are others now."""
    table = seen.positions
    if table is None or not recreated:
        return seen
    which = np.array([name in recreated for name in table.topics] or [False], dtype=bool)
    return seen.having(POSITIONS, table.without(which[table.topic]), seen.pending.get(POSITIONS))


def _groups(seen: Seen, snapshot: ClusterSnapshot, is_scope_new: bool) -> tuple[Seen, tuple[Difference, ...]]:  # noqa: FBT001 - as the others
    if not snapshot.groups_complete and not snapshot.groups.groups:
        return seen, ()
    is_whole = shows_all_groups(snapshot)
    # Of many groups some always move: where the source still looks for these, what is known of others does not wait.
    is_known = is_whole or (snapshot.groups_complete and bool(snapshot.sought_groups))
    if seen.entities("groups") is None and not is_known:
        return seen, ()
    sought: SeenEntities = {name: {} for name in snapshot.sought_groups}
    entities: SeenEntities = {**sought, **{group.name: dict(_group_facts(group)) for group in snapshot.groups.groups}}
    # A configuration that looks at other groups may have begun a source anew, which looks for none of before.
    knows_gone = is_whole or (is_known and not is_scope_new)
    at = snapshot.taken_at
    after, differences = seen.after("groups", _GROUPS, entities, at, lambda _: knows_gone, is_scope_new=is_scope_new)
    there = after.entities("groups") or {}
    before, now = seen.positions, positions_of(snapshot, seen.positions)
    empty = frozenset(group.name for group in snapshot.groups.groups if group.state == "Empty" and group.members == 0)
    coordinators = _coordinators(seen, snapshot, there)
    if before is None:
        return replace(after.having(POSITIONS, now), still=frozenset(), coordinators=coordinators), differences
    now = now.filled(before, there.keys() - _answered(snapshot))
    now = now.held(before, {name for name, (_, since) in coordinators.items() if _is_taking_over(since, at)})
    moves, moved = compare_positions(before, now, seen.still & empty)
    after = replace(after.having(POSITIONS, now), still=empty - moved, coordinators=coordinators)
    return after, (*differences, *moves)


def _coordinators(seen: Seen, snapshot: ClusterSnapshot, there: Collection[str]) -> dict[str, tuple[int, float]]:
    """Return who coordinates each group, and since when; one that changes again within a minute begins nothing.

    Args:
        seen: what was known.
        snapshot: what was read.
        there: the groups that are not gone.

    """
    found = {name: known for name, known in seen.coordinators.items() if name in there}
    for group in snapshot.groups.groups:
        before, since = seen.coordinators.get(group.name, (group.coordinator, -inf))
        is_new = before != group.coordinator and not 0 <= snapshot.taken_at - since < _FLAPPING_SECONDS
        found[group.name] = group.coordinator, snapshot.taken_at if is_new else since
    return found


def _is_taking_over(since: float, at: float) -> bool:
    return since <= at < since + _COORDINATOR_SECONDS


def shows_all_groups(snapshot: ClusterSnapshot) -> bool:
    """Say whether a read shows every group that there is."""
    return snapshot.groups_complete and not any(
        problem.scope == "group" and problem.reason not in _LASTING for problem in snapshot.problems
    )


def _answered(snapshot: ClusterSnapshot) -> set[str]:
    """Return the groups of which every position is known."""
    keys = snapshot.commits
    return {group.name for group, is_known in zip(keys.table.groups, keys.answered, strict=False) if is_known}


def _group_facts(group: Group) -> Iterator[tuple[str, str]]:
    """Yield what is known of a group that does not rebalance."""
    if group.state not in _SETTLED:
        return
    yield "state", group.state
    if group.members is not None:
        yield "members", str(group.members)
    if group.assignor and group.state == "Stable":
        yield "assignor", group.assignor
