"""An hour of a real cluster that is healthy, and of the same with four faults: what is one paged for?

    python -m tests.real.hour [MINUTES]

One cluster, two agents with the default configuration and the pack: one looks at everything, the other not at what is
called ``fault-...``, and so sees a healthy cluster only. It has transactional, sparse and compacted topics, groups
that nobody runs, a consumer that works in long batches, rolling restarts, and topics that are deleted and made anew.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from tests.agent_process import Agent, agent
from tests.real.kafka import KafkaCluster
from tests.real.lives import Life, Reader, TransactionalWriter, Writer, living
from tests.waiting import wait_for

COMMITTED: Final = (("isolation.level", "read_committed"),)
MODERN: Final = (("group.protocol", "consumer"),)
HEALTHY: Final[list[Life]] = [
    Writer("orders", 6, 0.05),
    Reader("billing", ("orders",)),
    Reader("billing", ("orders",)),
    Reader("audit", ("orders",), settings=MODERN),
    Reader("slow-batches", ("orders",), commit_seconds=240),
    TransactionalWriter("payments", 3, 20, rest=(300, 1500)),
    Reader("ledger", ("payments",), settings=COMMITTED),
    Writer("sparse", 1, 240),
    Reader("sparse-reader", ("sparse",)),
    TransactionalWriter("sparse-payments", 1, 360, records=1),
    Reader("sparse-ledger", ("sparse-payments",), settings=COMMITTED),
    Writer("state", 1, 0.1, keys=100),
    Reader("state-reader", ("state",)),
    Reader("temporary-reader", ("temporary",)),
]
FAULTS: Final[list[Life]] = [
    Writer("fault-poison", 3, 0.2),
    Reader("fault-poisoned", ("fault-poison",), poison=(1, 100)),
    TransactionalWriter("fault-hung", 1, 60, hangs=True, timeout_ms=2 * 3_600_000),
    Writer("fault-hung", 1, 1),
    Reader("fault-held-back", ("fault-hung",), settings=COMMITTED),
    Writer("fault-uncommitted", 2, 0.5),
    Reader("fault-silent", ("fault-uncommitted",), commits=False),
]
EXPECTED: Final = {
    ("KafkaGroupStuck", "fault-poisoned"),
    ("KafkaTransactionLong", "fault-hung"),  # its coordinator knows it, and would end it after two hours
    ("KafkaGroupAhead", "fault-ahead-of-all"),
    ("KafkaGroupNeverCommits", "fault-silent"),
}
TOPICS: Final[dict[str, dict[str, Any]]] = {
    "orders": {"partitions": 6, "min_insync_replicas": 2},
    "payments": {"partitions": 3},
    "sparse": {},
    "sparse-payments": {},
    "state": {"cleanup_policy": "compact", "segment_ms": 60_000, "min_cleanable_dirty_ratio": "0.01"},
    "temporary": {},
    "fault-poison": {"partitions": 3},
    "fault-hung": {},
    "fault-ahead": {},
    "fault-uncommitted": {"partitions": 2},
}
PROPERTIES: Final = {"transaction.max.timeout.ms": str(3 * 3_600_000)}
_CONFIG: Final = """
kafka:
  - name: real
    bootstrap: [{bootstrap}]
    {filters}
