"""Faults on brokers of Apache Kafka 4.3, and what the decision list says of each.

    python -m tests.incidents.real_faults            # all of them: forty minutes
    python -m tests.incidents.real_faults groups "a broker is killed" ...   # those of groups; some of those of brokers
    python -m tests.incidents.real_faults --write    # nothing is played: the table is written of what was

What was said is kept in ``real.json``, beside this file. Rules are hurried five times: what they look back over is many
reads. Each fault of brokers begins with an agent of its own, when the cluster is whole and the group has read all.
Faults of groups happen at once, each to a group of its own; an incident that names a cause and none of these groups is
counted against all of them.

The agent is a process of its own, before all others: what is late by this machine's load is no fault that was made.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from confluent_kafka import Consumer, Producer

from streamwatch.demo.hurried import hurried
from tests.agent_process import agent
from tests.incidents.labels import REAL
from tests.incidents.outcome import Outcome
from tests.incidents.real_table import DOCS, keep, outcomes, verdict, written
from tests.real.kafka import KafkaCluster
from tests.real.lives import Life, Reader, TransactionalWriter, living
from tests.real.storage import data_of
from tests.real.test_open_monitoring import OBJECTS
from tests.rules.story import CALM, Seen
from tests.waiting import wait_for

_SCALE: Final = 5
_WARM_SECONDS: Final = 120.0
"""So long groups keep pace before their faults: what came before must be known where more is said to come."""
_GROUPS_SECONDS: Final = 420.0
_READ_ALL: Final = 500
"""Records: a group that has no more left has read all; what is on its way is a few seconds' worth."""
_PAUSE: Final = Event()
"""Nobody sets it: a pause that is a wait."""
_CONFIG: Final = """
kafka:
  - {{name: shop, bootstrap: [{at}], interval: 5s, log_dirs_interval: 5s, stalled_after: {stalled:g}s,
     open_monitoring: {{interval: 5s, timeout: 4s, targets: [{targets}]}}}}
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: ['{rules}/*.yml'], evaluation_interval: 1s, history: 30m, state: '{rules}/state.db'}}
"""
Act = Callable[[KafkaCluster], None]


@dataclass
class Member:
    """A consumer that takes its time over each record; how long is changed while it runs."""

    group: str
    seconds: float = 0.0

    def __call__(self, bootstrap: str, done: Event) -> None:
        settings = {
            "bootstrap.servers": bootstrap, "group.id": self.group, "auto.offset.reset": "earliest",
            "enable.auto.commit": True, "auto.commit.interval.ms": 1000, "log_level": 0,
            "queued.min.messages": 100, "fetch.queue.backoff.ms": 100,
            "fetch.message.max.bytes": 10_000, "topic.metadata.refresh.interval.ms": 5000,
        }  # fmt: skip
        consumer, due = Consumer(settings), 0.0
        consumer.subscribe([self.group])
        while not done.is_set():
            message = consumer.poll(0.2)
            if message is not None:
                now = time.monotonic()
                due = max(due, now - 1.0) + self.seconds  # a second that the machine's load took is made good
                done.wait(max(0.0, due - now))
        consumer.close()


@dataclass
class Stream:
    """A producer, so many records a second; how many is changed while it runs."""

    topic: str
    rate: float

    def __call__(self, bootstrap: str, done: Event) -> None:
        producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0})
        began, owed, written = time.monotonic(), 0.0, 0
        while not done.wait(0.1):
            now = time.monotonic()
            owed += self.rate * (now - began)
            began = now
            while owed >= 1.0:
                producer.produce(self.topic, b"x" * 100, partition=written % 4)
                owed, written = owed - 1.0, written + 1
            producer.poll(0)
        producer.flush(15)


@dataclass(frozen=True)
class Fault:
    """What is done to brokers, and how it is undone where healing nodes is not enough."""

    act: Act
    seconds: float
    """So long it is looked at what is said."""
    undo: Act = field(default=lambda _: None)


def _kill(*nodes: int) -> Act:
    def kill(cluster: KafkaCluster) -> None:
        for node in nodes:
            cluster.kill(node)

    return kill


def _fail_disk(cluster: KafkaCluster) -> None:
    """Take the data of broker 3 away, and have it write something new."""
    folder = data_of(cluster.folder, 3)
    folder.rename(folder.with_name("gone"))
    folder.write_text("this is no folder")
    cluster.create_topic("new", 3, 3)


