"""What is found out of the transactions behind stable offsets that stand, with all rights and with few."""

from typing import Any

import pytest

from streamwatch.model.kafka import NOT_KNOWN, OpenTransaction
from tests.prepared import Truth
from tests.sources.kafka.making import INTERVAL, Watched, watched

ORDERS = ("orders", 0)
BEGIN = 1_700_000_000
QUESTIONS = ("DescribeProducers", "ListTransactions", "DescribeTransactions")


def truth(**changes: Any) -> Truth:
    made = Truth({"orders": 6}, stable={ORDERS: 90}, producers={ORDERS: [(7, -1, 1), (8, 90, (BEGIN - 5000) * 1000)]})
    made.transactional = {"shop-1": (2, 8, (BEGIN - 3000) * 1000, [ORDERS])}
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def held(seen: Watched) -> OpenTransaction:
    """Read until a transaction is told."""
    for _ in range(5):
        found = seen.read().transactions
        if found:
            assert len(found) == 1
            return found[0]
    raise AssertionError("nothing found")


def asked(seen: Watched) -> set[str]:
    return seen.asked.keys() & set(QUESTIONS)


def test_who_holds_readers_back_is_named_once_that_has_lasted() -> None:
    with watched(truth()) as seen:
        for _ in range(2):
            assert seen.read().transactions == ()
            assert asked(seen) == set()
        now = seen.read()

        assert now.transactions == (OpenTransaction(*ORDERS, 8, 90, BEGIN - 3000, "shop-1", coordinated=True),)
        assert now.problems == ()
        assert seen.asked.items() >= {"DescribeProducers": 1, "ListTransactions": 3, "DescribeTransactions": 1}.items()


def test_the_brokers_are_asked_once_a_minute_and_the_answer_stays_while_the_offset_does() -> None:
    with watched(truth()) as seen:
        found = held(seen)
        for _ in range(3):
            assert seen.read().transactions == (found,)
            assert asked(seen) == set()
        assert seen.read().transactions == (found,)
        assert asked(seen) == set(QUESTIONS)

        seen.truth.stable[ORDERS] = 95
        assert seen.read().transactions == (), "the first has ended, and the next does not stand for long yet"
        assert asked(seen) == set()


def test_a_transaction_that_no_coordinator_knows_hangs() -> None:
    with watched(truth(transactional={})) as seen:
        assert held(seen) == OpenTransaction(*ORDERS, 8, 90, BEGIN - 5000, "", coordinated=False)


def test_one_whose_coordinator_does_not_count_the_partition_in_hangs() -> None:
    other = {"shop-1": (2, 8, BEGIN * 1000, [("orders", 1)])}
    with watched(truth(transactional=other)) as seen:
        assert held(seen) == OpenTransaction(*ORDERS, 8, 90, BEGIN - 5000, "shop-1", coordinated=False)


def test_a_producers_clock_does_not_make_it_young() -> None:
    with watched(truth(transactional={}, producers={ORDERS: [(8, 90, (BEGIN + 10**6) * 1000)]})) as seen:
        assert held(seen).started_at == BEGIN + INTERVAL, "since when it is seen to stand"


def test_without_the_right_to_read_the_topic_only_its_place_is_known_and_nothing_is_wrong() -> None:
    with watched(truth(denied={"DescribeProducers"})) as seen:
        assert held(seen) == OpenTransaction(*ORDERS, NOT_KNOWN, 90, BEGIN + INTERVAL, "", coordinated=None)
        for _ in range(5):
            assert seen.read().problems == ()


def test_without_the_right_to_describe_transactional_ids_nobody_is_said_to_hang() -> None:
    with watched(truth(denied={"transactional ids"})) as seen:
        assert held(seen) == OpenTransaction(*ORDERS, 8, 90, BEGIN + INTERVAL, "", coordinated=None)


def test_while_a_coordinator_does_not_answer_nobody_is_said_to_hang() -> None:
    with watched(truth()) as seen:
        seen.cluster.faults[2].garbage = {"ListTransactions"}
        assert held(seen) == OpenTransaction(*ORDERS, 8, 90, BEGIN + INTERVAL, "", coordinated=None)


def test_what_a_coordinator_said_holds_while_it_does_not_answer() -> None:
    with watched(truth()) as seen:
        found = held(seen)
        seen.cluster.faults[2].garbage = {"ListTransactions", "DescribeTransactions"}
        for _ in range(5):
            assert seen.read().transactions == (found,)
        seen.cluster.faults[2].garbage = set()
        seen.truth.transactional = {}
        hangs = [seen.read().transactions[0] for _ in range(5)][-1]

        assert (hangs.transactional_id, hangs.coordinated) == ("", False)


@pytest.mark.parametrize("api", QUESTIONS)
def test_an_error_is_named_with_its_api(api: str) -> None:
    with watched(truth(codes={api: 15})) as seen:
        problems = [problem for _ in range(3) for problem in seen.read().problems]

        assert {problem.reason for problem in problems} == {"moved"}
        assert all(f"{api}: COORDINATOR_NOT_AVAILABLE (15)" in problem.detail for problem in problems)
        assert seen.read().transactions[0].coordinated is None


def test_of_many_places_those_that_have_stood_longest_are_asked_about() -> None:
    many = truth(topics={"orders": 6, "wide": 90})
    with watched(many) as seen:
        seen.read()
        seen.truth.stable |= {("wide", p): 50 for p in range(90)}
        for _ in range(5):
            now = seen.read()
        assert len(now.transactions) == 50
        assert now.transactions[0].transactional_id == "shop-1"


def test_an_answer_without_sense_costs_only_itself() -> None:
    with watched(truth()) as seen:
        for broker in (1, 2, 3):
            seen.cluster.faults[broker].garbage = set(QUESTIONS)
        assert held(seen).producer_id == NOT_KNOWN
        assert {problem.reason for problem in seen.read().problems} <= {"misread"}
