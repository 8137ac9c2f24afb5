"""Incidents over pairs of agents while everything breaks: ``python -m tests.pair INCIDENTS SEED [PAIRS]``.

Prints each incident that was not told once and ended once, with what was done, and a table now and then and at the end.
"""

import random
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from tests.pair.duo import duo
from tests.pair.links import Loop
from tests.pair.story import Story, Told
from tests.waiting import wait_for

_PAIRS: Final = 8
_SHOWN_EVERY: Final = 50
"""Incidents after which the table is printed on the way."""


def play(folder: Path, loop: Loop, numbers: list[int], seed: int, note: list[Told]) -> None:
    """Play some incidents on one pair."""
    with duo(folder, loop) as pair:
        for number in numbers:
            wait_for(pair.are_up, 60, "both are there, and one holds the lease")
            story = Story(pair, f"inc-{number:05d}", random.Random(f"{seed}/{number}"))
            note.append(story.play())


def run(incidents: int, seed: int, pairs: int, folder: Path) -> list[Told]:
    """Play them all, on several pairs at once."""
    loop, told = Loop(), list[Told]()
    threads: list[threading.Thread] = []
    for index in range(pairs):
        own = folder / f"pair-{index}"
        own.mkdir()
        numbers = list(range(index, incidents, pairs))
        threads.append(threading.Thread(target=play, args=(own, loop, numbers, seed, told)))
        threads[-1].start()
    said = 0
    while any(thread.is_alive() for thread in threads):
        next((thread for thread in threads if thread.is_alive()), threads[0]).join(1.0)
        fresh = told[said:]
        said += len(fresh)
        for one in fresh:
            if one.is_odd:
                print(one, flush=True)
        if fresh and said // _SHOWN_EVERY != (said - len(fresh)) // _SHOWN_EVERY:
            print(f"after {said} of {incidents}:\n{table(told[:said])}", flush=True)
    loop.stop()
    return told


def table(told: list[Told]) -> str:
    """Return what came of them, in words."""
    pages = sorted(one.page_seconds for one in told if one.page_seconds is not None)
    doubles = Counter(one.fault for one in told for _ in range(one.doubles))
    resolves = Counter(one.fault for one in told for _ in range(one.double_resolves))
    lines = [
        f"incidents {len(told)}, by fault {dict(Counter(one.fault for one in told))}",
        f"untold {sum(one.untold for one in told)}, never ended {sum(one.unended for one in told)}",
        f"resolved while a living peer saw it {sum(one.wrongly_resolved for one in told)}",
        f"under another key {sum(one.keys > 1 for one in told)}",
        f"triggered again {sum(doubles.values())}: {dict(doubles)}",
        f"resolved again {sum(resolves.values())}: {dict(resolves)}",
    ]
    if len(pages) > 1:
        lines.append(
            f"from the holder's death to the page, of {len(pages)}: median {median(pages):.1f} s, "
            f"95 of 100 within {quantiles(pages, n=20)[-1]:.1f} s, the longest {pages[-1]:.1f} s"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    count, chosen = int(sys.argv[1]), int(sys.argv[2])
    several = int(sys.argv[3]) if len(sys.argv) > 3 else _PAIRS
    with tempfile.TemporaryDirectory() as place:
        print(table(run(count, chosen, several, Path(place))))
