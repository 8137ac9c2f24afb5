"""What keeps an alert from people is said in words: which silence, which alerts."""

from urllib.parse import parse_qs, urlparse

from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.notify.silence import Silence
from streamwatch.notify.standing import Standing
from streamwatch.notify.text import Links

LATE = Alert(Labels({"alertname": "Late", "severity": "warning", "kafka_cluster": "shop"}), "firing", 1.0, 7200.0)


def test_a_silence_is_said_with_who_made_it_until_when_and_why() -> None:
    by_hand = Silence(7, ("alertname=Late",), 1_800_000_000.0, by="ann", comment="we upgrade")
    standing = Standing(LATE, (), (by_hand, Silence(8, ("alertname=Late",), 1_800_000_000.0)), ())
    assert standing.reasons() == [
        "muted by silence 7 until 2027-01-15T08:00Z, by ann (we upgrade)",
        "muted by silence 8 until 2027-01-15T08:00Z",
    ]


def test_the_alerts_that_inhibit_it_are_named_as_far_as_they_are_known() -> None:
    standing = Standing(LATE, (), (), ("a", "b", "c", "d", "e"))
    assert standing.reasons() == ["its cause fires too (5)"]
    assert standing.reasons({"a": "Down", "b": "Down"}) == ["inhibited by Down, which fires too"]
    every = dict(zip("abcde", ("One", "Two", "Three", "Four", "Five"), strict=True))
    assert standing.reasons(every) == ["inhibited by Five, Four, One and 2 more, which fire too"]


def test_the_dashboard_of_an_alert_shows_its_time_and_its_labels() -> None:
    address = urlparse(Links(dashboard="https://grafana.example/d/kafka?orgId=1").dashboard_of(LATE))
    query = parse_qs(address.query)
    assert (query["orgId"], query["to"], query["var-kafka_cluster"]) == (["1"], ["now"], ["shop"])
    assert int(query["from"][0]) < LATE.active_at * 1000
    assert not {"var-alertname", "var-severity"} & query.keys()
    assert Links().dashboard_of(LATE) == ""
