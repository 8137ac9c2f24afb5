"""Label sets: equal by their content, whatever the order, and without what is empty."""

import pytest

from streamwatch.model.labels import Labels

ONE = Labels({"__name__": "up", "job": "k", "broker": "1"})


def test_the_order_does_not_matter_and_an_empty_label_is_none() -> None:
    other = Labels([("broker", "1"), ("job", "k"), ("__name__", "up"), ("zone", "")])

    assert other == ONE
    assert hash(other) == hash(ONE)
    assert list(other) == ["__name__", "broker", "job"]
    assert len(other) == 3


def test_they_are_changed_by_making_others() -> None:
    assert ONE.only(["job", "zone"]) == Labels({"job": "k"})
    assert ONE.without(["__name__"]) == Labels({"job": "k", "broker": "1"})
    assert ONE.updated({"job": "", "zone": "a"}) == Labels({"__name__": "up", "broker": "1", "zone": "a"})
    assert ONE["job"] == "k"
    assert ONE.get("zone", "") == ""
    with pytest.raises(KeyError):
        ONE["zone"]


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (ONE, 'up{broker="1", job="k"}'),
        (Labels({"__name__": "up"}), "up"),
        (Labels(), "{}"),
        (Labels({"a": 'q"u\\o\nte'}), '{a="q\\"u\\\\o\\nte"}'),
    ],
)
def test_they_are_shown_as_prometheus_writes_them(labels: Labels, shown: str) -> None:
    assert str(labels) == shown


def test_they_sort_by_their_content() -> None:
    ordered = [Labels(), Labels({"a": "2"}), Labels({"b": "1"})]

    assert sorted([ordered[2], ordered[0], ordered[1]]) == ordered
