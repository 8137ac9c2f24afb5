"""Plays the reference's stories under the eyes of an audit: ``python -m tests.audit.stories [NAME...]``.

Prints what of the labels was right and missing, and what was invented. ``left`` and ``readers`` are names, too. All of
them take three minutes, and half a minute of a processor.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence

from streamwatch.reference.scenarios import SCENARIOS
from streamwatch.reference.stream_scenarios import STREAM_SCENARIOS
from tests.audit import played_clusters, played_readers, played_streams
from tests.audit.labels import CLUSTER, STREAMS
from tests.audit.played import AuditedStory, play


def of_cluster(name: str) -> list[AuditedStory]:
    """Play a story of ``scenarios.py``."""
    with played_clusters.cluster_world(SCENARIOS[name].brokers) as world:
        return play(SCENARIOS[name], CLUSTER[name], world, played_clusters.WARM_SECONDS)


def of_streams(name: str) -> list[AuditedStory]:
    """Play a story of ``stream_scenarios.py``."""
    with played_streams.stream_world() as world:
        return play(STREAM_SCENARIOS[name], STREAMS[name], world, played_streams.WARM_SECONDS)


def table(stories: Iterable[AuditedStory]) -> Iterator[str]:
    """Yield a line a story, and the totals."""
    right = missing = invented = 0
    for each in stories:
        right, missing, invented = right + len(each.right), missing + len(each.missing), invented + len(each.invented)
        wrong = [f"missing {one}" for one in each.missing] + [f"invented {one}" for one in each.invented]
        names = ", ".join(check for check, _, _ in each.right) or "nothing, as it should be"
        yield f"{each.name}: {'; '.join(wrong) or names}"
    yield f"{right} findings right, {missing} missing, {invented} invented"


def _played(names: Sequence[str]) -> Iterator[AuditedStory]:
    for name in CLUSTER:
        if not names or name in names:
            yield from of_cluster(name)
    for name in STREAMS:
        if not names or name in names:
            yield from of_streams(name)
    if not names or "left" in names:
        yield from played_clusters.left_alone()
    if not names or "readers" in names:
        yield from played_readers.readers()


if __name__ == "__main__":
    for line in table(_played(sys.argv[1:])):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
