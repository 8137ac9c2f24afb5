"""Every story of streams can be played: each step is an order or a fault that exists, in the form that it wants."""

import threading

import pytest

from streamwatch.reference.aws.faults import FAULTS
from streamwatch.reference.faulting import options
from streamwatch.reference.play import ALL, play
from streamwatch.reference.scenarios import SCENARIOS, Scenario, ScenarioStep
from streamwatch.reference.stream_scenarios import STREAM_SCENARIOS
from streamwatch.reference.streams_load import STREAMS, StreamLoad
from tests.reference.kinesis.acting import Time, client, cloud
from tests.waiting import wait_for

STORIES = [pytest.param(one, id=one.name) for one in STREAM_SCENARIOS.values()]


def test_no_two_stories_have_one_name() -> None:
    assert len(ALL) == len(SCENARIOS) + len(STREAM_SCENARIOS)


@pytest.mark.parametrize("story", STORIES)
def test_each_step_can_be_done(story: Scenario) -> None:
    load = StreamLoad("http://127.0.0.1:1", 1.0)
    for step in story.steps:
        assert step.at <= story.seconds
        if step.on == "cloud":
            assert set(step.parameters) <= {one.name for one in options(FAULTS[step.name])}
            assert step.parameters.get("stream", "purchases") in STREAMS
        elif step.name != "readers":  # which begins to read at once
            load.obey({"order": step.name, **step.parameters})


def test_steps_happen_in_their_order_each_on_its_own_side() -> None:
    time, done, told = Time(), [], []

    class Ended(threading.Event):
        """Waiting takes no time here."""

        def wait(self, timeout: float | None = None) -> bool:
            time.advance(timeout or 0.0)
            return False

    def perform(side: str, step: ScenarioStep) -> None:
        done.append((side, step.name))

    story = STREAM_SCENARIOS["retention_risk"]
    performers = {side: lambda step, side=side: perform(side, step) for side in ("cloud", "streams")}
    play(story, performers, time.now, lambda step: told.append(step.announcement), Ended())

    assert done == [(step.on, step.name) for step in story.steps]
    assert told == [step.announcement for step in story.steps if step.announcement]
    assert time.passed == pytest.approx(story.seconds)


def test_the_load_writes_and_reads_by_polling_and_by_fan_out() -> None:
    with cloud() as aws:
        load = StreamLoad(aws.url, rate=100.0)
        load.start()
        try:

            def moved() -> bool:
                keys = aws.do(lambda cloud, _: {(one.name, one.dimensions) for one in cloud.metrics().keys(1e12, 1e12)})
                seen = {(name, dict(at).get("StreamName")) for name, at in keys}
                return {("GetRecords.Records", "purchases"), ("SubscribeToShardEvent.Records", "clickstream")} <= seen

            wait_for(moved, 20, "both streams are read")
            assert {one["StreamName"] for one in client(aws).list_streams()["StreamSummaries"]} == set(STREAMS)
            load.obey({"order": "readers", "stream": "purchases", "count": 0})
        finally:
            load.stop()
        assert not any(thread.name.startswith("Thread") and thread.is_alive() for thread in load._threads)
