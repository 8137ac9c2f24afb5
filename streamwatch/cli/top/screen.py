"""``top`` on a screen: Textual reads the keys, and sends the lines that have changed."""

import os
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.events import Key, Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from streamwatch.cli.top.picture import Liveness, picture
from streamwatch.cli.top.poll import Agent, Wanted
from streamwatch.cli.top.polling import Polling
from streamwatch.cli.top.rows import Frame
from streamwatch.cli.top.state import Effect, TopState
from streamwatch.cli.top.table import Line
from streamwatch.core.clock import Clock

_STYLES: Final = {
    "bad": Style(color="red", bold=True),
    "warn": Style(color="yellow"),
    "unknown": Style(color="magenta"),
    "dim": Style(dim=True),
    "title": Style(bold=True),
    "header": Style(bold=True, underline=True),
    "name": Style(bold=True),
    "selected": Style(reverse=True),
}
_COLOURLESS: Final = {name: Style(bold=style.bold, dim=style.dim, underline=style.underline, reverse=style.reverse)
                      for name, style in _STYLES.items()}  # fmt: skip
_LATE_INTERVALS: Final = 3.0
_TICK_SECONDS: Final = 1.0


class Lines(Widget):
    """What is on the screen, line by line."""

    can_focus = True

    def __init__(self) -> None:
        super().__init__()
        self._drawn: list[Line] = []
        self._by_name = _COLOURLESS if os.environ.get("NO_COLOR") else _STYLES

    def put(self, lines: list[Line]) -> None:
        """Show these; only those that differ are sent."""
        before, self._drawn = self._drawn, lines
        if len(before) != len(lines):
            self.refresh()
            return
        changed = [at for at, (old, new) in enumerate(zip(before, lines, strict=True)) if old != new]
        if changed:
            self.refresh(*(Region(0, at, self.size.width, 1) for at in changed))

    def render_line(self, y: int) -> Strip:
        """Return a line, as Textual wants it."""
        width = self.size.width
        if y >= len(self._drawn):
            return Strip.blank(width)
        segments = [Segment(text, self._style(style)) for text, style in self._drawn[y] if text]
        return Strip(segments).adjust_cell_length(width)

    def _style(self, names: str) -> Style:
        return Style.combine([Style(), *(self._by_name[name] for name in names.split() if name in self._by_name)])


class TopApp(App[None]):
    """The screen of ``top``."""

    CSS = "Screen { background: ansi_default; color: ansi_default; } Lines { width: 100%; height: 100%; }"
    BINDINGS: ClassVar[list[BindingType]] = []
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, agent: Agent, state: TopState, interval: float, clock: Clock) -> None:
        super().__init__(ansi_color=True)
        self._agent, self._state, self._interval, self._clock = agent, state, interval, clock
        self._screen_lines = Lines()
        self._polling = Polling(agent, interval, clock, self._on_seen)
        self._answered_at = clock.monotonic()
        self._why = ""

    def compose(self) -> ComposeResult:
        """Yield the one thing that is on the screen."""
        yield self._screen_lines

    def on_mount(self) -> None:
        """Begin to look."""
        self._screen_lines.focus()
        self._polling.start()
        self._polling.want(self._state.place.wanted)
        self.set_interval(_TICK_SECONDS, self._draw)

    def on_unmount(self) -> None:
        """End looking."""
        self._polling.stop()

    def on_resize(self, _: Resize) -> None:
        """Draw in the new size."""
        self._draw()

    def on_key(self, event: Key) -> None:
        """Obey a key."""
        event.prevent_default()
        event.stop()
        self._do(self._state.press(event.key, event.character))

    async def action_quit(self) -> None:
        """End, as Textual's own key for it wants."""
        self._do(self._state.press("ctrl+c"))

    def _do(self, effect: Effect) -> None:
        match effect:
            case "quit":
                self._polling.stop()
                self.exit()
                return
            case "poll":
                self._polling.want(self._state.place.wanted, is_frozen=self._state.is_frozen)
            case "draw":
                if self._state.is_frozen:
                    self._polling.freeze()
            case "nothing":
                return
        self._draw()

    def _on_seen(self, wanted: Wanted, frame: Frame | None, why: str) -> None:
        """Take what the other thread has seen."""
        self.call_from_thread(self._take, wanted, frame, why)

    def _take(self, wanted: Wanted, frame: Frame | None, why: str) -> None:
        self._why = why
        if frame is not None:
            self._answered_at = self._clock.monotonic()
            if wanted == self._state.place.wanted:
                self._state.take(frame)
        self._draw()

    def _draw(self) -> None:
        since = self._clock.monotonic() - self._answered_at
        is_stale = bool(self._why) or (since > _LATE_INTERVALS * max(self._interval, _TICK_SECONDS))
        stale = since if is_stale and not self._state.is_frozen else None
        liveness = Liveness(self._agent.name, self._interval, stale, self._why)
        size = self.size
        self._screen_lines.put(picture(self._state, liveness, size.width, size.height))
