"""What 1,000 leases of one application cost: calls and read units a minute, and what share of the table's capacity.

    python tests/bench/bench_leases.py [LEASES]

The reference has one clock with the agent: five minutes pass at once. A tenth of the shards is written to, so that with
probes on nine tenths are asked in their turn.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamwatch.model.reader import ReadersSnapshot
from tests.sources.readers.reading import World, world

_MINUTES = 5
_WORKER = "ip-10-0-0-1.ec2.internal:5f3c2a8e-7d41-4f0a-9a53-0e6a1b2c3d4e"
"""As long as KCL's are by default: host and UUID."""


def calls(now: ReadersSnapshot) -> dict[str, int]:
    """Return the calls so far, by service and operation."""
    return {f"{one.service} {one.operation}": one.calls for one in now.calls}


def dearest(it: World) -> float:
    """Return the most units a second that were used over a minute."""
    scans = it.app.table.scans
    return max(sum(used for at, used in scans if 0 <= at - first < 60) / 60 for first, _ in scans)


def cost(leases: int, units: int, more: str) -> None:
    """Print what a minute costs, of a table with so many read units a second; 0 where it is billed by the request."""
    with world(shards=leases, read_units=units, more=more, version="3.5") as it:
        it.app.worker(_WORKER)
        it.minute(*(f"k{number}" for number in range(10 * leases)))
        it.app.table.scans.clear()
        before, used, began = calls(it.agent.snapshot), it.agent.snapshot.units[0].units, it.time.now()
        for _ in range(_MINUTES):
            it.live(60, *(f"k{number}" for number in range(leases // 10)), every=10)
            it.agent.read()
        now = it.agent.snapshot
        minutes = (it.time.now() - began) / 60
        made = {name: (count - before.get(name, 0)) / minutes for name, count in calls(now).items()}
        what = ", ".join(f"{count:.1f} {name}" for name, count in made.items() if count)
        share = f", at most {dearest(it) / units:.0%} of its capacity over a minute" if units else ""
        table = f"{units} units a second" if units else "on demand"
        spent = (now.units[0].units - used) / minutes
        print(f"{leases} leases, {table}{' and probes' if more else ''}: {spent:.0f} units a minute{share}; {what}")


def main() -> None:
    """Print all of it."""
    leases = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for units, more in ((0, ""), (10, ""), (100, ""), (10, ", probe: {enabled: true}")):
        cost(leases, units, more)


if __name__ == "__main__":
    main()
