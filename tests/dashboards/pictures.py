"""Draws the overview in every story, all other dashboards, and the agent's page, of what a real agent sees.

    python -m tests.dashboards.pictures [FOLDER [STORY]...]

Plays the stories of the reference one after the other, all of them or those that are named, and draws the overview as
it was before all was mended: a person who sees nothing else should find what is wrong. What is red is printed, and what
a table cuts. Without a folder only the README's picture is written, of a broker that is down. Needs Chromium and,
from npm, Grafana's libraries (460 MB, in .cache).
"""

import json
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from streamwatch.catalogue import agent
from streamwatch.core.clock import SystemClock
from streamwatch.dashboards.files import files
from streamwatch.demo.run import shortened
from streamwatch.reference.play import ALL, on_aws, on_kafka, play
from streamwatch.reference.scenarios import Scenario, ScenarioStep
from tests.dashboards import drawing
from tests.dashboards.stage import BROKERS, Stage, stage
from tests.real import artefacts
from tests.real.browser import Browser
from tests.real.prometheus import asked
from tests.waiting import wait_for

_DOCS: Final = Path(__file__).parents[2] / "docs" / "pictures"
_README: Final = "broker_down"
_SHOWN_SECONDS: Final = 120.0
_CALM_SECONDS: Final = 20.0
"""Between two stories."""
_OF_THE_MACHINE: Final = ("KafkaCpuHigh", "StreamWatchRulesLate", "StreamWatchOverruns")
"""Alerts that fire where the machine is busy that draws: no story is about them."""
_AGENT: Final = agent.BUILD_INFO.name
_MOST_BACK: Final = 10
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
    """Play stories, and take the pictures of the overview in each and of other dashboards at the end."""
    clock, modules = SystemClock(), artefacts.node_modules("grafana-ui")
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        # What fails all the time would be red in every picture: nobody would see the story.
        stage(Path(scratch), artefacts.prometheus(), ("RUNNING", "RUNNING"), without=_OF_THE_MACHINE) as seen,
        Browser() as browser,
    ):
        began = clock.now()
        shots = {}
        for name in names:
            _pass(_CALM_SECONDS)

            def tell(step: ScenarioStep, story: str = name) -> None:
                if (story, step.name) == (_README, "start"):
                    browser.open(f"http://{seen.agent}/", width=1200, height=1500)
                    browser.picture(folder / "page.png")

            shots[name] = _scraped(seen, _played(seen, shortened(ALL[name])[0], tell))
            sys.stdout.write(f"{clock.now() - began:.0f} s: {name}\n")
            sys.stdout.flush()
        drawing.load(browser, "drawn.js", modules, Path(scratch))
        pictures = [("overview", name, at) for name, at in shots.items()]
        pictures += [(board, names[-1], shots[names[-1]]) for board in boards]
        for board, name, at in pictures:
            document = json.loads(files()[f"{board}.json"])
            drawing.draw(browser, seen.prometheus, document, (max(began, at - _SHOWN_SECONDS), at))
            browser.picture(folder / f"{board}-{name}.png", whole=True)
            red, cut = browser.evaluate(_RED), browser.evaluate(_CUT)
            sys.stdout.write(f"{board}-{name}: red: {'; '.join(red)}: cut: {'; '.join(cut)}\n")


def _played(seen: Stage, story: Scenario, tell: Callable[[ScenarioStep], None]) -> float:
    """Play a story, and return when it was at its worst: before the first step of those that mend it."""
    performers = {
        "cluster": on_kafka(seen.kafka),
        "cloud": on_aws(seen.aws),
        "load": seen.load.order,
        "streams": seen.streams.order,
    }
    clock = SystemClock()
    began = clock.now()
    play(story, performers, clock.now, tell, threading.Event())
    last = max((step.at for step in story.steps), default=story.seconds)
    mends = [step.at for step in story.steps if step.name in _MENDS or step.at > last - 1.5]
    return began + min(mends, default=last) - 0.5


def _scraped(seen: Stage, at: float) -> float:
    """Return when the agent was scraped last: on a machine that is busy a scrape may fail, and all is unknown then."""
    times = (at - back for back in range(_MOST_BACK))
    return next((one for one in times if asked(seen.prometheus, "query", query=_AGENT, time=str(one))["result"]), at)


def _pass(seconds: float) -> None:
    clock = SystemClock()
    until = clock.now() + seconds
    wait_for(lambda: clock.now() >= until, seconds + 5, "time goes by")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        every = [one.name for one in ALL.values() if one.brokers <= BROKERS]
        others = [name.removesuffix(".json") for name in files() if name != "overview.json"]
        main(Path(sys.argv[1]), sys.argv[2:] or every, others)
    else:
        main(_DOCS, [_README], [])
