"""Groups and their time, and members as clients write them."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from streamwatch.reference.kafka.classic import ClassicGroup
from streamwatch.reference.kafka.classic_members import Who
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.groups import Groups, Limits
from streamwatch.reference.kafka.membership import ClassicGroupState, Join, Joined, Synced
from streamwatch.reference.timers import Later, Timers

T = TypeVar("T")
SESSION, REBALANCE = 10.0, 30.0
ALONE = Who("")


def answer(later: Later[T]) -> T:
    assert later.answer is not None
    return later.answer


def who(joined: Joined, instance: str | None = None) -> Who:
    return Who(joined.member_id, instance, joined.generation)


def subscription(*topics: str) -> bytes:
    names = b"".join(len(one).to_bytes(2, "big") + one.encode() for one in topics)
    return b"\0\1" + len(topics).to_bytes(4, "big") + names + b"\xff\xff\xff\xff"


class House:
    """The groups of a cluster; its group is called g."""

    def __init__(self, **limits: Any) -> None:
        self.now = 1000.0
        self.timers = Timers()
        self.groups = Groups(self.timers, dict, Limits(**limits))

    def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self.timers.next) is not None and due <= until:
            self.now = max(self.now, due)
            self.timers.run(self.now)
        self.now = until

    def join(self, member: str = "", instance: str | None = None, **changes: Any) -> Later[Joined]:
        asked: dict[str, Any] = {
            "member_id": member,
            "instance_id": instance,
            "client_id": "test",
            "host": "/127.0.0.1",
            "session_seconds": SESSION,
            "rebalance_seconds": REBALANCE,
            "protocol_type": "consumer",
            "protocols": (("range", subscription("orders")),),
            "needs_id": False,
            "knows_skip": True,
        }
        return self.groups.join("g", Join(**asked | changes), self.now)

    @property
    def group(self) -> ClassicGroup:
        found = self.groups.classic("g")
        assert found is not None
        return found

    def state(self) -> ClassicGroupState:
        return self.group.state

    def sync(self, asker: Who, **assignments: bytes) -> Later[Synced]:
        return self.groups.sync("g", asker, assignments, self.now)

    def beat(self, asker: Who) -> Code:
        return self.groups.heartbeat("g", asker, self.now)

    def alone(self, instance: str | None = None, **changes: Any) -> Joined:
        """Let one member form a stable group."""
        joined = answer(self.join(instance=instance, **changes))
        self.sync(who(joined, instance), **{joined.member_id: b"all"})
        return joined

    def pair(self, **changes: Any) -> tuple[Joined, Joined]:
        """Let two members join: the leader, and one that follows; neither has synced."""
        first = self.alone(**changes)
        second = self.join(**changes)
        return answer(self.join(first.member_id, **changes)), answer(second)


@dataclass
class Actor:
    """A member of a classic group."""

    house: House
    instance: str | None = None
    id: str = ""
    joining: Later[Joined] | None = None
    syncing: Later[Synced] | None = None
    joined: Joined | None = None
    assignment: bytes | None = None
    is_dead: bool = False
    asked: list[Later[Any]] = field(default_factory=list)

    def turn(self) -> None:
        """Do what is next."""
        if self.is_dead:
            return
        if self.joined is None and self.joining is None:
            self.joining = self.house.join(self.id, self.instance)
            self.asked.append(self.joining)
        if self.joining is not None and self.joining.done:
            self._take(answer(self.joining))
        if self.syncing is not None and self.syncing.done:
            self._got(answer(self.syncing))
        elif self.joined is not None and self.syncing is None:
            self._hear(self.house.beat(who(self.joined, self.instance)))

    def _take(self, joined: Joined) -> None:
        self.joining = None
        if joined.code is Code.NONE:
            self.id, self.joined, self.assignment = joined.member_id, joined, None
            all_of_them = {number: b"gen%d" % joined.generation for number, _, _ in joined.members}
            self.syncing = self.house.sync(who(joined, self.instance), **all_of_them)
            self.asked.append(self.syncing)
        else:
            self._forget(joined.code)

    def _got(self, synced: Synced) -> None:
        self.syncing = None
        if synced.code is Code.NONE:
            self.assignment = synced.assignment
        else:
            self._forget(synced.code)

    def _hear(self, code: Code) -> None:
        if code is not Code.NONE:
            self._forget(code)

    def _forget(self, code: Code) -> None:
        self.joined = self.assignment = None
        if code in {Code.UNKNOWN_MEMBER_ID, Code.FENCED_INSTANCE_ID}:
            self.id = ""

    def leave(self) -> None:
        """Leave as clients do when they close."""
        self.is_dead = True
        self.house.groups.leave("g", [Who(self.id, self.instance)], self.house.now)