def _elect_uncleanly(cluster: KafkaCluster) -> None:
    """Kill the follower, then the leader, and bring back the follower."""
    cluster.kill(2)
    wait_for(lambda: ("careless", 0) in cluster.under_replicated(), 60, "the follower is out of sync")
    cluster.produce("careless", 0, 50)
    cluster.kill(1)
    cluster.restart(2)


def _end_in_order(cluster: KafkaCluster) -> None:
    cluster.end(2)
    cluster.restart(2)


def _quota(cluster: KafkaCluster, *change: str) -> None:
    cluster.tool("ConfigCommand", "--alter", "--entity-type", "clients", "--entity-default", *change)


def _hold_back(cluster: KafkaCluster) -> None:
    _quota(cluster, "--add-config", "producer_byte_rate=500")


def _let_go(cluster: KafkaCluster) -> None:
    """Take the quota away, and have brokers forget how long requests took by it: their mean is since their start."""
    _quota(cluster, "--delete-config", "producer_byte_rate")
    for node in cluster.broker_ids:
        cluster.restart(node)


BROKERS: Final[Mapping[str, Fault]] = {
    "a broker is killed": Fault(_kill(2), 150.0),
    "a broker is frozen": Fault(lambda cluster: cluster.pause(3), 150.0),
    "the only controller is killed": Fault(lambda cluster: cluster.kill_controller(), 90.0),
    "the only controller is frozen": Fault(lambda cluster: cluster.pause(cluster.controller_ids[0]), 90.0),
    "two of three brokers are killed": Fault(_kill(2, 3), 120.0),
    "a broker ends in order and comes back": Fault(_end_in_order, 60.0),
    "a leader is elected uncleanly": Fault(_elect_uncleanly, 120.0),
    "a quota holds a producer back": Fault(_hold_back, 200.0, _let_go),
    "the disk of a broker fails, its only one": Fault(_fail_disk, 120.0),
}
"""One after the other, each mended before the next; what cannot be mended is last."""


