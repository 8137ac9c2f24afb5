"""Incidents as the API has them, and what they cost."""

import json

from streamwatch.catalogue import kafka as k
from streamwatch.incidents.answer import answer
from streamwatch.incidents.decide import decide
from streamwatch.incidents.known import Known
from tests.incidents.knowing import Note, alert, incidents, samples


def test_it_has_the_cause_the_evidence_the_impact_the_remedy_and_the_alerts() -> None:
    down = alert("KafkaBrokerDown", at=60.0, kafka_cluster="shop", broker="2")
    known = incidents(
        down,
        samples(k.BROKER_UP, {("shop", "1"): 1.0, ("shop", "2"): 0.0}),
        Note(50.0, "settings", "shop", "A setting was changed."),
    )
    (shown,) = answer(known, {"KafkaBrokerDown": "Start it again."})["incidents"]
    assert shown == {
        "id": "broker:shop/2",
        "cause": "broker",
        "about": ["broker", "shop", "2"],
        "sentence": "Broker 2 of shop does not answer.",
        "evidence": ["1 of 2 brokers does not answer the agent"],
        "state": "firing",
        "isOver": False,
        "since": "1970-01-01T00:01:00.000Z",
        "holdsSince": "1970-01-01T00:01:00.000Z",
        "remedy": "Start it again.",
        "runbook": "/runbooks/KafkaBrokerDown",
        "impact": {
            "partitions": None,
            "groups": {"count": 0, "names": []},
            "readers": {"count": 0, "names": []},
            "streams": {"count": 0, "names": []},
        },
        "changes": [
            {
                "at": "1970-01-01T00:00:50.000Z",
                "kind": "settings",
                "subject": "shop",
                "sentence": "A setting was changed.",
            }
        ],
        "timeline": [
            {"at": "1970-01-01T00:00:50.000Z", "what": "A setting was changed"},
            {"at": "1970-01-01T00:01:00.000Z", "what": "KafkaBrokerDown holds"},
            {"at": "1970-01-01T00:01:00.000Z", "what": "KafkaBrokerDown fires"},
        ],
        "alerts": [
            {
                "fingerprint": down.fingerprint,
                "alertname": "KafkaBrokerDown",
                "state": "firing",
                "severity": "critical",
                "activeAt": "1970-01-01T00:01:00.000Z",
            }
        ],
        "alertsLeftOut": 0,
    }


def test_what_is_not_known_is_null() -> None:
    (shown,) = answer(incidents(alert("OfSomebody")), {})["incidents"]
    assert (shown["cause"], shown["about"], shown["runbook"]) == (None, None, "")


def test_ten_thousand_alerts_are_answered_in_part_and_counted() -> None:
    known = [alert("KafkaGroupStuck", kafka_cluster="a", group=f"g{at}", topic="t") for at in range(10_000)]
    found = decide(Known(known, ()))
    shown = answer(found, {})
    assert len(found) == 10_000, "each group has its own cause"
    assert (len(shown["incidents"]), shown["incidentsLeftOut"]) == (500, 9_500)
    assert len(json.dumps(shown)) < 1_000_000

    late = [alert("KafkaGroupLagging", kafka_cluster="a", group=f"g{at}") for at in range(10_000)]
    (unknown,) = answer(decide(Known(late, ())), {})["incidents"]
    assert (len(unknown["alerts"]), unknown["alertsLeftOut"]) == (2_000, 8_000)
