"""An agent that is killed forgets less than a minute: a process of its own writes, and kills itself."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from streamwatch.archive.archive import Archive
from streamwatch.archive.archive_file import ArchiveFile
from streamwatch.archive.numbers import BY_NAME
from streamwatch.archive.rings import LAST, ROW_BYTES
from streamwatch.core.clock import ManualClock

STARTED = 1_800_000_000.0
STEPS = 300
_CHILD = """
import os, signal, sys
from pathlib import Path
import numpy as np
from streamwatch.archive.archive import Archive
from streamwatch.archive.archive_file import ArchiveFile
from streamwatch.archive.keeper import WRITE_SECONDS
from streamwatch.archive.rings import ROW_BYTES
from streamwatch.catalogue import kafka_groups as g
from streamwatch.core.clock import ManualClock
from streamwatch.model.metric import Keys
clock = ManualClock(float(sys.argv[2]))
archive = Archive(10 * ROW_BYTES, clock)
file, keys, written = ArchiveFile(Path(sys.argv[1]), archive), Keys(g.GROUP_LAG.labels, [("shop", "billing")]), 0.0
for step in range(int(sys.argv[3])):
    archive.take("shop", [g.GROUP_LAG.samples(keys, np.array([float(step)]))], clock.now())
    clock.advance(10)
    if clock.now() - written >= WRITE_SECONDS:
        file.write(clock.now())
        written = clock.now()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_less_than_a_minute_is_missing_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "state.archive"
    child = subprocess.run([sys.executable, "-c", _CHILD, str(path), str(STARTED), str(STEPS)], check=False)
    assert child.returncode == -9
    archive = Archive(10 * ROW_BYTES, ManualClock(STARTED + STEPS * 10))
    ArchiveFile(path, archive).load()
    curve = archive.curve(BY_NAME["group.kafka_group_lag"], ("shop", "billing"), 3600)
    assert curve is not None
    known = curve.values[LAST][~np.isnan(curve.values[LAST])].tolist()
    assert known == list(range(len(known)))
    assert STEPS * 10 - len(known) * 10 < 60
