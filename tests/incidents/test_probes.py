"""Records of the probe that are lost: below what else is the matter, or by the causes of what was lost of late."""

import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_probe, kinesis_probe
from streamwatch.model.metric import Samples
from tests.incidents.knowing import PLACE, STREAM, Row, alert, first, incidents, kind, names, samples

AGE = kafka_probe.PROBE.failure_age
ATTEMPTS = samples(kafka_probe.PROBE.attempts, {("shop", "1"): 900.0, ("shop", "2"): 900.0})
FAILING = alert("KafkaProbeFailing", kafka_cluster="shop")


def ages(**by_broker: tuple[str, str, float]) -> Samples:
    rows: dict[Row, float] = {
        ("shop", broker.strip("b"), stage, cause): age for broker, (stage, cause, age) in by_broker.items()
    }
    return samples(AGE, rows)


def test_what_one_broker_loses_is_its_own_and_what_all_lose_is_the_networks() -> None:
    one = first(FAILING, ATTEMPTS, ages(b2=("produce", "timeout", 3.0)))
    all_of_them = first(FAILING, ATTEMPTS, ages(b1=("produce", "timeout", 3.0), b2=("produce", "timeout", 1.0)))

    assert (kind(one), kind(all_of_them)) == ("broker", "network")
    assert one.sentence.startswith("Records of the probe through broker 2 of shop are lost: no answer comes in time")
    assert "brokers 1 and 2 of shop" in all_of_them.sentence


def test_a_cause_that_is_over_is_not_blamed_and_none_is_made_up() -> None:
    old = ages(b1=("produce", "disk", 301.0), b2=("produce", "not_enough_replicas", 299.0))

    assert "broker 2 of shop were lost: too few replicas are in sync" in first(FAILING, ATTEMPTS, old).sentence
    assert kind(first(FAILING, ATTEMPTS, ages(b1=("produce", "disk", 301.0)))) == ""
    assert kind(first(FAILING)) == ""


def test_what_is_lost_now_of_another_cause_or_broker_does_not_make_one_that_is_over_go_on() -> None:
    other = ages(b1=("produce", "timeout", 3.0), b2=("produce", "not_enough_replicas", 200.0))
    assert "through broker 2 of shop were lost: too few replicas" in first(FAILING, ATTEMPTS, other).sentence
    two = ages(b1=("produce", "timeout", 200.0), b2=("produce", "timeout", 3.0))
    assert first(FAILING, ATTEMPTS, two).sentence.startswith(
        "Records of the probe through broker 2 of shop are lost, and through broker 1 of shop were lost: no answer"
    )
    stages = samples(AGE, {("shop", "2", stage, "timeout"): age for stage, age in (("fetch", 3.0), ("produce", 200.0))})
    assert "through broker 2 of shop are lost: no answer" in first(FAILING, ATTEMPTS, stages).sentence

    failing = alert("KinesisProbeFailing", STREAM)
    rows: dict[Row, float] = {(*PLACE, "produce", "timeout"): 3.0, (*PLACE, "produce", "throttled"): 200.0}
    over = first(failing, samples(kinesis_probe.PROBE.failure_age, rows))
    assert "purchases were lost: the stream is asked for more" in over.sentence


def test_brokers_that_are_down_explain_it() -> None:
    up = samples(k.BROKER_UP, {("shop", "1"): 1.0, ("shop", "2"): 0.0})
    (incident,) = incidents(
        alert("KafkaBrokerDown", kafka_cluster="shop", broker="2"),
        FAILING,
        ATTEMPTS,
        up,
        ages(b2=("produce", "refused", 1.0)),
    )

    assert kind(incident) == "broker"
    assert set(names(incident)) == {"KafkaBrokerDown", "KafkaProbeFailing"}


@pytest.mark.parametrize(
    ("cause", "expected", "words"),
    [
        ("throttled", "capacity", "the stream is asked for more than its shards allow"),
        ("auth", "monitor", "the probe's login or right is refused"),
        ("stream_missing", "monitor", "the probe's stream is gone"),
        ("unavailable", "upstream", "Kinesis answers with errors"),
    ],
)
def test_a_streams_losses_are_named(cause: str, expected: str, words: str) -> None:
    lost = samples(kinesis_probe.PROBE.failure_age, {(*PLACE, "produce", cause): 2.0})
    incident = first(alert("KinesisProbeFailing", STREAM), lost)

    assert kind(incident) == expected
    assert incident.sentence.startswith(f"Records of the probe through stream purchases are lost: {words}")
