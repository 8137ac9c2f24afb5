"""What MSK tells of an upgrade to Express brokers, as samples, as the snapshot's words, and on the page."""

import pytest

from streamwatch.catalogue import msk as m
from streamwatch.cli.tables import _upgrade
from streamwatch.collectors.msk import MskCollector
from streamwatch.export.web_page.clusters import _of_msk
from streamwatch.export.web_page.sample_index import SampleIndex
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.msk import Assessment, AssessmentFinding, ClusterOperation, MskSnapshot, Reassignment

ERROR = AssessmentFinding("TOPIC_CONFIGURATION", "ERROR", "orders", "It has 1 replica.", "Give it 3.")
INFO = AssessmentFinding("CAPACITY", "INFO", "", "express.m7g.large fits.", "")
FINDINGS = Assessment("arn:a", 7.0, (ERROR, ERROR, INFO))
REBOOT = (ClusterOperation("REBOOT_NODE", "PENDING"),)


def move(state: str, topics: int | None = 10, completed: int | None = 3) -> Reassignment:
    return Reassignment(state, "express.m7g.large", 5.0, topics, completed)


def samples(
    moves: tuple[Reassignment, ...] | None,
    found: Assessment | None = None,
    busy: tuple[ClusterOperation, ...] | None = REBOOT,
) -> list[Samples]:
    snapshot = MskSnapshot(
        source="s/msk",
        cluster="s",
        taken_at=9.0,
        read_seconds=0.1,
        described=None,
        operations=busy,
        reassignments=moves,
        assessment=found,
    )
    return MskCollector().collect(snapshot)


def known(
    moves: tuple[Reassignment, ...] | None, found: Assessment | None = None
) -> dict[Metric, dict[tuple[str, ...], float]]:
    return {one.metric: one.known() for one in samples(moves, found)}


@pytest.mark.parametrize(
    ("moves", "busy", "told"),
    [
        (None, REBOOT, {"REBOOT_NODE": 1}),
        ((), REBOOT, {"REBOOT_NODE": 1}),
        ((move("COMPLETE"), move("FAILED")), REBOOT, {"REBOOT_NODE": 1}),
        ((move("PENDING"), move("FAILED")), REBOOT, {"REBOOT_NODE": 1, "TOPIC_REASSIGNMENT": 1}),
        ((move("IN_PROGRESS"), move("STOPPING")), (), {"TOPIC_REASSIGNMENT": 2}),
        ((move("IN_PROGRESS"),), None, {}),
    ],
)
def test_moves_that_have_not_ended_are_operations(
    moves: tuple[Reassignment, ...] | None, busy: tuple[ClusterOperation, ...] | None, told: dict[str, float]
) -> None:
    found = {
        row[1]: v for one in samples(moves, busy=busy) if one.metric is m.OPERATIONS for row, v in one.known().items()
    }
    assert found == told


def test_the_newest_move_is_told_and_what_is_not_known_of_it_is_not() -> None:
    found = known((move("IN_PROGRESS", 10, None), move("FAILED")))

    assert found[m.REASSIGNMENT_STATE] == {("s", "IN_PROGRESS", "express.m7g.large"): 1}
    assert found[m.REASSIGNMENT_TOPICS] == {("s",): 10}
    assert m.REASSIGNMENT_COMPLETED not in found


def test_findings_are_counted_by_category_and_severity() -> None:
    found = known(None, FINDINGS)

    assert found[m.ASSESSMENT_FINDINGS] == {("s", "TOPIC_CONFIGURATION", "ERROR"): 2, ("s", "CAPACITY", "INFO"): 1}
    assert found[m.ASSESSMENT_TIME] == {("s",): 7}
    assert m.ASSESSMENT_FINDINGS not in known(None)


def test_the_snapshot_and_the_page_say_it_in_words() -> None:
    moves = (move("FAILED"),)

    assert dict(_upgrade("s", known(moves, FINDINGS))) == {
        "MSK moves topics to": "express.m7g.large: FAILED, 3 of 10 topics",
        "MSK's assessment": "2 ERROR TOPIC_CONFIGURATION, 1 INFO CAPACITY",
    }
    facts = _of_msk("s", SampleIndex(samples(moves, FINDINGS)))
    assert [(one.name, one.value, one.health) for one in facts] == [
        ("topics moved", "3 of 10, FAILED", "bad"),
        ("MSK's assessment", "2 ERROR, 1 INFO", "warn"),
    ]
    assert _of_msk("s", SampleIndex(samples(None))) == []
    assert dict(_upgrade("s", known(None))) == {}
