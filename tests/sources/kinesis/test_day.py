"""A day in which one API after another fails: no counter restarts, and no alert resolves to fire again.

``STREAMWATCH_DAY`` sets how many streams and reads it has, as ``500,1440``.
"""

import os
from collections import Counter

from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.day import FAULTS, Day, live

STREAMS, READS = map(int, os.environ.get("STREAMWATCH_DAY", "13,120").split(","))


def test_whatever_fails_no_counter_restarts_and_each_alert_fires_once() -> None:
    time = Time()
    with cloud(time) as aws:
        day = Day(aws, time, STREAMS)
        live(day, READS)

    assert day.told > READS / 5
    assert day.fell == []
    short = {f"{operation} {length}" for operation, length in FAULTS.items()}
    assert [gap for gap in day.gaps if gap[0] in short] == [], "what is known stays known"
    assert day.fired() == day.expected()
    assert day.wrong() == {"never": Counter(), "too often": Counter(), "resolved": Counter()}
