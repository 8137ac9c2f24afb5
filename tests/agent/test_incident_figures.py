"""Incidents and alerts as samples."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from streamwatch.agent.incident_figures import IncidentFigures, alert_figures
from streamwatch.catalogue import agent as c
from streamwatch.catalogue import incidents as i
from streamwatch.catalogue import kafka as k
from streamwatch.core.clock import ManualClock
from streamwatch.incidents.incident import Cause, Incident
from streamwatch.model.alert import Alert
from streamwatch.model.metric import Samples
from tests.incidents.knowing import alert, incidents, samples

UP = samples(k.BROKER_UP, {("shop", "1"): 1.0, ("shop", "2"): 0.0})
DOWN = alert("KafkaBrokerDown", kafka_cluster="shop", broker="2", at=70.0, severity="warning")


def rows(found: Samples) -> list[tuple[Mapping[str, str], float]]:
    """Each sample's labels that are not empty, and its value."""
    named = [dict(zip(found.keys.names, row, strict=True)) for row in found.keys.rows]
    each = [{name: value for name, value in labels.items() if value} for labels in named]
    return list(zip(each, [float(one) for one in found.values], strict=True))


def told(*some: Incident) -> list[tuple[Mapping[str, str], float]]:
    return rows(IncidentFigures(lambda: some, ManualClock(1.0)).samples())


def reworded(incident: Incident, words: str) -> Incident:
    assert incident.cause is not None
    return replace(incident, cause=replace(incident.cause, sentence=words))


def test_an_incident_says_its_cause_where_it_is_how_bad_and_since_when() -> None:
    found = told(*incidents(UP, DOWN, alert("KafkaUnreachablePartitions", kafka_cluster="shop", at=90.0)))
    assert found == [
        (
            {
                "incident": "broker:shop/2",
                "severity": "critical",
                "sentence": "Broker 2 of shop does not answer",
                "kafka_cluster": "shop",
                "broker": "2",
            },
            70.0,
        )
    ]


def test_of_what_has_no_known_cause_the_alerts_name_is_said() -> None:
    late = {"kafka_cluster": "shop", "group": "billing"}
    ((labels, at),) = told(*incidents(alert("Mine", late), alert("Other", late, at=50.0, severity="info")))
    assert at == 100.0, "since when the alert is there that it names"
    assert labels == {
        "incident": "not known:shop",
        "severity": "critical",
        "sentence": "The cause is not known: Mine and 1 more",
        **late,
    }


def test_what_may_be_over_in_a_moment_is_pending_and_what_only_waits_to_be_resolved_is_over() -> None:
    pending: Alert = alert("KafkaBrokerDown", kafka_cluster="shop", broker="2", state="pending")
    ((labels, _),) = told(*incidents(UP, pending))
    assert labels["severity"] == "pending"
    assert told(*incidents(alert("Mine", kafka_cluster="shop", state="pending"))) == [], "which tells nobody anything"
    ((labels, _),) = told(*incidents(UP, replace(DOWN, keep_firing_since=80.0)))
    assert labels["severity"] == "over"


def test_it_is_since_when_it_is_as_the_sentence_says() -> None:
    (incident,) = incidents(UP, DOWN)
    ((_, at),) = told(replace(incident, holds_since=75.0))
    assert at == 75.0


def test_an_incident_is_as_old_as_its_cause_and_one_that_is_over_as_its_end() -> None:
    known = UP, alert("KafkaUnderMinIsr", kafka_cluster="shop", at=0.0)
    ((_, since),) = told(*incidents(*known, DOWN))
    assert since == 70.0
    ((labels, ended),) = told(*incidents(*known, replace(DOWN, keep_firing_since=4000.0)))
    assert (labels["sentence"], ended) == ("Over: Broker 2 of shop does not answer", 4000.0)
    ((labels, ended),) = told(*incidents(UP, replace(DOWN, keep_firing_since=4000.0)))
    assert (labels["severity"], labels["sentence"], ended) == ("over", "Broker 2 of shop does not answer", 4000.0)


