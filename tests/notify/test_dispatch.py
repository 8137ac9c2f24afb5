"""Who is told what, and when: with time that passes when the test says so."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from streamwatch.core.errors import NotifyRefused, NotifyUnavailable
from streamwatch.model.alert import Alert
from streamwatch.notify import outbox, silence_store
from streamwatch.notify.config import Inhibition, Route
from streamwatch.notify.plan import GroupTiming
from streamwatch.notify.standing import Standing
from streamwatch.notify.time_intervals import InclusiveRange, NamedTimeInterval, TimeInterval, TimeRange
from tests.notify.alerts import alert
from tests.notify.house import House

ONE, TWO, THREE = (alert(broker=str(number)) for number in (1, 2, 3))
DOWN = NotifyUnavailable("down", reached=False)
Build = Callable[..., House]


@pytest.fixture
def build() -> Iterator[Build]:
    with ExitStack() as stack:

        def made(*args: Any, **settings: Any) -> House:
            house = House(*args, **settings)
            stack.callback(
                lambda: house.state.close()  # noqa: PLW0108 - a restart opens another
            )
            return house

        yield made


@pytest.fixture
def house(build: Build) -> House:
    return build()


def test_an_incident_is_told_at_once_and_once_and_when_it_is_over(house: House) -> None:
    house.fire(ONE, TWO)
    house.deliver()
    assert house.service.said == ["Down firing 1 2"]
    house.wait(300)
    house.end(ONE)
    house.wait(60)
    house.end(TWO)
    house.deliver()
    assert house.service.said == ["Down firing 1 2", "Down resolved"]
    assert len({one.key for one in house.service.received}) == 1
    assert [one.labels["broker"] for one in house.service.received[1].alerts] == ["1", "2"]
    house.wait(10)
    assert house.rows() == []


def test_alerts_that_join_are_told_after_the_interval(house: House) -> None:
    house.fire(ONE)
    house.deliver()
    house.wait(10)
    house.fire(TWO)
    house.wait(40)
    house.fire(THREE)
    house.wait(9)
    assert house.service.said == ["Down firing 1"]
    house.wait(2)
    assert house.service.said == ["Down firing 1", "Down firing 1 2 3"]


def test_who_joins_and_leaves_before_it_is_told_is_not_told(house: House) -> None:
    house.fire(ONE)
    house.deliver()
    house.fire(ONE, TWO)
    house.wait(20)
    house.end(TWO)
    house.wait(100)
    assert house.service.said == ["Down firing 1"]


def test_what_comes_and_goes_is_told_once(house: House) -> None:
    for _ in range(4):
        house.fire(ONE)
        house.wait(7)
        house.end(ONE)
        house.wait(7)
    assert house.service.said == ["Down firing 1"]
    house.wait(60)
    assert house.service.said == ["Down firing 1", "Down resolved"]


def test_what_goes_on_is_told_again(build: Build) -> None:
    house = build(repeat_interval=3600.0)
    house.fire(ONE)
    house.wait(3600 * 2 + 5, 5)
    assert house.service.said == ["Down firing 1"] * 3
    assert [round(at - 1000, -1) for at in house.service.at] == [0, 3600, 7200]


def test_a_reminder_says_what_is_so_now(build: Build) -> None:
    house = build(repeat_interval=3600.0)
    house.fire(ONE)
    house.deliver()
    house.firing[ONE.labels] = house.firing[ONE.labels].but(annotations=(("summary", "worse by now"),))
    house.wait(3605, 5)
    assert [dict(one.alerts[0].annotations)["summary"] for one in house.service.received] == [
        "Down of 1",
        "worse by now",
    ]


def test_what_was_over_before_it_could_be_told_is_not_told(house: House) -> None:
    house.service.failing = DOWN
    house.fire(ONE)
    house.wait(30)
    house.end(ONE)
    house.service.failing = None
    house.wait(120)
    assert house.service.said == []
    assert house.dispatcher.collapsed == 1
    assert house.rows() == []


def test_what_may_have_arrived_is_resolved_though_it_was_never_acknowledged(house: House) -> None:
    house.service.failing = NotifyUnavailable("no answer", reached=True)
    house.fire(ONE)
    house.wait(30)
    house.service.failing = DOWN
    house.wait(30)
    house.end(ONE)
    house.service.failing = None
    house.wait(120)
    assert house.service.said == ["Down resolved"]


def test_the_latest_word_is_what_is_delivered_after_an_outage(house: House) -> None:
    house.fire(ONE)
    house.deliver()
    house.service.failing = DOWN
    house.wait(100)
    house.end(ONE)
    house.wait(30)
    house.fire(ONE, TWO)
    house.wait(30)
    house.service.failing = None
    house.wait(400)
    assert house.service.said == ["Down firing 1", "Down firing 1 2"]


def test_a_restart_at_any_moment_loses_nothing(build: Build, tmp_path: Path) -> None:
    house = build(tmp_path / "state.db")
    house.fire(ONE)
    house.state.close()
    house.open()
    house.decide()
    house.deliver()
    assert house.service.said == ["Down firing 1"]
    house.wait(100)
    house.state.close()
    house.open()
    house.end(ONE)
    house.state.close()
    house.open()
    house.decide()
    house.deliver()
    assert house.service.said == ["Down firing 1", "Down resolved"]


def test_what_was_under_way_when_the_agent_died_is_in_doubt(build: Build, tmp_path: Path) -> None:
    house = build(tmp_path / "state.db")
    house.fire(ONE)  # it may have been sent in the same moment
    house.state.close()
    house.open()
    house.end(ONE)
    house.wait(70)
    assert house.service.said == ["Down resolved"]


def test_routes_say_who_is_told_and_what_none_takes_goes_to_all(build: Build) -> None:
    routes = (
        Route(matchers=('severity="critical"',), channels=("pager",), continue_=True),
        Route(matchers=('severity="critical"', "kafka_cluster=~shop|bank"), channels=("chat",)),
        Route(matchers=("severity=info",), channels=()),
        Route(matchers=("alertname=Watchdog",), channels=("pager",)),
    )
    house = build(None, ("pager", "chat"), routes=routes)
    none = alert("Watchdog", severity="none")
    house.fire(
        ONE, alert("Info", severity="info"), alert("Warned", severity="warning"), alert("Quiet", severity="none"), none
    )
    house.deliver()
    names = {name: sorted(one.name for one in service.received) for name, service in house.services.items()}
    assert names == {"pager": ["Down", "Warned", "Watchdog"], "chat": ["Down", "Warned"]}


def test_the_fallback_can_be_some_channels(build: Build) -> None:
    house = build(None, ("pager", "chat"), fallback=("chat",), routes=(Route(matchers=("a=b",), channels=("pager",)),))
    house.fire(ONE)
    house.deliver()
    assert (house.services["pager"].said, house.services["chat"].said) == ([], ["Down firing 1"])


def test_every_alert_can_be_an_incident_and_the_agent_that_saw_it_does_not_count(build: Build) -> None:
    house = build(group_by=("...",))
    house.fire(ONE, TWO)
    house.deliver()
    assert house.service.said == ["Down firing 1", "Down firing 2"]
    other = build(group_by=("...",))
    other.fire(alert(broker="1", instance="another:9308", job="streamwatch"))
    other.deliver()
    assert other.service.received[0].key == house.service.received[0].key


def test_an_effect_is_not_told_while_its_cause_fires(build: Build) -> None:
    rule = Inhibition(source_matchers=("alertname=Down",), target_matchers=("alertname=~Late|Down",), equal=("broker",))
    house = build(inhibit_rules=(rule,))
    late, elsewhere = alert("Late", broker="1"), alert("Late", broker="2")
    house.fire(ONE, late, elsewhere)
    house.deliver()
    assert house.service.said == ["Down firing 1", "Late firing 2"]
    house.wait(100)
    house.end(ONE)
    house.wait(60)
    assert house.service.said[2:] == ["Down resolved", "Late firing 1 2"]


def test_what_was_told_before_its_cause_is_resolved_all_the_same(build: Build) -> None:
    rule = Inhibition(source_matchers=("alertname=Down",), target_matchers=("alertname=Late",), equal=("broker",))
    house = build(inhibit_rules=(rule,))
    late = alert("Late", broker="1")
    house.fire(late)
    house.deliver()
    house.wait(100)
    house.fire(ONE)
    house.wait(100)
    house.end(late)
    house.wait(5)
    assert house.service.said == ["Late firing 1", "Down firing 1", "Late resolved"]


EARLY = NamedTimeInterval(
    name="early",
    time_intervals=(TimeInterval(times=(TimeRange(start_time=10, end_time=20),)),),  # 600 s to 1200 s
)
NEVER = NamedTimeInterval(name="never", time_intervals=(TimeInterval(years=(InclusiveRange(1999, 1999),)),))


def standing(house: House, *alerts: Alert) -> list[Standing]:
    fired = [house.firing[each.labels] for each in alerts]
    return house.state.read(lambda connection: house.dispatcher.standing(connection, fired))


def test_a_time_interval_mutes_its_route_and_what_still_fires_afterwards_is_told(build: Build) -> None:
    shop = Route(matchers=("kafka_cluster=shop",), channels=("pager",), mute_time_intervals=("never", "early"))
    house = build(time_intervals=(EARLY, NEVER), routes=(shop,))
    house.fire(ONE, alert("Other", kafka_cluster="bank"))
    house.deliver()
    assert house.service.said == ["Other firing "]
    house.wait(190)
    assert house.service.said == ["Other firing "]
    house.wait(15)
    assert house.service.said == ["Other firing ", "Down firing 1"]


def test_a_route_that_is_active_at_times_is_muted_at_others_and_names_them(build: Build) -> None:
    active = Route(channels=("pager",), active_time_intervals=("early", "never"))
    house = build(time_intervals=(EARLY, NEVER), routes=(active,))
    house.fire(ONE)
    house.deliver()
    assert house.service.said == ["Down firing 1"]
    house.fire(TWO)
    house.wait(205)  # it is 1205 s: "Two" was due while the route was active
    told = list(house.service.said)
    three = alert("Third", broker="3")
    house.fire(three)
    house.wait(7200, step=60)
    assert house.service.said == told, "not even a repetition"
    (now,) = standing(house, three)
    assert now.muted_by == ("early", "never")
    assert now.reasons() == ["pager is muted by early, never"]
    house.end(ONE, TWO)
    house.wait(100)
    assert any("resolved" in each for each in house.service.said), "that it is over is told"


def test_a_channel_is_notified_while_one_of_its_routes_is_not_muted(build: Build) -> None:
    muted = Route(channels=("pager", "chat"), mute_time_intervals=("early",), continue_=True)
    house = build(names=("pager", "chat"), time_intervals=(EARLY,), routes=(muted, Route(channels=("chat",))))
    house.fire(ONE)
    house.deliver()
    assert [house.services[name].said for name in ("pager", "chat")] == [[], ["Down firing 1"]]
    (now,) = standing(house, ONE)
    assert (now.muted_by, now.is_suppressed) == (("early",), False)
    assert now.reasons() == ["pager is muted by early"]


def test_a_silence_by_hand_mutes_and_ends(build: Build, tmp_path: Path) -> None:
    house = build(tmp_path / "state.db")
    house.state.write(lambda c: silence_store.add(c, ["alertname=Down"], 1300.0, "me", "patching"))
    house.fire(ONE)
    house.wait(100)
    assert house.service.said == []
    other = House(tmp_path / "state.db")  # another process, as the command line is
    assert other.state.write(lambda c: silence_store.end(c, 1, house.clock.now()))
    other.state.close()
    house.wait(1)
    assert house.service.said == ["Down firing 1"]


def test_what_the_service_refuses_is_given_up_and_tried_again_after_a_reload(build: Build, tmp_path: Path) -> None:
    house = build(tmp_path / "state.db")
    house.service.failing = NotifyRefused("bad key")
    house.fire(ONE)
    house.wait(600)
    assert house.service.calls == 1
    assert [one.parked_reason for one in house.rows()] == ["bad key"]
    assert house.state.read(outbox.waiting)["pager"][:2] == (0, 1)
    house.service.failing = None
    house.state.close()
    house.open()
    house.deliver()
    assert house.service.said == ["Down firing 1"]


def test_what_waits_for_a_channel_that_is_no_more_is_dropped_and_counted(build: Build, tmp_path: Path) -> None:
    house = build(tmp_path / "state.db", ("pager", "chat"))
    house.fire(ONE)
    house.state.close()
    house.names = ("pager",)
    del house.services["chat"]
    house.open()
    assert house.dispatcher.dropped == 1
    assert [one.target for one in house.rows()] == ["pager"]


def test_the_outbox_is_bounded(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST_ROWS", 3)
    house = build(group_by=("...",))
    house.service.failing = DOWN
    house.fire(*(alert(broker=str(number)) for number in range(5)))
    assert len(house.rows()) == 3
    assert house.dispatcher.dropped == 2


def test_a_group_of_very_many_alerts_lists_some_and_counts_the_rest(house: House) -> None:
    house.fire(*(alert(broker=str(number)) for number in range(250)))
    house.deliver()
    (told,) = house.service.received
    assert (len(told.alerts), told.left_out) == (100, 150)
    house.wait(3600, 60)
    assert len(house.service.received) == 1


def test_that_it_is_over_is_told_again_for_a_while_where_the_service_forgets(build: Build) -> None:
    house = build()
    house.target = {**house.target, "alone": True, "pace": GroupTiming(interval=0.0, repeat=60.0, linger=300.0)}
    house.open()
    house.fire(ONE)
    house.wait(125)
    assert house.service.said == ["Down firing 1"] * 3
    house.end(ONE)
    house.wait(700)
    assert house.service.said[3:] == ["Down resolved"] * 5
    assert house.rows() == []


def test_a_clock_that_is_set_back_holds_nothing_up(house: House) -> None:
    house.fire(ONE)
    house.deliver()
    house.fire(TWO)  # due in a minute
    monotonic = house.clock.monotonic
    house.clock._now -= 3600
    house.clock.monotonic = lambda: monotonic() + 3600  # type: ignore[method-assign]
    house.wait(70)
    assert house.service.said == ["Down firing 1", "Down firing 1 2"]
