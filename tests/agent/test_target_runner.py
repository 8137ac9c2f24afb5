"""How long a read counts when the next one is late."""

import pytest

from streamwatch.agent.metrics_page import MetricsPage
from streamwatch.agent.self_target import SelfTarget
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.agent.targets import Target, precedence
from streamwatch.catalogue import agent as c
from streamwatch.collectors.source import SourceCollector
from streamwatch.core.clock import ManualClock
from streamwatch.model.kafka import ClusterSnapshot, blank
from streamwatch.samples.hub import Hub
from streamwatch.settings.types import HostPort
from streamwatch.sources.cluster_config import ClusterConfig

KEPT = f'{c.SOURCE_UP.name}{{source="kept"}} 0\n'.encode()


class Quick:
    """A source that answers at once."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def read(self) -> ClusterSnapshot:
        return blank("kept", self._clock.now())

    def close(self) -> None:
        """There is nothing to drop."""


@pytest.mark.parametrize(("interval", "valid"), [(1.0, 10.0), (4.0, 10.0), (15.0, 37.5)])
def test_a_source_stays_on_the_page_while_its_next_read_is_late_but_not_for_ever(interval: float, valid: float) -> None:
    clock = ManualClock(1000.0)
    hub = Hub(clock)
    page = MetricsPage(hub, SelfTarget(), clock)
    hub.subscribe(page)
    servers = (HostPort("127.0.0.1", 1),)
    config, about = ClusterConfig(name="kept", bootstrap=servers, interval=interval), (SourceCollector(interval),)
    target = Target(
        name="kept", kind="kafka", source=Quick(clock), interval=interval, max_series=100, collectors={}, about=about
    )  # fmt: skip
    hub.add("kept", "kafka", "kept", precedence(config))
    TargetRunner(config, target, clock, hub).run()

    clock.advance(valid - 0.1)
    hub.add("other", "kafka", "other", precedence(config))
    hub.append("other", [], at=clock.now(), valid_seconds=10)
    assert KEPT in page.page().text
    hub.remove("other")
    page.changed()
    assert KEPT in page.page().text, "a reload takes nothing but what it ends"

    clock.advance(0.2)
    assert KEPT not in page.page().text, "what a job that hangs has read is not shown for ever"
