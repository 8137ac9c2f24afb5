"""What the data-flow map costs who looks at it: from samples to the map, to the page and to JSON.

    python tests/bench/bench_flow.py [NODES ...]

Prints figures, asserts nothing: the least CPU of five, in milliseconds, and what is sent.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from streamwatch.export.web_page.flow import flow
from streamwatch.export.web_page.render import Renderer
from streamwatch.flow.answer import answer
from tests.flow.maps import house, made_of

SIZES = (5, 200, 2_000, 20_000)
TURNS = 5


def least(work: Callable[[], object]) -> float:
    found = []
    for _ in range(TURNS):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return 1000 * min(found)


def main() -> None:
    renderer = Renderer()
    print("nodes edges drawn  map ms  page ms  JSON ms  page KB  JSON KB", flush=True)
    for nodes in map(int, sys.argv[1:] or SIZES):
        samples = house(nodes)
        made = made_of(*samples)
        shown, body = flow(made), json.dumps(answer(made))
        page = renderer.flow(shown).body
        print(
            f"{len(made.nodes):5} {len(made.edges):5} {len(shown.boxes):5}"
            f" {least(lambda: made_of(*samples)):7.1f} {least(lambda: renderer.flow(flow(made))):8.1f}"  # noqa: B023 - used at once
            f" {least(lambda: json.dumps(answer(made))):8.1f} {len(page) / 1024:8.0f} {len(body) / 1024:8.0f}",  # noqa: B023 - the same
            flush=True,
        )


if __name__ == "__main__":
    main()
