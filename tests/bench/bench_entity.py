"""What a page of a single thing costs in a cluster of 200,000 partitions: ``python tests/bench/bench_entity.py``.

The archive has its whole budget in use, and a day of values; each page is made for the last hour, day and week.
"""

import gzip
import statistics
import sys
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamwatch.archive.archive import Archive
from streamwatch.archive.marks import AlertMark
from streamwatch.core.clock import ManualClock
from streamwatch.export.web_page.addresses import EntityRef
from streamwatch.export.web_page.charts import WINDOWS
from streamwatch.export.web_page.entity import KnownOfEntity, entity_view
from streamwatch.export.web_page.render import Renderer
from streamwatch.model.journal_entry import JournalEntry
from tests.bench.bench_page import NOW, cluster

BUDGET = 64 * 2**20
LOOKS = 10


def main() -> None:
    """Look at a cluster, a broker, a group and a topic."""
    read, samples = cluster(200_000, 60, 2000)
    clock = ManualClock(NOW - 86_400)
    archive = Archive(BUDGET, clock)
    while clock.now() < NOW:
        archive.take("test", samples, clock.now())
        clock.advance(600 if NOW - clock.now() > 3600 else 10)
    labels = {"alertname": "KafkaGroupLate", "kafka_cluster": "test", "group": "group-00077"}
    marks = [AlertMark(NOW - at * 60, "fires" if at % 2 else "resolved", labels) for at in range(60)]
    changes = [
        JournalEntry(
            at=NOW - at, since=NOW - at, source="test", kind="group.members", subject="group-00077", sentence="x"
        )
        for at in range(1000)
    ]
    known = KnownOfEntity(
        version="bench", now=NOW, reads=[read], samples=samples, past=archive, alerts=(), more_alerts=0, marks=marks,
        changes=changes,
    )  # fmt: skip
    renderer = Renderer()
    print(f"{archive.rows()} numbers are archived; {sum(len(each.keys) for each in samples)} samples are known")
    for kind, name in (("cluster", ""), ("broker", "7"), ("group", "group-00077"), ("topic", "topic-00077")):
        ref = EntityRef(kind, ("test", name) if name else ("test",))  # type: ignore[arg-type]
        for window in WINDOWS:
            seconds, body = [], b""
            for _ in range(LOOKS):
                started = perf_counter()
                view = entity_view(ref, known, window)
                assert view is not None
                body = renderer.entity(view).body
                seconds.append(perf_counter() - started)
            figures = f"{statistics.median(seconds) * 1e3:7.1f} ms, worst {max(seconds) * 1e3:7.1f} ms"
            size = f"{len(body) / 1e3:5.0f} kB ({len(gzip.compress(body, 1)) / 1e3:.0f} kB gzip)"
            print(f"{kind:<8} {window.words:<14} {figures}, {size}", flush=True)


if __name__ == "__main__":
    main()
