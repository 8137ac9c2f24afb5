"""Named stories to rehearse: what happens when, and what should be seen.

A story is played against a reference cluster under the load of ``load.py``: topics ``orders``, ``payments`` and
``clicks``, each read by a group called ``<topic>-readers``. Times are seconds from its start.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True)
class ScenarioStep:
    """One thing that happens: a fault of the cluster or of the cloud, or an order to the load of one of them."""

    at: float
    announcement: str
    """What a person reads before it happens."""
    name: str
    """Of the fault, or of the order."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    on: Literal["cluster", "load", "cloud", "streams"] = "cluster"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story."""

    name: str
    description: str
    seen: str
    """What should be seen, and by when."""
    steps: tuple[ScenarioStep, ...]
    brokers: int = 3
    after: float = 15.0
    """Seconds to go on after the last step."""

    @property
    def seconds(self) -> float:
        """How long it takes, with some calm at the end."""
        return max((step.at for step in self.steps), default=0.0) + self.after


def _load(at: float, announcement: str, name: str, **parameters: object) -> ScenarioStep:
    return ScenarioStep(at, announcement, name, parameters, "load")


def _fault(at: float, announcement: str, name: str, **parameters: object) -> ScenarioStep:
    return ScenarioStep(at, announcement, name, parameters)


_ALL: Final = (
    Scenario(
        "healthy",
        "Nothing happens.",
        "Every broker is up, nothing is under-replicated, lag stays small.",
        (),
    ),
    Scenario(
        "broker_down",
        "A broker dies, and comes back.",
        "The broker is down within a second; its partitions are under-replicated when its session ends; all is well "
        "a few seconds after its return.",
        (
            _fault(5, "broker 2 dies (kill -9)", "stop", broker=2),
            _fault(25, "broker 2 is started again", "start", broker=2),
        ),
    ),
    Scenario(
        "rolling_restart",
        "Each broker in turn is shut down properly and started again.",
        "One broker at a time is down and its partitions are under-replicated, none is ever offline, and no record "
        "is lost.",
        tuple(
            step
            for i, broker in enumerate((1, 2, 3))
            for step in (
                _fault(5 + 10 * i, f"broker {broker} is shut down", "stop", broker=broker, gracefully=True),
                _fault(10 + 10 * i, f"broker {broker} is started", "start", broker=broker),
            )
        ),
    ),
    Scenario(
        "controller_lost",
        "All controllers die, then a broker; the controllers come back.",
        "There is no active controller; the broker is down at once, and its partitions keep their dead leader until "
        "a controller is back.",
        (
            _fault(5, "all controllers die", "lose_controller"),
            _fault(12, "broker 3 dies: nobody elects new leaders", "stop", broker=3),
            _fault(27, "the controllers are back", "restore_controller"),
            _fault(42, "broker 3 is started again", "start", broker=3),
        ),
    ),
    Scenario(
        "disk_filling",
        "Something fills the disk of a broker until its log directory goes offline.",
        "The share of the disk in use climbs to 1; then the broker shuts down, for it has no other directory.",
        (
            _fault(5, "the disk of broker 2 fills up", "fill_disk", broker=2, to=1.0, within=20.0),
            _fault(35, "there is room again", "free_disk", broker=2),
            _fault(36, "everything is mended", "heal"),
        ),
    ),
    Scenario(
        "slow_broker",
        "A broker becomes slow, but does not die.",
        "Requests to the broker take longer; nothing else changes, for it keeps its leaders.",
        (
            _fault(5, "broker 1 takes 0.1 s longer for everything", "slow", broker=1, by=0.1),
            _fault(30, "broker 1 is as quick as before", "slow", broker=1, by=0.0),
        ),
    ),
    Scenario(
        "isr_flapping",
        "The network between two brokers comes and goes.",
        "Partitions become under-replicated and recover, again and again.",
        tuple(
            step
            for i in range(3)
            for step in (
                _fault(5 + 16 * i, "broker 3 does not reach broker 1", "lossy_link", follower=3, leader=1, loss=1.0),
                _fault(15 + 16 * i, "broker 3 reaches broker 1", "lossy_link", follower=3, leader=1, loss=0.0),
            )
        ),
    ),
    Scenario(
        "slow_consumer",
        "A group reads more slowly than is produced.",
        "The lag of the group climbs, in records and in seconds; then it falls again.",
        (
            _load(5, "orders-readers take 200 ms a record", "pace", group="orders-readers", seconds=0.2),
            _load(35, "orders-readers are quick again", "pace", group="orders-readers", seconds=0.0),
        ),
    ),
    Scenario(
        "stuck_consumer",
        "The members of a group are alive, but read nothing.",
        "The group is stable and has its members, while its lag climbs and its commits stand still.",
        (
            _fault(5, "orders-readers read nothing", "stall_group", group="orders-readers"),
            _fault(35, "orders-readers read again", "stall_group", group="orders-readers", on=False),
        ),
    ),
    Scenario(
        "rewound_group",
        "Somebody sets a group's offsets back while it is stopped.",
        "The committed offsets jump back, and the lag jumps up; the group catches up.",
        (
            _load(5, "orders-readers are stopped", "members", group="orders-readers", count=0),
            _fault(12, "their offsets are set back by 1000", "rewind_group", group="orders-readers", by=1000),
            _load(25, "orders-readers are started", "members", group="orders-readers", count=2),
        ),
    ),
    Scenario(
        "too_many_consumers",
        "A group has more members than its topic has partitions.",
        "Some members have nothing to do.",
        (
            _load(5, "orders-readers are ten now", "members", group="orders-readers", count=10),
            _load(40, "orders-readers are two again", "members", group="orders-readers", count=2),
        ),
    ),
    Scenario(
        "idle_partitions",
        "Producers write to one partition only.",
        "The end offsets of the other partitions stand still.",
        (
            _load(5, "orders go to partition 0 only", "only", topic="orders", partition=0),
            _load(30, "orders go everywhere", "only", topic="orders", partition=None),
        ),
    ),
    Scenario(
        "hot_partition",
        "One partition gets ten times as much as the others.",
        "The produce rate and the size of one partition, and its lag, leave the others behind.",
        (
            _load(5, "partition 0 of clicks gets ten times as much", "hot", topic="clicks", partition=0, times=10),
            _load(35, "clicks are even again", "hot", topic="clicks", partition=None, times=1),
        ),
    ),
    Scenario(
        "reassignment",
        "Replicas are moved between brokers over a slow link.",
        "Partitions are being reassigned, and are under-replicated until the new replicas have caught up.",
        (_fault(5, "orders-0 moves to other brokers", "move", topic="orders", partition=0, bytes_per_second=5000.0),),
        brokers=6,
    ),
    Scenario(
        "offline_partition",
        "Three of five brokers die, one after the other.",
        "Partitions whose replicas were all on these three have no leader: they are offline, until one of them that "
        "was in sync is back; the others go on.",
        (
            _fault(5, "broker 2 dies", "stop", broker=2),
            _fault(15, "broker 3 dies", "stop", broker=3),
            _fault(25, "broker 1 dies: some partitions have nobody left", "stop", broker=1),
            _fault(42, "everything is mended", "heal"),
        ),
        brokers=5,
    ),
)

SCENARIOS: Final[Mapping[str, Scenario]] = {one.name: one for one in _ALL}
