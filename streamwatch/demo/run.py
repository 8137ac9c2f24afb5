"""Runs the demonstration: starts everything, plays the incident, tells what is seen, and leaves nothing behind."""

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from streamwatch.demo.agent import HURRY, MINUTE, DemoAgent, PageFigures
from streamwatch.demo.changes import changes
from streamwatch.demo.hurried import in_a_hurry
from streamwatch.demo.pager import Pager, Rung
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.play import LoadProcess, on_aws, on_kafka, play
from streamwatch.reference.scenarios import Scenario, ScenarioStep
from streamwatch.reference.signals import set_by_signals

News = TypeVar("News")
HURRIED_SETTINGS: Final = {
    "broker.session.timeout.ms": "6000",
    "replica.lag.time.max.ms": "5000",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "6",
}
"""Settings of a cluster whose incidents fit into a minute."""
_LOOK_SECONDS: Final = 0.2
_READY_SECONDS: Final = 90.0
_STORY_SECONDS: Final = 60.0
"""A story that takes longer is played faster."""
_REAL_MINUTE: Final = 60
_NICENESS: Final = 5
"""Of the load: it gives way to what it loads, and to who watches that."""


@dataclass(slots=True)
class Story:
    """All that there is to show."""

    scenario: Scenario
    bootstrap: str
    endpoint: str
    """The URL of the streams."""
    page: str
    """The URL of the agent's page."""
    started_at: float
    now: float
    seen: PageFigures = field(default_factory=PageFigures)
    is_ready: bool = False
    """Whether all was well once: what changes before is how everything starts."""
    is_fresh: bool = False
    """Whether the last look at the agent's page succeeded."""
    lines: list[tuple[float, str, str]] = field(default_factory=list)
    """(seconds since the start, who tells it, what): ``happens``, ``agent``, ``pager``; with ``!`` where it is bad."""
    notified: set[str] = field(default_factory=set)
    """Alerts that the pager was notified of, by fingerprint, and that are not over."""


class Shower(Protocol):
    """Shows a story as it goes on."""

    def update(self, story: Story) -> None:
        """Show what is new."""


def run(scenario: Scenario, shower: Shower, seconds: float | None, rate: float, *, stays: bool = False) -> Story:
    """Run until the story has ended, until so many seconds are over, or until a signal comes.

    Args:
        scenario: the story.
        shower: shows it.
        seconds: it ends after so many, whatever is going on; None: when the story does.
        rate: records a second and topic, of the load.
        stays: whether everything runs on when the story is over.

    """
    ended = threading.Event()
    scenario, pace = shortened(scenario)
    with (
        set_by_signals(ended),
        ReferenceKafka(Spec(brokers=scenario.brokers, settings=HURRIED_SETTINGS)) as kafka,
        ReferenceAws(Cloud(minute=MINUTE)) as aws,
    ):
        clock = kafka.site.clock
        with (
            LoadProcess(kafka.bootstrap, rate, niceness=_NICENESS) as load,
            LoadProcess(aws.url, rate, "streams_load", niceness=_NICENESS) as streams,
            Pager() as pager,
            DemoAgent(kafka.bootstrap, aws.url, pager.url) as agent,
        ):
            performers = {
                "cluster": on_kafka(kafka),
                "load": load.order,
                "cloud": on_aws(aws),
                "streams": streams.order,
            }
            page = f"http://{agent.address}/"
            story = Story(scenario, kafka.bootstrap, aws.url, page, clock(), clock())
            until = math.inf if seconds is None else story.started_at + seconds
            _say(story, clock(), "happens", "the cluster, the streams, their load and the agent are running")
            _say(
                story,
                clock(),
                "happens",
                f"in a hurry: rules wait {HURRY} times shorter than yours, CloudWatch's minute is {MINUTE} s",
            )
            if pace > 1:
                _say(story, clock(), "happens", f"the story is played {pace:.0f} times faster than it happens")

            def tell(step: ScenarioStep) -> None:
                _say(story, clock(), "happens", step.announcement)

            def perform() -> None:
                is_ready = _wait_until_ready(story, clock, ended, until)
                story.is_ready = True
                if is_ready:
                    play(scenario, performers, clock, tell, ended)
                if stays and not ended.is_set():
                    _say(story, clock(), "happens", "the story is over; everything runs on until Ctrl-C")
                    ended.wait()
                ended.set()

            actor = threading.Thread(target=perform, name="scenario")
            actor.start()
            try:
                while not ended.is_set() and clock() < until:
                    _look(story, agent, pager, clock())
                    shower.update(story)
                    ended.wait(_LOOK_SECONDS)
            finally:
                ended.set()
                actor.join()
            _say(story, clock(), "happens", "the end: everything is stopped")
            shower.update(story)
    return story


def _wait_until_ready(story: Story, clock: "UnixClock", ended: threading.Event, until: float) -> bool:
    """Wait until the agent sees a healthy cluster with its groups at work, and streams; return whether it does."""
    deadline = min(until, clock() + _READY_SECONDS)
    while clock() < deadline and not ended.wait(_LOOK_SECONDS):
        seen = story.seen
        is_known = all(one.being_read == 1 for one in seen.streams.values()) and bool(seen.streams)
        stable = [one for one in seen.groups.values() if one.state.lower() == "stable"]
        if seen.brokers and all(seen.brokers.values()) and len(stable) == len(seen.groups) > 0 and is_known:
            _say(story, clock(), "agent", _healthy(seen))
            return True
    return not ended.is_set()


def _healthy(seen: PageFigures) -> str:
    shards = sum(one.shards for one in seen.streams.values())
    return (
        f"healthy: {len(seen.brokers)} brokers, {seen.partitions:g} partitions, {len(seen.streams)} streams with"
        f" {shards:g} shards, all of them read"
    )


def shortened(scenario: Scenario) -> tuple[Scenario, float]:
    """Return a story that takes a minute at the most, and how many times faster that is; what it says stays true."""
    pace = max(1.0, scenario.seconds / _STORY_SECONDS)
    if pace == 1:
        return scenario, pace
    steps = tuple(replace(step, at=step.at / pace) for step in scenario.steps)
    seen = in_a_hurry(scenario.seen, _REAL_MINUTE / MINUTE)
    return replace(scenario, steps=steps, after=scenario.after / pace, seen=seen), pace


class UnixClock(Protocol):
    """Unix seconds."""

    def __call__(self) -> float:
        """Return them."""


def _look(story: Story, agent: DemoAgent, pager: Pager, now: float) -> None:
    story.now = now
    hear(story, pager.take(), now)
    found = agent.look()
    story.is_fresh = found is not None
    if found is not None:
        for is_bad, what in _since_ready(story, changes(story.seen, found)):
            _say(story, now, "agent!" if is_bad else "agent", what)
        story.seen = found


def hear(story: Story, rung: Iterable[Rung], now: float) -> None:
    """Add what the pager received since all was well once; that something is over only where it rang for it."""
    for one in _since_ready(story, rung):
        if one.is_over and story.notified.isdisjoint(one.alerts):
            continue
        _say(story, now, "pager!" if one.wakes else "pager", one.what)
        story.notified = story.notified - one.alerts if one.is_over else story.notified | one.alerts


def _since_ready(story: Story, news: Iterable[News]) -> list[News]:
    """Return what is news: nothing before all was well once, since how everything starts is none."""
    found = list(news)
    return found if story.is_ready else []


def _say(story: Story, now: float, who: str, what: str) -> None:
    story.lines.append((now - story.started_at, who, what))
