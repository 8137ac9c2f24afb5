"""From Standard to Express brokers: topics that MSK moves, and what its adviser found."""

from functools import partial
from typing import Any

import pytest

from streamwatch.catalogue import msk as m
from streamwatch.reference.aws import faults
from streamwatch.sources.msk import doctor, upgrade
from streamwatch.sources.msk.rights import UPGRADE
from tests.sources.msk.house import House, read, told

CALLS = [operation for _, operation in UPGRADE.calls]
KNOWN = pytest.mark.skipif(not upgrade.is_offered(), reason="the boto3 that is installed is older than 1.44.7")


def examined(house: House) -> dict[str, list[tuple[str, str]]]:
    """What doctor says, by step."""
    config: Any = house.config("cluster: shop").msk
    found: dict[str, list[tuple[str, str]]] = {}
    for one in doctor.examine("k", config, house.time, bootstrap=False, pages=True):
        found.setdefault(one.step, []).append((one.verdict, f"{one.detail} {one.remedy}"))
    return found


@KNOWN
def test_a_move_of_topics_is_an_operation_until_it_has_ended(house: House) -> None:
    msk = house.msk()
    _, samples = read(msk)
    assert told(samples, m.OPERATIONS) == told(samples, m.REASSIGNMENT_STATE) == {}
    seen = []
    for state, completed in (("PENDING", 0), ("IN_PROGRESS", 1), ("FAILED", 1), ("IN_PROGRESS", 0), ("COMPLETE", 2)):
        house.aws.do(partial(faults.reassign_topics, state=state, completed=completed))
        house.time.advance(60)
        now, samples = read(msk)
        assert now.problems == ()
        assert told(samples, m.REASSIGNMENT_STATE) == {f"{state} express.m7g.large": 1}
        total, done = told(samples, m.REASSIGNMENT_TOPICS)[""], told(samples, m.REASSIGNMENT_COMPLETED)[""]
        assert done == (total if state == "COMPLETE" else min(completed, total))
        seen.append(told(samples, m.OPERATIONS))

    running: dict[str, float] = {"TOPIC_REASSIGNMENT": 1}
    assert seen == [running, running, {}, running, {}]
    assert len(now.reassignments) == 2


@KNOWN
def test_what_msks_adviser_found_is_counted_and_in_the_check_up_word_for_word(house: House) -> None:
    msk = house.msk()
    assert told(read(msk)[1], m.ASSESSMENT_FINDINGS) == {}, "nobody asked it"
    house.aws.do(faults.assess)
    at = house.time.now()
    house.time.advance(600)
    now, samples = read(msk)
    found = now.assessment.findings

    assert {one.message for one in found} >= {"The cluster runs Apache Kafka 4.3.0 with KRaft."}
    counted = told(samples, m.ASSESSMENT_FINDINGS)
    assert sum(counted.values()) == len(found)
    assert counted["INFRASTRUCTURE ERROR"] == 1
    assert told(samples, m.ASSESSMENT_TIME) == {"": at}
    said = examined(house)["assessment"]
    assert len(said) == len(found)
    expected = (
        "ERROR of INFRASTRUCTURE: shop: The cluster runs Apache Kafka 4.3.0 with KRaft. Move to version 3.9 with KRaft."
    )
    assert ("warning", expected) in said


@KNOWN
def test_findings_are_read_once_for_each_assessment(house: House) -> None:
    msk = house.msk()
    source: Any = msk.source

    def calls() -> dict[str, int]:
        return {one.operation: one.calls for one in source._caller.counts() if one.operation in CALLS}

    for assessed, expected in ((True, 1), (False, 1), (False, 1), (True, 2)):
        if assessed:
            house.aws.do(faults.assess)
        house.time.advance(600)
        read(msk)
        assert calls()["ListAssessmentFindings"] == expected
    assert calls()["ListAssessments"] == 4


@KNOWN
def test_an_assessment_that_has_not_ended_has_no_findings_and_is_no_problem(house: House) -> None:
    house.aws.do(faults.assess)
    house.cluster.assessments[0]["Status"] = "IN_PROGRESS"
    now, samples = read(house.msk())

    assert now.problems == ()
    assert now.assessment is None
    assert told(samples, m.ASSESSMENT_FINDINGS) == {}
    assert "ListAssessmentFindings" not in examined(house)


@KNOWN
@pytest.mark.parametrize("operation", CALLS)
def test_a_right_that_was_never_there_is_nobodys_problem(house: House, operation: str) -> None:
    house.aws.do(faults.assess)
    house.aws.do(partial(faults.deny, operation=operation))
    now, _ = read(house.msk())

    assert now.problems == ()
    verdict, detail = examined(house)[operation][0]
    assert verdict == "skipped"
    assert f"kafka:{operation}" in detail
    assert "not needed" in detail


@KNOWN
@pytest.mark.parametrize(
    ("operation", "metric", "interval"),
    [("ListTopicReassignments", m.REASSIGNMENT_STATE, 60), ("ListAssessments", m.ASSESSMENT_FINDINGS, 600)],
)
@pytest.mark.parametrize("refuse", [faults.deny, faults.throttle])
def test_what_was_told_stays_for_twice_its_interval(
    house: House, operation: str, metric: Any, interval: int, refuse: Any
) -> None:
    house.aws.do(faults.reassign_topics)
    house.aws.do(faults.assess)
    msk = house.msk()
    known = told(read(msk)[1], metric)
    house.aws.do(partial(refuse, operation=operation))
    for passed in range(60, 2 * interval + 1, 60):
        house.time.advance(60)
        now, samples = read(msk)
        assert told(samples, metric) == known != {}
        assert [operation in one.detail for one in now.problems] == [True] * (passed >= interval)
    house.time.advance(60)
    now, samples = read(msk)
    assert told(samples, metric) == {}
    house.aws.do(partial(refuse, operation=operation, on=False))
    house.time.advance(60)
    now, samples = read(msk)

    assert told(samples, metric) == known
    assert now.problems == ()


@KNOWN
def test_a_serverless_cluster_is_not_asked(house: House) -> None:
    house.become("serverless")
    now, _ = read(house.msk())

    assert now.problems == ()
    assert {one.operation for one in now.calls}.isdisjoint(CALLS)
    assert set(examined(house)).isdisjoint(CALLS)


def test_an_older_boto3_is_no_problem_and_is_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrade, "is_offered", lambda: False)
    monkeypatch.setattr(doctor, "is_offered", lambda: False)
    now, samples = read(house.msk())

    assert now.problems == ()
    assert told(samples, m.CLUSTER_STATE) == {"ACTIVE": 1}
    assert now.reassignments is None
    assert examined(house)["ListTopicReassignments"][0][0] == "skipped"