@contextmanager
def watched(cluster: KafkaCluster) -> Iterator[Seen]:
    """Have an agent look at a cluster; yields when all is calm, and nothing is left to read or to copy."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        hurried(folder, _SCALE)
        targets = ", ".join(f"{{broker: {at}, jmx: '127.0.0.1:{cluster.jmx_port(at)}'}}" for at in cluster.broker_ids)
        servers = ", ".join(f"'{each}'" for each in cluster.bootstrap.split(","))
        file = folder / "streamwatch.yaml"
        file.write_text(_CONFIG.format(at=servers, stalled=600 / _SCALE, targets=targets, rules=folder))
        seen = Seen(stack.enter_context(agent("--config", str(file), before=("nice", "-n", "-5"))).address)
        wait_for(lambda: _is_clean(seen), 300, "all is well, all is read, all is in sync")
        yield seen


def _is_clean(seen: Seen) -> bool:
    whole = "count(kafka_broker_up == 1) == 3 and on () sum(kafka_broker_out_of_sync_replicas) == 0"
    read = seen.number("max(kafka_group_lag)")
    if seen.active() != CALM or any(one["state"] == "firing" for one in seen.incidents()):
        return False  # incidents are decided a second after alerts: one of the fault before would count for this one
    return seen.number(whole) is not None and read is not None and read < _READ_ALL


def brokers(cluster: KafkaCluster, names: Sequence[str]) -> Iterator[tuple[str, Outcome]]:
    """Play faults of brokers, one after the other."""
    cluster.create_topic("orders", 4, 3, min_insync_replicas=2)
    cluster.create_topic_on("careless", {0: (1, 2)}, unclean_leader_election_enable="true")
    with living(cluster.bootstrap, [Stream("orders", 50.0), Member("orders"), Member("orders")]):
        for name in names:
            fault = BROKERS[name]
            with watched(cluster) as seen:
                actor = Thread(target=fault.act, args=(cluster,), daemon=True)
                seen.begin()
                actor.start()
                _look(seen, fault.seconds)
                actor.join(180)
            yield name, seen.outcome
            if name != [*BROKERS][-1]:
                fault.undo(cluster)
                cluster.heal()


def groups(cluster: KafkaCluster) -> Iterator[tuple[str, Outcome]]:
    """Play the faults of groups, all at once."""
    names = {name: label.subject for name, label in REAL.items() if name not in BROKERS}
    for topic in names.values():
        cluster.create_topic(topic, 4, 3, **({"retention_ms": 3_600_000} if topic == "expired" else {}))
    members = {group: Member(group) for group in ("slowed", "surged", "halved", "ended", "expired", "rewound")}
    surged = Stream("surged", 50.0)
    lives: list[Life] = [Stream(topic, 50.0) for topic in names.values() if topic not in {"surged", "open"}]
    lives += [surged, *(members[group] for group in ("slowed", "surged", "halved"))]
    members["surged"].seconds = 0.01
    committed = Reader("open", ("open",), settings=(("isolation.level", "read_committed"),))
    poisoned = Reader("poisoned", ("poisoned",))
    with ExitStack() as stack:
        stack.enter_context(living(cluster.bootstrap, [*lives, committed]))
        leaving: list[Life] = [*(members[group] for group in ("ended", "expired", "rewound")), poisoned]
        leaving.append(replace(members["halved"]))
        until = stack.enter_context(ExitStack())
        until.enter_context(living(cluster.bootstrap, leaving))
        held = stack.enter_context(cluster.consumer("held", "held"))
        seen = stack.enter_context(watched(cluster))
        _PAUSE.wait(_WARM_SECONDS)
        wait_for(lambda: _is_clean(seen), 300, "all is well, and all is read")
        outcomes_of, began = {name: Outcome() for name in names}, time.monotonic()
        until.close()
        held.hold()
        _break_groups(cluster, stack, replace(poisoned, poison=(1, 20)))
        members["slowed"].seconds, members["halved"].seconds, surged.rate = 0.1, 0.03, 400.0
        while time.monotonic() - began < _GROUPS_SECONDS:
            firing = [each for each in seen.incidents() if each["state"] == "firing"]
            elsewhere = [each for each in firing if each["cause"] and not _subjects(each, [*names.values()])]
            for name, subject in names.items():
                own = [each for each in firing if subject in _subjects(each, [subject])]
                said = [(each["cause"] or "", each["sentence"]) for each in [*own, *elsewhere]]
                outcomes_of[name].see(said, time.monotonic() - began)
            _PAUSE.wait(0.5)
        yield from outcomes_of.items()


def _break_groups(cluster: KafkaCluster, stack: ExitStack, poisoned: Reader) -> None:
    """Move positions by hand, let what was not read be deleted, and begin what hangs, fails or never commits."""
    hanging = TransactionalWriter("open", 4, 0.5, hangs=True, timeout_ms=900_000)
    stack.enter_context(living(cluster.bootstrap, [hanging, Reader("silent", ("silent",), commits=False), poisoned]))
    cluster.commit("beyond", {("beyond", at): 1_000_000 for at in range(4)})  # it has no members, and had none
    wait_for(lambda: cluster.group_states().get("rewound") == "Empty", 60, "its members are gone")
    cluster.commit("rewound", {("rewound", at): 10 for at in range(4)})
    _PAUSE.wait(10.0)
    cluster.delete_records({("expired", at): -1 for at in range(4)})


def _subjects(incident: Mapping[str, Any], subjects: Sequence[str]) -> list[str]:
    """Return which of these groups and topics an incident is about."""
    words = {*incident["impact"]["groups"]["names"], *(incident["about"] or ()), *incident["sentence"].split()}
    return [each for each in subjects if each in words]


def _look(seen: Seen, seconds: float) -> None:
    """Look at what is said for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        seen.look()
        _PAUSE.wait(0.2)


def main(arguments: Sequence[str]) -> None:
    """Make the faults, and write what was said of them."""
    wanted = [] if "--write" in arguments else [*arguments] or ["groups", *BROKERS]
    of_brokers = [name for name in BROKERS if name in wanted]
    for is_wanted, play in (
        ("groups" in wanted, groups),
        (bool(of_brokers), lambda cluster: brokers(cluster, of_brokers)),
    ):
        if not is_wanted:
            continue
        with KafkaCluster(jmx_objects=OBJECTS) as cluster:
            for name, outcome in play(cluster):
                keep(name, outcome)
                sys.stdout.write(f"{verdict(name, outcome)}: {name}: {outcome.kinds} {outcome.sentence}\n")
                sys.stdout.flush()
    DOCS.write_text(written(outcomes()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
