"""What every source says now: what is chosen is chosen by part, once a change; the whole is the oracle."""

import random
from collections.abc import Sequence

import numpy as np
import pytest

from streamwatch.agent.metrics_page import MetricsPage
from streamwatch.agent.self_target import Reloads, SelfTarget
from streamwatch.catalogue import agent
from streamwatch.catalogue import kafka as k
from streamwatch.core.clock import ManualClock
from streamwatch.export.exposition import Exposition
from streamwatch.model.labels import NAME
from streamwatch.model.metric import Keys, Samples
from streamwatch.promql.match import Matcher
from streamwatch.samples.history import History
from streamwatch.samples.hub import Hub
from streamwatch.samples.latest import LatestSamples
from streamwatch.samples.precedence import KindSamples, SourcePrecedence


class Counting(SourcePrecedence):
    """Counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def choose(self, said: Sequence[KindSamples]) -> list[KindSamples]:  # type: ignore[override]
        self.asked += 1
        return super().choose(said)


def said(part: str, value: float, brokers: int = 2) -> list[Samples]:
    keys = Keys(k.BROKER_UP.labels, [(part, str(at)) for at in range(brokers)])
    return [k.BROKERS.sample(value, kafka_cluster=part), k.BROKER_UP.samples(keys, np.full(brokers, value))]


def hub_of(clock: ManualClock, trust: SourcePrecedence, *parts: str) -> Hub:
    hub = Hub(clock)
    for part in parts:
        hub.add(part, "kafka", part, trust)
    return hub


def test_a_read_costs_what_its_source_changed_whatever_the_number_of_the_others() -> None:
    trust = Counting()
    hub = hub_of(ManualClock(100.0), trust, *(f"c{at}" for at in range(50)))
    for at in range(50):
        hub.append(f"c{at}", said(f"c{at}", 1.0), at=100.0, valid_seconds=30.0)
    before = trust.asked
    hub.append("c7", said("c7", 0.0), at=100.0, valid_seconds=30.0)
    assert len(hub.current()) == 50
    assert trust.asked == before + 1
    assert hub.current()["c8"] is hub.current()["c8"]


def test_who_was_not_added_is_not_heard_and_who_was_removed_is_forgotten() -> None:
    hub = hub_of(ManualClock(100.0), SourcePrecedence(), "a")
    assert hub.append("b", said("b", 1.0), at=100.0, valid_seconds=30.0) is None
    assert not hub.is_warm
    assert hub.append("a", said("a", 1.0), at=100.0, valid_seconds=30.0) is not None
    assert hub.is_warm
    hub.remove("a")
    assert not hub.current()


def test_what_ran_out_is_gone_and_a_part_is_chosen_anew() -> None:
    clock = ManualClock(100.0)
    hub = Hub(clock)
    trust = SourcePrecedence()
    hub.add("a", "kafka", "a", trust)
    hub.add("a/pages", "pages", "a", trust)
    hub.append("a/pages", said("a", 2.0), at=100.0, valid_seconds=60.0)
    hub.append("a", said("a", 1.0), at=100.0, valid_seconds=30.0)
    assert hub.current()["a"].sources == {"a", "a/pages"}
    until = hub.valid_until()
    clock.advance(30.0)
    assert hub.is_stale(until)
    assert hub.current()["a"].sources == {"a/pages"}


def whole(store: LatestSamples, kinds: dict[str, tuple[str, str]], trusts: dict[str, SourcePrecedence]) -> list[bytes]:
    """The page's lines as they are made of everything that is said, with nothing remembered."""
    parts: dict[str, list[KindSamples]] = {}
    for source, samples in store.by_source():
        if source in kinds:
            parts.setdefault(kinds[source][0], []).extend((kinds[source][1], one) for one in samples)
    chosen = [one for part, some in parts.items() for _, one in trusts[part].choose(some)]
    return lines(Exposition().render(chosen).text)


def lines(page: bytes) -> list[bytes]:
    """What is on a page: in which order clusters come depends on when what they said ran out."""
    return sorted(page.splitlines())


