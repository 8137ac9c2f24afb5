"""Draws the overview in many stories, every other dashboard, and the agent's page, of what a real agent sees.

    python -m tests.dashboards.pictures [FOLDER]

Eleven minutes of a reference with load, on which one thing after the other breaks and is mended. The pictures go to
docs/pictures, or to a folder that is given; of each, texts that a table cuts are printed. Needs Chromium and, from npm,
Grafana's libraries (460 MB, in .cache).
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from streamwatch.core.clock import SystemClock
from streamwatch.dashboards.files import files
from streamwatch.reference.play import on_aws, on_kafka
from streamwatch.reference.scenarios import ScenarioStep as Step
from tests.dashboards import drawing
from tests.dashboards.stage import Stage, stage
from tests.real import artefacts
from tests.real.browser import Browser
from tests.waiting import wait_for

_DOCS: Final = Path(__file__).parents[2] / "docs" / "pictures"
_SHOWN_SECONDS: Final = 300.0
_BEGIN: Final = 100.0
"""By then there are two of CloudWatch's minutes."""


def _of(stream: str, **orders: float) -> tuple[Step, ...]:
    """Return orders to the load of a stream."""
    names = {"share": "hot", "records_per_second": "rate", "bytes": "size", "count": "readers"}
    return tuple(Step(0, "", names[key], {"stream": stream, key: value}, "streams") for key, value in orders.items())


_STORIES: Final[tuple[tuple[str, float, tuple[Step, ...], tuple[Step, ...]], ...]] = (
    # The story, for how long it goes on before the picture, what breaks, and what mends it.
    ("healthy", 1, (), ()),
    ("broker_down", 35, (Step(0, "", "stop", {"broker": 2}),), (Step(0, "", "start", {"broker": 2}),)),
    (
        "stuck_consumer",
        75,
        (Step(0, "", "stall_group", {"group": "orders-readers"}),),
        (Step(0, "", "stall_group", {"group": "orders-readers", "on": False}),),
    ),
    ("controller_lost", 25, (Step(0, "", "lose_controller"),), (Step(0, "", "restore_controller"),)),
    (
        "slow_broker",
        30,
        (Step(0, "", "slow", {"broker": 1, "by": 0.2}),),
        (Step(0, "", "slow", {"broker": 1, "by": 0.0}),),
    ),
    (
        "disk_filling",
        50,
        (Step(0, "", "fill_disk", {"broker": 1, "to": 0.93, "within": 30.0}),),
        (Step(0, "", "free_disk", {"broker": 1}),),
    ),
    (
        "hot_shard",
        130,
        _of("purchases", share=0.95, records_per_second=60, bytes=15_000),
        _of("purchases", share=0.0, records_per_second=50, bytes=500),
    ),
    (
        "write_throttle_and_poison_pill",
        130,
        (*_of("clickstream", records_per_second=3000), Step(0, "", "poison", {"stream": "purchases"}, "cloud")),
        (*_of("clickstream", records_per_second=50), Step(0, "", "repair_function", {}, "cloud")),
    ),
    (
        "expired_credentials",
        40,
        (Step(0, "", "expire_credentials", {}, "cloud"),),
        (Step(0, "", "expire_credentials", {"on": False}, "cloud"),),
    ),
)
_CUT: Final = """[...document.querySelectorAll('[role=gridcell],[role=columnheader]')].filter((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return cell.textContent && range.getBoundingClientRect().width > cell.clientWidth;
}).map((cell) => `${cell.closest('section').firstChild.textContent}: ${cell.textContent}`)"""


def main(folder: Path) -> None:
    """Play all stories, one after the other, and take the pictures."""
    clock, modules = SystemClock(), artefacts.node_modules("grafana-ui")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, stage(Path(scratch), artefacts.prometheus()) as seen:
        began = clock.now()
        shots = {}
        _pass(_BEGIN)
        for name, seconds, breaks, mends in _STORIES:
            _do(seen, breaks)
            _pass(seconds)
            shots[name] = clock.now()
            sys.stdout.write(f"{shots[name] - began:.0f} s: {name}\n")
            sys.stdout.flush()
            _do(seen, mends)
        with Browser() as browser:
            browser.open(f"http://{seen.agent}/", width=1200, height=1000)
            browser.picture(folder / "page.png", whole=True)
            drawing.load(browser, "drawn.js", modules, Path(scratch))
            for board, text in files().items():
                document = json.loads(text)
                for name, at in shots.items():
                    drawing.draw(browser, seen.prometheus, document, (max(began, at - _SHOWN_SECONDS), at))
                    picture = folder / f"{Path(board).stem}-{name}.png"
                    browser.picture(picture, whole=True)
                    sys.stdout.write(f"{picture} {'; cut: '.join(['', *browser.evaluate(_CUT)])}\n")


def _do(seen: Stage, steps: tuple[Step, ...]) -> None:
    performers = {
        "cluster": on_kafka(seen.kafka),
        "cloud": on_aws(seen.aws),
        "load": seen.load.order,
        "streams": seen.streams.order,
    }
    for step in steps:
        performers[step.on](step)


def _pass(seconds: float) -> None:
    clock = SystemClock()
    until = clock.now() + seconds
    wait_for(lambda: clock.now() >= until, seconds + 5, "time goes by")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else _DOCS)
