"""The check-up of readers: every right that is missing is named, with the policy that gives it."""

import json
from typing import Any

import pytest

from streamwatch.model.finding import Finding
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.sources.readers.doctor import examine
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.watching import config
from tests.sources.readers.functions import world

RIGHTS = {one: f"dynamodb:{one}" for one in ("ListTables", "DescribeTable", "Scan")}


def findings(aws: ReferenceAws, more: str = "readers: {kcl: {enabled: true}}") -> dict[str, Finding]:
    of = config(aws.url, more)
    return {one.step: one for one in examine(of.readers, of.access, of.regions, Time(aws.clock()))}


def tables(aws: ReferenceAws, *keys: str) -> None:
    aws.do(lambda cloud, now: [cloud.dynamodb().create(f"t{at}", key, now) for at, key in enumerate(keys)])


def test_every_call_that_the_agent_makes_is_tried() -> None:
    with cloud() as aws:
        tables(aws, "id", "leaseKey")
        assert {one.step: one.verdict for one in findings(aws).values()} == dict.fromkeys(RIGHTS, "ok")


@pytest.mark.parametrize("operation", RIGHTS)
def test_a_missing_right_is_named_with_its_policy(operation: str) -> None:
    with cloud() as aws:
        tables(aws, "leaseKey")
        aws.do(lambda cloud, now: faults.deny(cloud, now, operation=operation))
        found = findings(aws)[operation]

    assert found.verdict == "failed"
    policy = json.loads(found.remedy.partition(": ")[2])
    assert policy == {"Effect": "Allow", "Action": RIGHTS[operation], "Resource": "*"}


@pytest.mark.parametrize("keys", [(), ("id", "id")])
def test_an_account_without_lease_tables_is_told(keys: tuple[str, ...]) -> None:
    with cloud() as aws:
        tables(aws, *keys)
        assert findings(aws)["lease tables"].verdict == "warning"


def test_what_is_switched_off_is_not_tried() -> None:
    with cloud() as aws:
        assert findings(aws, "") == {}


FUNCTIONS = {"ListEventSourceMappings": "lambda", "GetMetricData": "cloudwatch"}
ON = "readers: {functions: {enabled: true}}"


def test_what_functions_need_is_tried_and_an_account_without_mappings_is_told() -> None:
    with cloud() as aws:
        found = findings(aws, ON)

    verdicts = {one.step: one.verdict for one in found.values()}
    assert verdicts == {**dict.fromkeys(FUNCTIONS, "ok"), "mappings": "warning"}


@pytest.mark.parametrize("operation", FUNCTIONS)
def test_a_right_that_functions_lack_is_named_with_its_policy(operation: str) -> None:
    with cloud() as aws:
        aws.do(lambda cloud, now: faults.deny(cloud, now, operation=operation))
        found = findings(aws, ON)[operation]

    policy = json.loads(found.remedy.partition(": ")[2])
    assert policy["Action"] == f"{FUNCTIONS[operation]}:{operation}"


def test_without_metrics_cloudwatch_is_not_tried() -> None:
    with cloud() as aws:
        assert "GetMetricData" not in findings(aws, "readers: {functions: {enabled: true, metrics: false}}")


LOSES = {"attempts": 2}
COUNTED = {"attempts": 2, "measured": ("EventCount",)}
FOR_EVER = {"attempts": -1}


@pytest.mark.parametrize(("given", "is_silent"), [(LOSES, True), (COUNTED, False), (FOR_EVER, False)])
def test_a_mapping_that_loses_records_without_a_word_is_named(given: dict[str, Any], is_silent: bool) -> None:  # noqa: FBT001 - a table
    with world() as it:
        it.poll(**given)
        it.minutes(2, "k")
        assert any("nothing counts" in one for one in it.reader.unknown) is is_silent
        found = findings(it.aws, ON).get("lost records")
        assert (found is not None and "bill" in found.detail) is is_silent
