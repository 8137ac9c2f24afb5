"""Incidents that were, and are."""

from streamwatch.incidents.past import PastIncidents
from tests.incidents.knowing import alert, incidents

STUCK = alert("KafkaGroupStuck", at=100.0, kafka_cluster="a", group="x", topic="t")
LATE = alert("KafkaGroupLagging", at=150.0, kafka_cluster="a", group="x")


def test_an_incident_is_there_once_from_its_first_alert_to_its_last() -> None:
    past = PastIncidents()
    past.see(incidents(STUCK.but(state="pending")), 100.0)
    assert past.all() == []
    past.see(incidents(STUCK), 110.0)
    past.see(incidents(STUCK, LATE), 160.0)
    (going,) = past.all()
    assert (going.id, going.since, going.ended) == ("reader_stands:a/x", 100.0, None)
    assert going.alerts == {STUCK.labels, LATE.labels}
    past.see(incidents(STUCK), 170.0)
    assert past.all()[0].alerts == going.alerts, "what hung below it for a while did"
    past.see([], 200.0)
    (over,) = past.all()
    assert over.ended == 200.0
    assert over.covers(dict(LATE.labels), 155.0)
    assert not over.covers(dict(LATE.labels), 201.0)
    assert not over.covers({"alertname": "Other"}, 155.0)
    past.see([], 200.0 + 9 * 86_400)
    past.see(incidents(STUCK), 200.0 + 9 * 86_400)
    assert [each.ended for each in past.all()] == [None], "what was over a week ago is forgotten"


def test_it_is_bounded() -> None:
    past = PastIncidents()
    for turn in range(3):
        names = [f"{turn}-{at}" for at in range(600)]
        past.see(
            incidents(*(alert("KafkaGroupStuck", kafka_cluster="a", group=name, topic="t") for name in names)), 1.0
        )
    assert len(past.all()) == 1000


def firing(name: str) -> PastIncidents:
    """Return incidents of which one goes on: that of a group of this name."""
    past = PastIncidents()
    past.see(incidents(alert("KafkaGroupStuck", at=100.0, kafka_cluster="a", group=name, topic="t")), 110.0)
    return past


def test_what_began_has_grown_or_ended_is_news_once() -> None:
    past = PastIncidents()
    past.see(incidents(STUCK), 110.0)
    assert [(each.id, each.ended) for each in past.news()] == [("reader_stands:a/x", None)]
    assert past.news() == []
    past.see(incidents(STUCK), 120.0)
    assert past.news() == [], "nothing has become of it"
    past.see(incidents(STUCK, LATE), 130.0)
    (grown,) = past.news()
    assert grown.alerts == {STUCK.labels, LATE.labels}
    past.see([], 140.0)
    past.see(incidents(STUCK, LATE), 150.0)
    assert [each.ended for each in past.news()] == [140.0, None], "it ended, and began anew, between two looks"
    assert past.news() == []


def test_after_a_restart_it_goes_on_where_an_alert_of_it_fires_and_else_is_over() -> None:
    known = [*firing("x").news(), *firing("y").news()]
    past = PastIncidents()
    past.restore(known, {STUCK.labels}, 500.0)
    assert [(each.id, each.ended) for each in past.all()] == [("reader_stands:a/y", 500.0), ("reader_stands:a/x", None)]
    assert [each.id for each in past.news()] == ["reader_stands:a/y"], "the other is written down already"
    past.see(incidents(STUCK.but(active_at=300.0), LATE), 600.0)
    assert past.all()[-1].since == 100.0, "it began when it began"
    past.see([], 700.0)
    assert [(each.id, each.since, each.ended) for each in past.all()] == [
        ("reader_stands:a/y", 100.0, 500.0),
        ("reader_stands:a/x", 100.0, 700.0),
    ]


def test_none_ends_before_it_began() -> None:
    past = PastIncidents()
    past.restore(firing("x").news(), set(), 50.0)
    assert [(each.since, each.ended) for each in past.all()] == [(100.0, 100.0)]
    going = firing("x")
    going.see([], 90.0)
    assert [(each.since, each.ended) for each in going.all()] == [(100.0, 100.0)], "the clock was set back"
