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
