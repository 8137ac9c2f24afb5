"""What one agent notified becomes what another knows: a takeover repeats nothing, and ends what has ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.notification import to_text
from streamwatch.notify import outbox, silence_store
from streamwatch.notify.plan import MaybeDelivered
from streamwatch.notify.silence import Silence
from streamwatch.pair import adopt
from streamwatch.pair.adopt import Adopter
from streamwatch.pair.document import MOST_ALERTS, Body, Head, Notified, body_text, digest, document, read
from streamwatch.pair.sight import Disagreement, disagreements, together
from tests.notify.alerts import alert
from tests.notify.house import House

SKEW = 5000.0


@contextmanager
def two() -> Iterator[tuple[House, House]]:
    """Two agents whose clocks differ by more than an hour."""
    holder, other = House(group_interval=60.0), House(group_interval=60.0)
    holder.clock.jump(SKEW)
    holder.open()
    try:
        yield holder, other
    finally:
        holder.state.close()
        other.state.close()


def said(house: House) -> list[Notified]:
    return [
        Notified(
            each.row.target, each.row.key, each.row.delivered, each.row.delivered_at,
            each.row.maybe_delivered is not MaybeDelivered.NO, to_text(each.content),
        )
        for each in house.state.read(outbox.entries) if not each.row.is_unknown_to_service
    ]  # fmt: skip


def hear(house: House, notified: list[Notified], over: dict[tuple[str, str], float] | None = None) -> None:
    who = Adopter(house.names, sends=False, over=over or {})
    house.state.write(lambda c: adopt.adopt(c, notified, who, -SKEW))
    house.decide()


def test_a_takeover_repeats_nothing_and_ends_what_has_ended() -> None:
    with two() as (holder, other):
        for house in (holder, other):
            house.fire(alert())
        holder.deliver()
        hear(other, said(holder))
        other.deliver()
        assert other.service.received == [], "it was told already"
        other.end(alert())
        other.wait(120)
        assert [one.status for one in other.service.received] == ["resolved"]


def test_what_only_the_other_saw_is_ended_too() -> None:
    with two() as (holder, other):
        holder.fire(alert())
        holder.deliver()
        hear(other, said(holder))
        other.wait(120)
        assert [(one.status, one.alerts[0].name) for one in other.service.received] == [("resolved", alert().name)]


def test_an_end_that_was_said_is_not_said_again() -> None:
    with two() as (holder, other):
        for house in (holder, other):
            house.fire(alert())
        holder.deliver()
        before = said(holder)
        hear(other, before)
        for house in (holder, other):
            house.end(alert())
        holder.wait(120)
        assert [one.status for one in holder.service.received] == ["firing", "resolved"]
        ended = Notified("pager", before[0].key, frozenset(), holder.clock.now(), maybe=False, content="")
        hear(other, [ended])
        other.wait(120)
        assert other.service.received == []
        hear(other, before, {("pager", before[0].key): other.clock.now()})
        other.wait(120)
        assert other.service.received == [], "what a peer says that slept is older than the end"


def test_a_doubt_is_heard_and_ends_with_a_resolved_notification() -> None:
    with two() as (holder, other):
        holder.fire(alert())
        entry = holder.state.read(outbox.entries)[0]
        doubt = Notified("pager", entry.row.key, None, float("-inf"), maybe=True, content=to_text(entry.content))
        hear(other, [doubt])
        other.wait(120)
        assert [one.status for one in other.service.received] == ["resolved"]


def test_silences_are_in_common_and_the_last_change_counts() -> None:
    with two() as (holder, other):
        for house in (holder, other):
            house.state.write(silence_store.share_numbers)
        add: Any = lambda c: silence_store.add(c, ["alertname=Down"], 9e9, "me", "", 0.0, 1000.0)  # noqa: E731
        first, second = holder.state.write(add), other.state.write(add)
        assert first != second, "no two agents give one number"

        def silences(house: House) -> dict[int, Silence]:
            return {each.number: each for each in house.state.read(lambda c: silence_store.ended_after(c, 0.0))}

        other.state.write(lambda c: adopt.adopt_silences(c, silences(holder).values(), 1500.0))
        assert set(silences(other)) == {first, second}
        other.state.write(lambda c: silence_store.end(c, first, 2000.0))
        assert holder.state.write(lambda c: adopt.adopt_silences(c, silences(other).values(), 2000.0))
        assert silences(holder)[first].until == 2000.0
        again = other.state.write(lambda c: adopt.adopt_silences(c, silences(holder).values(), 1500.0))
        assert not again, "it comes to an end"


def test_alerts_fire_as_long_as_a_living_peer_sees_them() -> None:
    mine, theirs, both = (alert(broker=str(number)) for number in range(3))
    own: list[Alert] = [mine, both.but(state="inactive", resolved_at=1.0)]
    found = {each.labels: each.state for each in together(own, [[theirs, both]], [])}
    assert found == {mine.labels: "firing", theirs.labels: "firing", both.labels: "firing"}
    assert together([mine.but(state="pending")], [], [[mine, theirs]]) == [mine], "it has gone; here it is pending"
    assert together([], [], [[mine]]) == []


def test_agents_disagree_on_what_fires_for_one_and_is_not_even_pending_for_the_other() -> None:
    mine, theirs, both = (alert(broker=str(number)) for number in range(3))
    about_one = Alert(Labels({"alertname": "StreamWatchBlind"}), "firing", 0.0, 0.0)
    assert disagreements([mine, both], Body((both, theirs))) == {mine.labels, theirs.labels}
    assert disagreements([theirs.but(state="pending")], Body((theirs,))) == set(), "this one began later"
    assert disagreements([mine], Body(pending=frozenset({mine.fingerprint}))) == set(), "the other one began later"
    assert disagreements([theirs.but(state="inactive")], Body((theirs,))) == {theirs.labels}, "here it is over"
    assert disagreements([about_one], Body()) == set()
    every = tuple(alert(broker=str(number)) for number in range(MOST_ALERTS))
    more = mine.but(labels=Labels({"alertname": "More"}))
    assert disagreements([*every, more], Body(every)) == set(), "what the other says may be cut"


def test_agents_disagree_for_as_long_as_on_the_same_alert_and_nobody_knows_while_one_is_not_heard() -> None:
    first, second = alert(broker="1"), alert(broker="2")
    disagreement = Disagreement(forgets_after=5.0)
    for now, theirs in ((0.0, (first,)), (4.0, (first, second)), (8.0, (second,))):
        disagreement.hear([], Body(theirs), now)
    assert (disagreement.count, disagreement.seconds(9.0)) == (1, 5.0)
    disagreement.hear([], Body((second,)), 600.0)
    assert disagreement.seconds(601.0) == 1.0, "the peer was away"
    disagreement.hear([second], Body((second,)), 602.0)
    assert (disagreement.count, disagreement.seconds(603.0)) == (0, 0.0)


def test_a_document_comes_back_as_it_was_and_nonsense_is_refused() -> None:
    some = Notified("pager", "k", frozenset({"1"}), 5.0, maybe=False, content="")
    silence = Silence(7, ("a=b",), 9.0, "me", "why", 1.0, 2.0)
    text = body_text([alert()], ["0a"], [some], [silence])
    head = Head("a", "1", 10.0, True, False, 3, True, False, digest(text))  # noqa: FBT003 - fields
    found, body = read(document(head, text))
    assert (found, body) == (head, Body((alert(),), frozenset({"0a"}), (some,), (silence,)))
    assert read(document(head, "")) == (head, None)
    for wrong in (b"", b"[]", b"{}", b'{"head": 1}', document(head, "[1]"), document(head, '{"alerts": 1}')):
        try:
            read(wrong)
        except ValueError:
            continue
        raise AssertionError(wrong)
