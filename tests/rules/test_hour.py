"""The shipped rules about groups over more than an hour of groups whose truth is known."""

from collections.abc import Sequence
from random import Random

import pytest

from streamwatch.collectors.groups import GroupCollector
from streamwatch.collectors.lag import EndOffsetHistory
from streamwatch.core.clock import ManualClock
from streamwatch.rules.config import pack_folder
from streamwatch.rules.group import GroupState
from streamwatch.rules.load import load
from streamwatch.samples.history import History as Samples
from tests.collectors import histories as kinds
from tests.collectors.histories import INTERVAL, History, Part, plain
from tests.collectors.world import World

SECONDS = 90 * 60.0
WELL = (kinds.healthy, kinds.sparse, kinds.markers, kinds.compacted, kinds.open_transaction)


def told(all_histories: Sequence[History]) -> dict[str, set[str]]:
    """Return the alerts that fired at any time, and the groups that they were about (empty for the whole cluster)."""
    files = [pack_folder() / name for name in ("parameters.yml", "groups.yml")]
    groups = [GroupState(group, ManualClock()) for group in load(files)]
    samples, collector = Samples(keep_ms=3_700_000), GroupCollector(EndOffsetHistory(86400, INTERVAL))
    fired: dict[str, set[str]] = {}
    for at, now in World(all_histories, SECONDS).reads(Random(0)):
        samples.append("shop", collector.collect(now), at)
        for group in groups:
            group.evaluate(samples, int(at * 1000))
            for alert in (one for rule in group.rules for one in rule.alerts if one.state == "firing"):
                labels = dict(alert.labels)
                fired.setdefault(labels["alertname"], set()).add(labels.get("group", ""))
    return fired


def well(rng: Random, count: int) -> list[History]:
    """Return groups that do what they should, some of them restarted one member after the other."""
    found = [rng.choice(WELL)(rng, SECONDS) for _ in range(count)]
    for one in found[::3]:
        one.rebalances += [(at, at + 20.0) for at in (600.0, 660.0, 720.0, 2400.0)]
    return found


def unattended(count: int) -> list[History]:
    """Return groups that nobody runs, with data waiting; the last one's data are deleted, and one is compacted."""
    logs = [plain([float(at) for at in range(0, int(SECONDS), 20)]) for _ in range(count)]
    found = [History("unattended", [Part(log, [(0.0, 0)], "any")], gone_at=0.0) for log in logs]
    found[-1].parts[0].start = [(1800.0, 90), (3600.0, 180)]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_groups_that_are_well_page_nobody_and_those_that_nobody_runs_are_one_warning(seed: int) -> None:
    assert told([*well(Random(seed), 60), *unattended(7)]) == {"KafkaGroupUnattended": {""}}


def test_exactly_what_is_wrong_is_told() -> None:
    rng = Random(7)
    log = plain(kinds.arrivals(rng, SECONDS, 10.0))
    poison = Part(log, kinds.read(rng, log, poison=60), "poisoned")
    beyond = Part(plain(kinds.arrivals(rng, SECONDS, 10.0)), [(0.0, 10**6)], "ahead")
    silent = Part(plain(kinds.arrivals(rng, SECONDS, 10.0)), [], "uncommitted")
    wrong = [History("wrong", [one]) for one in (poison, beyond, silent)]

    fired = told([*wrong, *well(rng, 30)])

    late = {"KafkaGroupLagging", "KafkaGroupLaggingLong"}
    assert {name: groups for name, groups in fired.items() if name not in late} == {
        "KafkaGroupStuck": {"g00000"},
        "KafkaGroupAhead": {"g00001"},
        "KafkaGroupNeverCommits": {"g00002"},
    }
    assert all(fired[name] == {"g00000"} for name in late), "who is stuck is late, too: inhibited"
