"""Draws every dashboard, and the agent's page, of what a real agent sees: ``python -m tests.dashboards.pictures``.

Five minutes of a reference with load: a disk fills, a shard gets hot, a group is late, a broker dies. The pictures go
to docs/pictures, or to a folder that is given. Needs Chromium and, from npm, Grafana's libraries (460 MB, in .cache).
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from streamwatch.core.clock import SystemClock
from streamwatch.dashboards.files import files
from tests.dashboards import drawing
from tests.dashboards.stage import stage
from tests.real import artefacts
from tests.real.browser import Browser
from tests.waiting import wait_for

_DOCS: Final = Path(__file__).parents[2] / "docs" / "pictures"
_STORY: Final = ((0.0, "warm"), (150.0, "delay"), (240.0, "kill"), (300.0, ""))
"""After so many seconds, what happens."""


def main(folder: Path) -> None:
    """Play the story, and take the pictures."""
    clock, modules = SystemClock(), artefacts.node_modules("grafana-ui")
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        stage(Path(scratch), artefacts.prometheus()) as seen,
        Browser() as browser,
    ):
        began = clock.now()
        for after, act in _STORY:
            wait_for(lambda: clock.now() >= began + after, after + 1, "time goes by")  # noqa: B023 - waited for here
            if act:
                getattr(seen, act)()
            sys.stdout.write(f"{clock.now() - began:.0f} s: {act or 'pictures'}\n")
            sys.stdout.flush()
        end = clock.now()
        browser.open(f"http://{seen.agent}/", width=1200, height=1000)
        browser.picture(folder / "page.png", whole=True)
        drawing.load(browser, "drawn.js", modules, Path(scratch))
        for name, text in files().items():
            drawing.draw(browser, seen.prometheus, json.loads(text), (began, end))
            browser.picture(folder / f"{Path(name).stem}.png", whole=True)
            sys.stdout.write(f"{folder / name}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else _DOCS)
