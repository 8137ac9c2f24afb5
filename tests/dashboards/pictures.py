"""Draws the overview in every story, all other dashboards, and the agent's page, of what a real agent sees.

    python -m tests.dashboards.pictures [FOLDER [STORY]...]

Plays the stories of the reference one after the other, all of them or those that are named, each on a stage of its own
until what it is about has fired, and draws the overview of then: a person who sees nothing else should find what is
wrong. What is red is printed, and what a table cuts. Without a folder only the README's pictures are written, of a
broker that is down. Needs Chromium and, from npm, Grafana's libraries (460 MB, in .cache).
"""

import json
import sys
import tempfile
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from streamwatch.catalogue.agent import ALERTS
from streamwatch.core.clock import SystemClock
from streamwatch.dashboards.files import files
from streamwatch.demo.run import shortened
from streamwatch.reference.play import ALL, on_aws, on_kafka, play
from streamwatch.reference.scenarios import Scenario
from tests.dashboards import drawing
from tests.dashboards.stage import Scene, Stage, stage
from tests.real import artefacts
from tests.real.browser import Browser
from tests.real.prometheus import query
from tests.rules.test_stories import ALL as EXPECTED
from tests.waiting import wait_for

_DOCS: Final = Path(__file__).parents[2] / "docs" / "pictures"
_README: Final = "broker_down"
_SHOWN_SECONDS: Final = 120.0
_CALM_SECONDS: Final = 30.0
"""Before a story: groups take their partitions, and functions and tasks begin to read."""
_FIRING_SECONDS: Final = 90.0
_SEEN_SECONDS: Final = 6.0
"""Until what fires has been scraped, and until a cause is counted (ten seconds at most, from when it was pending)."""
_OF_THE_MACHINE: Final = ("KafkaCpuHigh", "StreamWatchRulesLate", "StreamWatchOverruns")
"""Alerts that fire where the machine is busy that draws: no story is about them."""
_MENDS: Final = {"restore_controller"}
"""Steps after which a story is another one: what comes before the last steps would be too late to look."""
_RED: Final = """[...document.querySelectorAll('[role=gridcell]')].filter((cell) =>
  [cell, ...cell.querySelectorAll('*')].some((one) => ['rgb(242, 73, 92)', 'rgb(255, 152, 48)'].includes(
    getComputedStyle(one).backgroundColor))
).map((cell) => {
  const row = cell.closest('[role=row]').querySelectorAll('[role=gridcell]'), table = cell.closest('section');
  const heads = [...table.querySelectorAll('[role=columnheader]')].map((one) => one.textContent);
  return `${[...row].map((one) => one.textContent).slice(0, 5).join(' ')} (${heads[cell.ariaColIndex - 1]})`;
})"""
_CUT: Final = """[...document.querySelectorAll('[role=gridcell],[role=columnheader]')].filter((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return cell.textContent && range.getBoundingClientRect().width > cell.clientWidth;
}).map((cell) => `${cell.closest('section').firstChild.textContent}: ${cell.textContent}`)"""


def main(folder: Path, names: Sequence[str], boards: Sequence[str]) -> None:
    """Play stories, and take the pictures of the overview in each and of other dashboards in the last."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        story = shortened(ALL[name])[0]
        with (
            tempfile.TemporaryDirectory() as scratch,
            stage(Path(scratch), artefacts.prometheus(), _scene(story)) as seen,
            Browser() as browser,
        ):
            _pass(_CALM_SECONDS)
            _play(seen, story, EXPECTED[name][1])
            if name == _README:
                browser.open(f"http://{seen.agent}/", width=1200, height=1500)
                browser.picture(folder / "page.png")
            at = SystemClock().now()
            drawing.load(browser, "drawn.js", artefacts.node_modules("grafana-ui"), Path(scratch))
            for board in ("overview", *(boards if name == names[-1] else ())):
                document = json.loads(files()[f"{board}.json"])
                drawing.draw(browser, seen.prometheus, document, (at - _SHOWN_SECONDS, at))
                browser.picture(folder / f"{board}-{name}.png", whole=True)
                red, cut = browser.evaluate(_RED), browser.evaluate(_CUT)
                sys.stdout.write(f"{board}-{name}: red: {'; '.join(red)}: cut: {'; '.join(cut)}\n")
                sys.stdout.flush()


def _scene(story: Scenario) -> Scene:
    """Return what a story needs: nothing that fails all the time, and none but its own readers of streams."""
    return Scene(
        story.brokers,
        max(Scene().hurry, EXPECTED[story.name][0]),
        ("RUNNING", "RUNNING"),
        without=_OF_THE_MACHINE,
        has_readers=not any(step.on in {"cloud", "streams"} for step in story.steps),
    )


def _play(seen: Stage, story: Scenario, expected: Collection[str]) -> None:
    """Play a story until it is at its worst: what is expected fires, and nothing is mended yet."""
    performers = {
        "cluster": on_kafka(seen.kafka),
        "cloud": on_aws(seen.aws),
        "load": seen.load.order,
        "streams": seen.streams.order,
    }
    last = max((step.at for step in story.steps), default=story.seconds)
    mends = min((step.at for step in story.steps if step.name in _MENDS or step.at > last - 1.5), default=last)
    worst = replace(story, steps=tuple(step for step in story.steps if step.at < mends), after=0.0)
    play(worst, performers, SystemClock().now, lambda _: None, threading.Event())
    _pass(mends - worst.seconds)
    try:
        wait_for(lambda: _fired(seen.prometheus) >= set(expected), _FIRING_SECONDS, f"{', '.join(expected)} fire")
    except TimeoutError as error:  # the picture may show why
        sys.stderr.write(f"{story.name}: {error}\n")
    _pass(_SEEN_SECONDS)


def _fired(prometheus: str) -> set[str]:
    """Return the names of alerts that have fired in the time that is shown."""
    over = f'max by (alertname) (max_over_time({ALERTS.name}{{alertstate="firing"}}[{_SHOWN_SECONDS:g}s]))'
    return {one["metric"]["alertname"] for one in query(prometheus, over)}


def _pass(seconds: float) -> None:
    clock = SystemClock()
    until = clock.now() + seconds
    wait_for(lambda: clock.now() >= until, seconds + 5, "time goes by")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        others = [name.removesuffix(".json") for name in files() if name != "overview.json"]
        main(Path(sys.argv[1]), sys.argv[2:] or list(ALL), others)
    else:
        main(_DOCS, [_README], [])
