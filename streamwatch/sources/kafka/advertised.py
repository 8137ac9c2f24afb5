"""Which of the brokers that a cluster's metadata lists are connected to: the list is only what somebody wrote.

A broker that lists itself under many ids, or thousands of addresses, must cost no more than a cluster does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import Int32s
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka.metadata import Registered

MOST_BROKERS: Final = 1000
"""The largest clusters have some hundreds."""


@dataclass(frozen=True, slots=True)
class Advertised:
    """The brokers that are looked at, and what of the list is not."""

    brokers: tuple[Registered, ...]
    problems: tuple[Problem, ...] = ()


def read_advertised(listed: Iterable[Registered]) -> Advertised:
    """Return the brokers of the metadata's list that are looked at, by id; each id counts once."""
    by_id = {broker.id: broker for broker in listed}
    brokers = tuple(by_id[node] for node in sorted(by_id)[:MOST_BROKERS])
    problems = []
    if left_out := len(by_id) - len(brokers):
        detail = f"the metadata lists {len(by_id)} brokers: the {MOST_BROKERS} with the lowest ids are looked at"
        problems.append(Problem("broker", "misread", detail, left_out))
    if doubles := set(brokers) - set(first_of_each_address(brokers)):
        double = min(doubles, key=lambda broker: broker.id)
        first = next(b for b in brokers if (b.host, b.port) == (double.host, double.port))
        detail = (
            f"broker {double.id} and {len(doubles) - 1} others are listed at an address that is another broker's"
            f" ({first.host}:{first.port} is broker {first.id}'s): they are unknown: see `advertised.listeners`"
        )
        problems.append(Problem("broker", "misread", detail, len(doubles)))
    return Advertised(brokers, tuple(problems))


def first_of_each_address(brokers: Iterable[Registered]) -> tuple[Registered, ...]:
    """Return the brokers without those at an address that one before has: only one can be there."""
    found: dict[tuple[str, int], Registered] = {}
    for broker in brokers:
        found.setdefault((broker.host, broker.port), broker)
    return tuple(found.values())


def holders(replicas: Int32s) -> set[int]:
    """Return the ids of the brokers that replicas are assigned to; those with the lowest ids, where they are many."""
    return set(distinct(replicas)[:MOST_BROKERS].tolist())
