"""The check-up of a cluster of MSK's: every call that the agent makes is tried, and no other."""

import json
from functools import partial
from typing import Any

import pytest

from streamwatch.model.finding import Finding
from streamwatch.reference.aws import faults
from streamwatch.sources.aws.rights import rights_of
from streamwatch.sources.kafka import rights as kafka_rights
from streamwatch.sources.msk.doctor import examine
from streamwatch.sources.msk.rights import ALWAYS, BOOTSTRAP, BY_NAME, CLOUDWATCH, TOPICS, UPGRADE, USES, Use
from streamwatch.sources.msk.upgrade import is_offered
from tests.sources.msk.house import House, read

ALL = "cluster: shop, topics: {}"
NEEDED = {operation for use in USES if use is not UPGRADE for _, operation in use.calls}
UPGRADES = {operation for _, operation in UPGRADE.calls} if is_offered() else set()
"""None where the boto3 that is installed does not know them."""


def findings(house: House, msk: str = ALL, *, bootstrap: bool = True, pages: bool = True) -> dict[str, Finding]:
    config: Any = house.config(msk).msk
    return {one.step: one for one in examine("k", config, house.time, bootstrap=bootstrap, pages=pages)}


def test_every_call_that_the_agent_makes_is_tried(house: House) -> None:
    house.aws.do(faults.assess)
    found = findings(house)
    del found["assessment" if UPGRADES else "ListTopicReassignments"]

    assert set(found) == {"credentials", *NEEDED, *UPGRADES} - {"ListClustersV2"}
    assert {one.verdict for one in found.values()} == {"ok"}


@pytest.mark.parametrize("operation", sorted(NEEDED))
def test_a_missing_right_is_named_with_its_policy(house: House, operation: str) -> None:
    house.aws.do(partial(faults.deny, operation=operation))
    found = findings(house)[operation]
    service = "cloudwatch" if operation in {"ListMetrics", "GetMetricData"} else "kafka"

    assert found.verdict == "failed"
    if operation == "ListClustersV2":
        assert found.remedy.startswith("allow kafka:ListClustersV2")
        return
    actions = json.loads(found.remedy.partition(": ")[2])["Action"]
    assert tuple([actions] if isinstance(actions, str) else actions) == rights_of(service, operation)


def test_what_is_not_used_is_not_tried(house: House) -> None:
    found = findings(house, "cluster: shop, cloudwatch: {enabled: false}", bootstrap=False)

    upgrade = {"ListTopicReassignments"} | (UPGRADES - {"ListAssessmentFindings"})
    assert set(found) - upgrade == {"credentials", "DescribeClusterV2", "ListClusterOperationsV2"}


@pytest.mark.parametrize(("pages", "on", "verdict"), [(True, False, "failed"), (False, True, "warning")])
def test_exporters_that_are_off_or_not_used_are_told(house: House, *, pages: bool, on: bool, verdict: str) -> None:
    house.cluster.open_monitoring = on

    assert findings(house, pages=pages)["open monitoring"].verdict == verdict


@pytest.mark.parametrize(("pages", "on"), [(True, True), (False, False)])
def test_exporters_that_are_as_expected_are_not_worth_a_word(house: House, *, pages: bool, on: bool) -> None:
    house.cluster.open_monitoring = on

    assert "open monitoring" not in findings(house, pages=pages)


@pytest.mark.parametrize(
    ("msk", "more", "uses"),
    [
        (ALL, "", USES),
        ("cluster: '{arn}', cloudwatch: {enabled: false}", "bootstrap: {servers},", (ALWAYS,)),
        ("cluster: '{arn}'", "bootstrap: {servers},", (ALWAYS, CLOUDWATCH)),
        ("cluster: '{arn}', topics: {}, cloudwatch: {enabled: false}", "protocol: false,", (ALWAYS, TOPICS)),
        ("cluster: shop, cloudwatch: {enabled: false}", "bootstrap: {servers},", (ALWAYS, BY_NAME)),
        ("cluster: '{arn}', cloudwatch: {enabled: false}", "", (ALWAYS, BOOTSTRAP)),
    ],
)
def test_the_documents_name_the_calls_that_are_made(house: House, msk: str, more: str, uses: tuple[Use, ...]) -> None:
    house.minute()
    house.aws.do(faults.assess)
    parts = house.parts(msk.replace("{arn}", house.cluster.arn), more)
    for part in parts:
        read(part)
    source: Any = parts[-1].source

    assert {(one.service, one.operation) for one in source._caller.counts()} == {
        call for use in uses if use is not UPGRADE for call in use.calls
    } | {("kafka", operation) for operation in UPGRADES}


def test_every_right_of_the_protocol_has_its_name_in_iam() -> None:
    needed = {probe.needs for probe in kafka_rights._PROBES} | {"DESCRIBE on topics"}

    assert needed == set(kafka_rights.IAM)
