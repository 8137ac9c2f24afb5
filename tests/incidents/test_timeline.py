"""What happened when in an incident."""

from streamwatch.incidents.timeline import timeline
from tests.incidents.knowing import Note, alert, first


def test_it_has_what_changed_and_when_alerts_became_active_and_fired() -> None:
    shop = {"kafka_cluster": "shop"}
    moved = Note(90.0, "topic", "orders", "Somebody moved orders.")
    late = [alert("KafkaGroupLagging", shop, at=100.0, group=f"g{at}").but(fired_at=400.0) for at in range(3)]
    pending = alert("KafkaGroupDrainLong", shop, at=150.0, state="pending", group="g1", topic="orders")
    assert [(moment.at, moment.words) for moment in timeline(first(moved, *late, pending))] == [
        (90.0, "Somebody moved orders"),
        (100, "3 alerts KafkaGroupLagging: holds"),
        (150, "KafkaGroupDrainLong holds"),
        (400, "3 alerts KafkaGroupLagging: fires"),
    ]


def test_of_very_many_moments_the_first_and_the_last_are_listed() -> None:
    late = [alert("KafkaGroupLagging", at=100.0 + at, kafka_cluster="shop", group=f"g{at}") for at in range(50)]
    moments = timeline(first(*late))
    assert (len(moments), moments[0].at, moments[-1].at) == (20, 100, 149)
