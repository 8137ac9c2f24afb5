"""The reference refuses what AWS refuses, by AWS's codes; beside other emulators: tests/real/test_refusals_table.py."""

import itertools

from tests.reference.kinesis.acting import NOON, Time, cloud
from tests.reference.kinesis.refusals import LIMITS, REFUSALS, Asker, answers


def test_what_aws_refuses_is_refused_by_its_codes() -> None:
    ticks = itertools.count(NOON)  # a second for each look: no limit is ever met
    with cloud(clock=lambda: next(ticks)) as aws:
        assert {case.what: found for case, found in answers(Asker(aws.url), REFUSALS)} == {
            case.what: case.code for case in REFUSALS
        }


def test_what_comes_too_fast_is_refused_by_aws_codes() -> None:
    for case in LIMITS:
        with cloud(Time()) as aws:
            assert list(answers(Asker(aws.url), (case,))) == [(case, case.code)]