listen: {{address: '127.0.0.1:0'}}
log: {{level: error}}
"""
_NO_FAULTS: Final = "topics: {deny: ['fault-.*']}\n    groups: {deny: ['fault-.*']}"
_QUIET: Final = {"info", "none"}


@dataclass
class Alerts:
    """What an agent has raised: by name and labels, when first, how grave, and its text."""

    name: str
    seen: dict[str, tuple[float, str, dict[str, str], str]] = field(default_factory=dict)

    def look(self, one: Agent, seconds: float) -> None:
        """Note what fires now."""
        for alert in json.loads(one.get("/api/v1/alerts")[1])["data"]["alerts"]:
            labels, text = alert["labels"], alert["annotations"].get("summary", "")
            severity = labels.get("severity", "")
            if alert["state"] == "firing" and severity not in _QUIET:
                key = json.dumps({k: v for k, v in labels.items() if k not in {"job", "instance"}}, sort_keys=True)
                first = self.seen[key][0] if key in self.seen else seconds
                more = alert["annotations"].get("description", "")
                self.seen[key] = (first, severity, labels, f"{text} {more}")

    def print(self) -> None:
        """Print them in the order in which they came."""
        print(f"\n{self.name}: {len(self.seen)} alerts")
        for first, severity, labels, text in sorted(self.seen.values(), key=lambda one: one[0]):
            of = labels.get("group") or labels.get("topic") or labels.get("broker") or ""
            print(f"  {first / 60:5.1f} min  {severity:8} {labels['alertname']:28} {of:20} {text}")

    def names(self, *severities: str) -> set[tuple[str, str]]:
        """Return alerts of these severities by name and group, or topic."""
        return {
            (labels["alertname"], labels.get("group") or labels.get("topic") or labels.get("broker") or "")
            for _, severity, labels, _ in self.seen.values()
            if severity in severities
        }


@contextmanager
def watching(cluster: KafkaCluster, folder: Path, name: str, filters: str) -> Iterator[Agent]:
    """An agent with the default configuration but for what it looks at."""
    file = folder / f"{name}.yaml"
    servers = ", ".join(f"'{one}'" for one in cluster.bootstrap.split(","))
    file.write_text(_CONFIG.format(bootstrap=servers, filters=filters))
    with agent("--config", str(file)) as one:
        yield one


def prepare(cluster: KafkaCluster) -> None:
    """Make the topics, and the groups that nobody runs."""
    for name, shape in TOPICS.items():
        cluster.create_topic(name, **shape)
    cluster.produce("orders", 0, 500)
    for number in range(7):
        cluster.commit(f"nobody-{number}", {("orders", 0): number})
    cluster.produce("fault-ahead", 0, 50)


def restarts(cluster: KafkaCluster, seconds: float, done: Event) -> None:
    """Restart each broker in turn, as operators do: asked to end, and given time to come back."""
    for node in cluster.broker_ids:
        if done.wait(seconds):
            return
        cluster.end(node)
        cluster.restart(node)


def remakes(cluster: KafkaCluster, seconds: float, done: Event) -> None:
    """Delete a topic and make it anew, filled at once, again and again."""
    while not done.wait(seconds):
        cluster.delete_topic("temporary")
        wait_for(lambda: "temporary" not in cluster.topic_names(), 30, "the topic is gone")
        cluster.create_topic("temporary")
        cluster.produce("temporary", 0, 3000)


def hour(minutes: float) -> tuple[Alerts, Alerts]:
    """Let it pass, and return what each agent raised."""
    seconds, done = 60 * minutes, Event()
    healthy, everything = Alerts("without the faults"), Alerts("with the faults")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(KafkaCluster(properties=PROPERTIES))
        prepare(cluster)
        stack.enter_context(living(cluster.bootstrap, HEALTHY))
        one = stack.enter_context(watching(cluster, folder, "healthy", _NO_FAULTS))
        other = stack.enter_context(watching(cluster, folder, "everything", ""))
        stack.enter_context(living(cluster.bootstrap, FAULTS))
        cluster.commit("fault-ahead-of-all", {("fault-ahead", 0): 5000})
        for work, every in ((restarts, seconds / 5), (remakes, min(480.0, seconds / 4))):
            thread = Thread(target=work, args=(cluster, every, done), daemon=True)
            thread.start()
            stack.callback(thread.join, 120)
        stack.callback(done.set)
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < seconds:
            healthy.look(one, passed)
            everything.look(other, passed)
            done.wait(2)
    return healthy, everything


def main() -> None:
    """Print what was raised; exit with 1 where that is not what is right."""
    healthy, everything = hour(float(sys.argv[1]) if len(sys.argv) > 1 else 60)
    healthy.print()
    everything.print()
    pages = healthy.names("critical")
    missing = EXPECTED - everything.names("critical", "warning")
    needless = {one for one in everything.names("critical") if not one[1].startswith("fault-")}
    print(f"\npages of the healthy hour: {sorted(pages) or 'none'}")
    print(
        f"faults without an alert: {sorted(missing) or 'none'}; pages about what is well: {sorted(needless) or 'none'}"
    )
    sys.exit(bool(pages or missing or needless))


if __name__ == "__main__":
    main()
