"""Messages say the cause where it is known; whether one is sent does not hang on that."""

import json
import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack

import pytest

from streamwatch.model.alert import Alert
from streamwatch.model.notification import from_text, to_text
from streamwatch.notify.channels.webhook import payload
from streamwatch.notify.fit import fitted
from streamwatch.notify.text import Links, plain_text
from tests.notify.alerts import alert, notification
from tests.notify.house import House

Explain = Callable[[Collection[Alert]], Callable[[Alert], str]]
ONE, TWO = alert(broker="1"), alert(broker="2")
CAUSE = "Broker 2 of shop does not answer (12 partitions). First: Start it again. http://agent/runbooks/KafkaBrokerDown"


@pytest.fixture
def house() -> Iterator[House]:
    with ExitStack() as stack:
        made = House()
        stack.callback(made.state.close)
        yield made


def explaining(house: House, explain: Explain) -> House:
    house.dispatcher._explain = explain
    return house


def causes(house: House) -> list[str]:
    return [received.incident for received in house.service.received]


def test_a_message_has_the_first_cause_that_is_known_and_that_all_is_over_has_none(house: House) -> None:
    asked: list[int] = []

    def explain(alerts: Collection[Alert]) -> Callable[[Alert], str]:
        asked.append(len(alerts))
        return lambda of: CAUSE if of.labels["broker"] == "2" else ""

    explaining(house, explain).fire(ONE, TWO)
    house.deliver()
    assert (causes(house), asked) == ([CAUSE], [2])
    house.wait(300)
    assert asked == [2], "nothing is decided where nothing is sent"
    house.end(ONE, TWO)
    house.wait(60)
    assert causes(house) == [CAUSE, ""]


def test_what_fails_to_be_explained_is_sent_all_the_same(house: House, caplog: pytest.LogCaptureFixture) -> None:
    def explain(_: Collection[Alert]) -> Callable[[Alert], str]:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR):
        explaining(house, explain).fire(ONE)
    house.deliver()
    assert causes(house) == [""]
    assert house.service.said == ["Down firing 1"]
    assert "messages are sent without it" in caplog.text


def test_the_cause_stands_in_the_text_and_in_what_machines_read() -> None:
    shown = notification(ONE, incident=CAUSE)
    assert plain_text(shown, Links()).splitlines()[:2] == ["Down of 1", f"Cause: {CAUSE}"]
    assert "Cause" not in plain_text(notification(ONE), Links())
    assert json.loads(payload(shown, "hook", "http://agent"))["incident"] == CAUSE
    assert "incident" not in json.loads(payload(notification(ONE), "hook", "http://agent"))


def test_it_is_kept_with_the_notification_and_what_waited_before_has_none() -> None:
    shown = notification(ONE, incident=CAUSE)
    assert from_text(to_text(shown)) == shown
    old = json.loads(to_text(shown))
    del old["incident"]
    assert from_text(json.dumps(old)).incident == ""


def test_where_there_is_no_room_it_is_shortened() -> None:
    shown = notification(ONE, incident="x" * 100_000)
    part = fitted(shown, lambda each: each, lambda each: len(to_text(each)) < 2_000)
    assert part is not None
    assert part.alerts
    assert part.incident.endswith("…")