@pytest.mark.parametrize("seed", range(20))
def test_the_page_by_source_is_the_page_of_the_whole(seed: int) -> None:
    dice, clock = random.Random(seed), ManualClock(100.0)
    hub, store, exposition = Hub(clock), LatestSamples(clock), Exposition()
    kinds = {f"c{at}{end}": (f"c{at}", kind) for at in range(3) for end, kind in (("", "kafka"), ("/pages", "pages"))}
    trusts = {part: SourcePrecedence() for part, _ in kinds.values()}
    own = {part: SourcePrecedence() for part in trusts}
    for name, (part, kind) in kinds.items():
        hub.add(name, kind, part, trusts[part])
    last: dict[str, list[Samples]] = {}
    for _ in range(60):
        name = dice.choice(list(kinds))
        part = kinds[name][0]
        if name in last and dice.random() < 0.5:  # the same keys, other values
            value = dice.choice([0.0, 1.0, float("nan")])
            last[name] = [one.metric.samples(one.keys, np.full(len(one.keys), value)) for one in last[name]]
        else:
            last[name] = said(part, dice.choice([0.0, 1.0, float("nan")]), dice.randrange(1, 4))
        valid = dice.choice([5.0, 50.0])
        store.append(name, last[name], at=clock.now(), valid_seconds=valid)
        found = hub.append(name, last[name], at=clock.now(), valid_seconds=valid)
        assert found is not None
        if dice.random() < 0.7:
            exposition.prepare(found.samples)
        if dice.random() < 0.6:
            page = exposition.render([one for part in hub.current().values() for one in part.samples])
            assert lines(page.text) == whole(store, kinds, own)
        clock.advance(dice.choice([0.0, 1.0, 7.0]))


def test_the_page_is_put_together_when_somebody_asks_and_something_changed() -> None:
    clock, own, reloads = ManualClock(100.0), SelfTarget(), Reloads()
    own.put("reloads", reloads)
    hub = hub_of(clock, SourcePrecedence(), "a")
    metrics = MetricsPage(hub, own, clock)
    hub.subscribe(metrics)
    first = metrics.page()
    assert metrics.page() is first
    hub.append("a", said("a", 1.0), at=100.0, valid_seconds=30.0)
    second = metrics.page()
    assert b'kafka_broker_up{kafka_cluster="a",broker="1"} 1\n' in second.text
    assert metrics.page() is second
    reloads.taken += 1
    clock.advance(1.0)  # the agent's own figures are not older
    assert b'streamwatch_config_reloads_total{outcome="taken"} 1\n' in metrics.page().text
    clock.advance(30.0)
    assert b"kafka_broker_up" not in metrics.page().text
    assert agent.RELOADS.name in {one.metric.name for one in [*hub.chosen(), *own.collect()]}


class Noted:
    """Notes what is appended."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, int]] = []

    def appended(self, part: str, samples: Sequence[Samples], at_ms: int) -> None:
        assert samples
        self.parts.append((part, at_ms))


def test_who_subscribed_is_told_of_parts_and_another_takes_its_place() -> None:
    hub, first, second = hub_of(ManualClock(100.0), SourcePrecedence(), "a"), Noted(), Noted()
    hub.subscribe(first)
    hub.append("a", said("a", 1.0), at=100.0, valid_seconds=30.0)
    hub.subscribe(second, instead_of=first)
    hub.append("a", said("a", 1.0), at=101.0, valid_seconds=30.0)
    assert (first.parts, second.parts) == ([("a", 100_000)], [("a", 101_000)])


def test_the_history_has_what_is_appended_and_what_ran_out() -> None:
    clock, history = ManualClock(100.0), History()
    hub = Hub(clock, Reloads())
    hub.keep_in(history)
    for source, kind in (("a", "kafka"), ("a/pages", "pages")):
        hub.add(source, kind, "a", SourcePrecedence())
    hub.append("a", said("a", 1.0), at=100.0, valid_seconds=30.0)
    hub.append("a/pages", [k.BROKERS.sample(7.0, kafka_cluster="a")], at=100.0, valid_seconds=60.0)
    size = history.size()
    hub.refresh()
    assert history.size()[0] == size[0] + 2, "the agent's own"
    clock.advance(40.0)
    hub.refresh()
    assert k.BROKER_UP.name not in newest(history, 140_000)
    hub.end("a")
    assert newest(history, 141_000) == {agent.RELOADS.name}


def test_the_agents_own_samples_are_collected_no_more_often_than_is_asked_for() -> None:
    clock, reloads = ManualClock(100.0), CollectedReloads()
    hub = Hub(clock, reloads)
    hub.keep_in(History())
    for seconds, oldest, collected in ((0.0, 1.0, 1), (0.9, 1.0, 1), (0.2, 1.0, 2), (0.1, 0.0, 3), (0.1, 1.0, 3)):
        clock.advance(seconds)
        hub.refresh(oldest)
        assert reloads.collected == collected
    hub.keep_in(History())
    hub.refresh(1.0)
    assert reloads.collected == 4, "another history has none"


class CollectedReloads(Reloads):
    """Counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.collected = 0

    def collect(self) -> list[Samples]:
        self.collected += 1
        return super().collect()


def newest(history: History, at_ms: int) -> set[str]:
    """Return the metrics that have a value."""
    return {
        name
        for name in history.names()
        for block in history.blocks([Matcher(NAME, "=", name)], at_ms - 300_000, at_ms, newest=True)
        if not np.isnan(block.values).all()
    }