def test_there_are_at_most_twenty() -> None:
    some = incidents(*(alert("Mine", kafka_cluster=f"shop-{at}") for at in range(30)))
    assert len(some) == 30
    assert [labels["incident"] for labels, _ in told(*some)] == [one.id for one in some[:20]]


def test_a_number_in_a_sentence_makes_another_series_once_a_minute_at_most_and_a_word_at_once() -> None:
    clock, (incident,) = ManualClock(1.0), incidents(UP, DOWN)
    now = [reworded(incident, "It reads 7.5 records")]
    figures = IncidentFigures(lambda: now, clock)

    def sentence() -> str:
        ((labels, _),) = rows(figures.samples())
        return labels["sentence"]

    assert sentence() == "It reads 7.5 records"
    now[0] = reworded(incident, "It reads 8 records")
    clock.advance(59.0)
    assert sentence() == "It reads 7.5 records"
    clock.advance(1.0)
    assert sentence() == "It reads 8 records"
    now[0] = reworded(incident, "It stands")
    assert sentence() == "It stands"
    now[0] = reworded(incident, "x" * 201)
    assert sentence() == "x" * 199 + "…"


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ("It reads 990 of 1,500 records", "It reads 1,010 of 1.5e+03 records"),
        ("Samples have waited for 59m 59s for a", "Samples have waited for 1h 0m 0s for a"),
        ("One shard gets 99.9% more", "One shard gets 101.3% more"),
        ("It holds 999 partitions", "It holds 1k partitions"),
        ("Broker 2 lacks 3 records, 4 now", "Broker 2 lacks 5 records, 6 now"),
    ],
)
def test_an_amount_is_held_however_it_is_written(before: str, then: str) -> None:
    assert _a_moment_later(before, then) == before


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ("Brokers 1 and 2 of shop do not answer", "Brokers 3 and 4 of shop do not answer"),
        ("Brokers 1, 2 and 3 do not answer", "Brokers 1, 2 and 4 do not answer"),
        ("Through broker 1 records are lost", "Through broker 2 records are lost"),
        ("It cannot pass a record: partition 1 of t", "It cannot pass a record: partition 2 of t"),
        ("Shard shardId-000000000001 is hot", "Shard shardId-000000000002 is hot"),
        ("Workers do not answer: 10.0.0.1:8083", "Workers do not answer: 10.0.0.2:8083"),
    ],
)
def test_a_number_that_is_a_name_is_told_at_once(before: str, then: str) -> None:
    assert _a_moment_later(before, then) == then


def _a_moment_later(before: str, then: str) -> str:
    """Return what is told one second after the one, when it is the other."""
    clock, (incident,) = ManualClock(1.0), incidents(UP, DOWN)
    now = [reworded(incident, before)]
    figures = IncidentFigures(lambda: now, clock)
    figures.samples()
    now[0] = reworded(incident, then)
    clock.advance(1.0)
    ((labels, _),) = rows(figures.samples())
    return labels["sentence"]


def test_a_cause_of_a_kind_that_no_label_names_has_none() -> None:
    (incident,) = incidents(UP, DOWN)
    odd = Cause("monitor", ("share", "0/2"), "It is late", (), "", ())
    assert told(replace(incident, cause=odd))[0][0].keys() == {"incident", "severity", "sentence"}


def test_alerts_with_the_same_labels_are_counted_and_the_oldest_says_since_when() -> None:
    counts, since = alert_figures([replace(DOWN, active_at=at) for at in (70.0, 60.0, 80.0)] + [alert("Mine")])
    assert (counts.metric, since.metric) == (c.ALERTS, i.ALERTS_START)
    assert [value for _, value in rows(counts)] == [3.0, 1.0]
    assert [value for _, value in rows(since)] == [60.0, 100.0]
    assert [labels for labels, _ in rows(counts)] == [labels for labels, _ in rows(since)]
