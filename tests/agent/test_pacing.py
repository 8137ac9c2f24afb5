"""How a group reads, by what the archive has of it."""

import pytest

from streamwatch.agent.pacing import pace_of
from streamwatch.archive.archive import Archive
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.core.clock import ManualClock
from streamwatch.incidents.pace import CommitStop, GroupPace
from tests.incidents.knowing import samples

AT = ("shop", "billing")


def play(  # noqa: PLR0913, PLR0917 - what goes on, each by its name
    archive: Archive, clock: ManualClock, seconds: int, came: float, read: float, begin: tuple[float, float]
) -> tuple[float, float]:
    """Let time go on by ten seconds each; return the end of the topic, and what the group has committed."""
    end, done = begin
    for _ in range(seconds // 10):
        clock.advance(10.0)
        end, done = end + 10 * came, done + 10 * read
        known = [
            samples(k.TOPIC_END_OFFSET, {("shop", "orders"): end}),
            samples(g.GROUP_TOPIC_COMMITTED, {(*AT, "orders"): done}),
            samples(g.GROUP_LAG, {AT: end - done}),
            samples(g.GROUP_MEMBERS, {AT: 3.0}),
        ]
        archive.take("shop", known, clock.now())
    return end, done


def test_rates_are_of_the_time_since_it_fell_behind() -> None:
    clock = ManualClock(1_800_000_000.0)
    archive = Archive(4 << 20, clock)
    at = play(archive, clock, 600, 50.0, 50.0, (1e12, 1e12))
    assert pace_of(lambda: archive, *AT, ["orders"]) is None, "it keeps pace"
    play(archive, clock, 600, 50.0, 20.0, at)
    found = pace_of(lambda: archive, *AT, ["orders"])
    assert isinstance(found, GroupPace)
    assert (found.read, found.comes, found.came) == pytest.approx((20.0, 50.0, 50.0), rel=0.05)
    assert (found.members, found.members_before) == (3.0, 3.0)
    assert pace_of(lambda: archive, *AT, ["orders", "other"]) is None, "of one of its topics nothing is known"
    assert pace_of(lambda: archive, *AT, []) is None
    assert pace_of(lambda: Archive(0, clock), *AT, ["orders"]) is None, "nothing is archived"


def test_what_began_more_than_an_hour_ago_is_found_by_the_minute() -> None:
    clock = ManualClock(1_800_000_000.0)
    archive = Archive(4 << 20, clock)
    at = play(archive, clock, 1800, 50.0, 50.0, (0.0, 0.0))
    play(archive, clock, 7200, 120.0, 50.0, at)
    found = pace_of(lambda: archive, *AT, ["orders"])
    assert isinstance(found, GroupPace)
    assert (found.read, found.comes, found.came) == pytest.approx((50.0, 120.0, 50.0), rel=0.1)


def test_a_group_that_commits_nothing_any_more_has_stopped_to_and_falls_behind_by_that() -> None:
    clock = ManualClock(1_800_000_000.0)
    archive = Archive(4 << 20, clock)
    at = play(archive, clock, 140, 7.5, 7.5, (0.0, 0.0))
    at = play(archive, clock, 300, 7.5, 0.0, at)
    assert pace_of(lambda: archive, *AT, ["orders"]) == CommitStop(300.0)
    play(archive, clock, 60, 7.5, 2.0, at)
    assert not isinstance(pace_of(lambda: archive, *AT, ["orders"]), CommitStop)
