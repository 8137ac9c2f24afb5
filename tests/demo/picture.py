"""Writes the README's picture of the demonstration: ``python -m tests.demo.picture``.

It plays ``broker_down``, and keeps what a terminal shows when somebody has been paged and partitions lack a replica.
"""

import io
import re
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI

from streamwatch.demo.run import Story, run
from streamwatch.demo.show import view
from streamwatch.reference.scenarios import SCENARIOS

_FILE: Final = Path(__file__).parents[2] / "docs" / "pictures" / "demo.svg"
_FONT: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""It would be fetched from elsewhere."""
_WIDTH: Final = 112


class Keeper:
    """Keeps the moment in which the most is to be seen."""

    def __init__(self) -> None:
        self.svg = ""

    def update(self, story: Story) -> None:
        """Keep it, once a broker is down, its partitions have lost a replica, and somebody was paged for it."""
        is_seen = not all(story.seen.brokers.values()) and story.seen.under_replicated > 0
        if self.svg or not is_seen or not any(who == "pager!" for _, who, _ in story.lines):
            return
        console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
        console.print(view(story))
        self.svg = _FONT.sub("", console.export_svg(title="streamwatch demo", theme=MONOKAI))


def main() -> None:
    """Play the story, and write the picture."""
    keeper = Keeper()
    run(SCENARIOS["broker_down"], keeper, None, 50.0)
    if not keeper.svg:
        raise SystemExit("nobody was paged while a broker was down: play it again on a machine with less to do")
    _FILE.write_text("\n".join(line.rstrip() for line in keeper.svg.splitlines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
