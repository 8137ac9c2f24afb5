"""The groups of a cluster: who coordinates them, in which state they are, who their members are.

Every broker lists the groups that it coordinates and describes them. A group that two brokers list, or that none lists
any more, may be moving from one to the other: the cluster is asked who its coordinator is, and that one's word counts.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from streamwatch.model.kafka import Group
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.coordinators import find_coordinators
from streamwatch.sources.kafka.group_descriptions import DescriptionReader, WantedGroup
from streamwatch.sources.kafka.group_listings import ListingReader, Listings
from streamwatch.sources.kafka.read_session import ReadSession

GONE_SECONDS: Final = 5.0
"""A group that is not found for so long is gone."""


@dataclass(slots=True)
class KnownGroups:
    """What is known of all groups: each one's coordinator, and its description where there is one."""

    coordinator: dict[str, BrokerConnection]
    groups: dict[str, Group]
    complete: bool
    """Whether every registered broker listed its groups."""
    sought: frozenset[str]
    """Groups that are listed, or were there, of which nothing is known now, and that are still looked for."""


class GroupReader:
    """Lists and describes groups, and looks for those that were there and that nobody lists."""

    def __init__(self, config: Config) -> None:
        self._listings = ListingReader(config)
        self._descriptions = DescriptionReader()
        self._last: dict[str, Group] = {}
        """The groups of the last read, and those of before that are still looked for."""
        self._not_found: dict[str, float] = {}
        """Since when groups that were there are not found (loop time)."""

    async def read(self, session: ReadSession, pool: BrokerPool) -> KnownGroups:
        """Return all groups that the configuration looks at."""
        listings = await self._listings.read(session, pool)
        coordinator = listings.coordinator
        await _settle(session, pool, listings.disputed | (self._last.keys() - listings.groups.keys()), coordinator)
        wanted = {name: self._wanted(name, listings, one) for name, one in coordinator.items()}
        groups = await self._descriptions.read(session, list(wanted.values()))
        moved = coordinator.keys() - groups.keys()
        if moved:
            await _settle(session, pool, moved, coordinator)
            groups |= await self._describe_again(session, moved, listings)
        alive = {name: group for name, group in groups.items() if group.state != "Dead"}
        # A group that could not be asked about is not forgotten: it is looked for until somebody knows it, or its end.
        lost = {name: group for name, group in self._last.items() if name not in groups}
        self._last = alive | lost | self._doubted(session, groups.keys() - alive.keys())
        sought = (self._last.keys() | listings.groups.keys() - groups.keys()) - alive.keys()
        return KnownGroups(coordinator, alive, listings.complete, frozenset(sought))

    def _wanted(self, name: str, listings: Listings, coordinator: BrokerConnection) -> WantedGroup:
        listed = listings.groups.get(name)
        if listed is None:
            return WantedGroup(name, self._last[name].type, "", coordinator)
        return WantedGroup(name, listed.type, listed.state, coordinator)

    async def _describe_again(self, session: ReadSession, moved: set[str], listings: Listings) -> dict[str, Group]:
        """Describe groups that have moved at their new coordinators."""
        wanted = [
            self._wanted(name, listings, listings.coordinator[name]) for name in moved if name in listings.coordinator
        ]
        groups = await self._descriptions.read(session, wanted, last_try=True)
        # Of a group that its coordinator lists and does not describe, the rest can be known all the same.
        bare = {
            one.name: one.bare()
            for one in wanted
            if one.name not in groups and one.name in listings.groups and one.coordinator.up
        }
        return groups | bare

    def _doubted(self, session: ReadSession, dead: set[str]) -> dict[str, Group]:
        """Return the groups to go on looking for: those that were there and are not found, but not for long.

        A coordinator that has just taken over answers from what it knows to be replicated, and for a moment that may
        not include the latest groups and commits (seen on 4.3).
        """
        now = asyncio.get_running_loop().time()
        self._not_found = {name: self._not_found.get(name, now) for name in dead if name in self._last}
        recent = {name: self._last[name] for name, since in self._not_found.items() if now - since < GONE_SECONDS}
        if recent:
            detail = f"group {min(recent)!r} and {len(recent) - 1} others: not found: looked for a little longer"
            session.problems.append(Problem("group", "moved", detail, len(recent)))
        return recent


async def _settle(
    session: ReadSession, pool: BrokerPool, names: set[str], coordinator: dict[str, BrokerConnection]
) -> None:
    """Ask the cluster who coordinates these groups, and correct ``coordinator``; whoever has none is taken out."""
    if not names:
        return
    for name in names:
        coordinator.pop(name, None)
    coordinator |= await find_coordinators(session, pool, names)
