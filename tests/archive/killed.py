"""A running agent is killed again and again, and started again: how much of its archive is missing each time.

    python -m tests.archive.killed [COUNT]

The agent watches a reference cluster; it is killed (SIGKILL) 30 to 60 s after its start. Prints, for each kill, how old
the newest value in its file is, and at the end the longest gap of the whole, which contains the time that the agent
needs to start. Asserts that no kill costs a minute.
"""

import itertools
import random
import sys
import tempfile
from pathlib import Path
from threading import Event

import numpy as np

from streamwatch.archive.archive import Archive
from streamwatch.archive.archive_file import ArchiveFile
from streamwatch.archive.numbers import BY_NAME
from streamwatch.archive.rings import LAST
from streamwatch.core.clock import SystemClock
from streamwatch.core.records import TornError
from streamwatch.reference.kafka.server import ReferenceKafka
from tests.agent_process import agent, config_file

UP = BY_NAME["cluster.kafka_broker_up"]


def known_steps(path: Path) -> list[float]:
    """Read a file; return the ends of the steps in which something is known, in seconds since 1970."""
    archive = Archive(2**24, SystemClock())
    try:
        ArchiveFile(path, archive).load()
    except TornError:
        print("  its tail is torn")
    curve = archive.curve(UP, ("real",), 3600)
    if curve is None:
        return []
    steps = np.flatnonzero(~np.isnan(curve.values[LAST]))
    return [float((curve.first_step + int(step) + 1) * curve.seconds) for step in steps]


def main() -> None:
    """Kill it so many times."""
    count, rng = int(sys.argv[1]) if len(sys.argv) > 1 else 5, random.Random(1)
    with ReferenceKafka() as kafka, tempfile.TemporaryDirectory() as folder:
        file = Path(config_file(Path(folder), kafka.bootstrap, interval="5s"))
        file.write_text(file.read_text() + "rules: {pack: false, state: state.db}\n")
        for number in range(count):
            with agent("--config", str(file)) as running:
                Event().wait(rng.uniform(30, 60))
                running.process.kill()
                killed = SystemClock().now()
            ends = known_steps(Path(folder) / "state.db.archive")
            missing = killed - ends[-1]
            print(f"kill {number + 1}: {len(ends)} steps are there, the last {max(0.0, missing):.1f} s are missing")
            assert missing < 60
        gaps = [later - earlier - 10 for earlier, later in itertools.pairwise(ends)]
        print(f"the longest gap within {ends[-1] - ends[0]:.0f} s and {count} starts: {max(gaps):.0f} s")


if __name__ == "__main__":
    main()
