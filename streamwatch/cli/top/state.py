"""What a person has chosen to see, changed key by key. Nothing here draws or asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from streamwatch.cli.top.poll import Wanted
from streamwatch.cli.top.queries import NAME, Selection
from streamwatch.cli.top.rows import Frame, TopRow
from streamwatch.cli.top.views import TABS, TEXT

Effect = Literal["nothing", "draw", "poll", "quit"]

_MOST_FILTER: Final = 60


@dataclass(slots=True)
class OpenView:
    """A view, and where in it the cursor is."""

    view: str
    labels: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""
    request: Selection = field(default_factory=Selection)
    selected: tuple[str, ...] | None = None
    cursor: int = 0
    top: int = 0
    """The first row that is drawn."""
    text: Sequence[str] = ()
    title: str = ""

    @property
    def wanted(self) -> Wanted:
        """What is asked for it."""
        return Wanted(self.view, replace(self.request, labels=self.labels), self.parent)


class TopState:
    """Which view, of what, in which order."""

    def __init__(self, view: str) -> None:
        self.places = [OpenView(view)]
        self.frame: Frame | None = None
        self.is_frozen = self.is_helping = False
        self.filter: str | None = None
        """What is being typed as a filter; None where nothing is."""
        self.columns: Sequence[str] = ()
        """The titles that were drawn last: rows can be sorted by them."""
        self.height = 1
        """So many rows were drawn at most."""
        self._keys: Mapping[str, Callable[[], Effect]] = {
            "q": self._quit,
            **dict.fromkeys(("question_mark", "h", "f1"), self._help),
            **dict.fromkeys(("escape", "backspace"), self._back),
            "enter": self._open,
            "space": self._freeze,
            "slash": self._begin_filter,
            "u": self._look,
            "tab": lambda: self._turn(1),
            "shift+tab": lambda: self._turn(-1),
        }

    @property
    def place(self) -> OpenView:
        """Where the person is."""
        return self.places[-1]

    @property
    def rows(self) -> Sequence[TopRow]:
        """The rows that there are to move in."""
        return self.frame.rows if self.frame is not None else ()

    def take(self, frame: Frame) -> None:
        """Show what was seen; the cursor stays on its row, wherever that is now."""
        self.frame = frame
        place = self.place
        keys = [row.key for row in frame.rows]
        if place.selected in keys:
            place.cursor = keys.index(place.selected)
        self._select(place.cursor)

    def press(self, key: str, char: str | None = None) -> Effect:
        """Obey a key, by Textual's name for it; ``char`` is what it types."""
        if key == "ctrl+c":  # whatever is being typed or read
            return self._quit()
        if self.filter is not None:
            return self._type(key, char)
        if self.is_helping:
            self.is_helping = False
            return "draw"
        if key.isdigit():
            return self._tab(int(key) - 1)
        if key in _MOVES:
            return self._move(key)
        obey = self._keys.get(key)
        return self._sort(key) if obey is None else obey()

    def _quit(self) -> Effect:
        return "quit"

    def _help(self) -> Effect:
        self.is_helping = True
        return "draw"

    def _freeze(self) -> Effect:
        self.is_frozen = not self.is_frozen
        return "draw" if self.is_frozen else "poll"

    def _begin_filter(self) -> Effect:
        if self.place.view == TEXT:
            return "nothing"
        self.filter = self.place.request.filter
        return "draw"

    def _look(self) -> Effect:
        return "poll"

    def _type(self, key: str, char: str | None) -> Effect:
        typed = self.filter or ""
        match key:
            case "enter":
                self.filter = None
                return self._ask(replace(self.place.request, filter=typed))
            case "escape":
                self.filter = None
                return self._ask(replace(self.place.request, filter=""))
            case "backspace" | "ctrl+h":
                self.filter = typed[:-1]
            case "ctrl+u":
                self.filter = ""
            case _ if char is not None and char.isprintable():
                self.filter = (typed + char)[:_MOST_FILTER]
        return "draw"

    def _ask(self, request: Selection) -> Effect:
        self.place.request = request
        self.place.selected, self.place.cursor, self.place.top = None, 0, 0
        return "poll"

    def _open(self) -> Effect:
        row = self.rows[self.place.cursor] if self.place.cursor < len(self.rows) else None
        if row is None or not row.opens or self.place.view == TEXT:
            return "nothing"
        if row.opens == TEXT:
            self.places.append(OpenView(TEXT, text=row.text, title=row.key[-1]))
            return "draw"
        self.places.append(OpenView(row.opens, row.labels, self.place.view))
        self.frame = None
        return "poll"

    def _back(self) -> Effect:
        if self.place.request.filter:
            return self._ask(replace(self.place.request, filter=""))
        if len(self.places) == 1:
            return self._tab(0) if self.place.view != TABS[0] else "nothing"
        is_text = self.place.view == TEXT
        self.places.pop()
        if not is_text:
            self.frame = None
        return "poll"

    def _turn(self, step: int) -> Effect:
        at = TABS.index(self.place.view) if self.place.view in TABS else 0
        return self._tab((at + step) % len(TABS))

    def _tab(self, at: int) -> Effect:
        """Go to a view that has a key; what was opened before it stays in force where it applies, as a cluster does."""
        if not 0 <= at < len(TABS) or self.place.view == TABS[at]:
            return "nothing"
        first = self.places[0]
        if at == 0:
            self.places = [first if first.view == TABS[0] else OpenView(TABS[0])]
        elif first.view == TABS[0]:
            labels = self.places[1].labels if len(self.places) > 1 and self.places[1].parent == TABS[0] else {}
            self.places = [first, OpenView(TABS[at], labels, TABS[0])]
        else:
            self.places = [OpenView(TABS[at])]
        self.frame = None
        return "poll"

    def _move(self, key: str) -> Effect:
        place = self.place
        last = (len(place.text) if place.view == TEXT else len(self.rows)) - 1
        step = {"page": max(1, self.height - 1), "end": max(last, 1)}.get(_MOVES[key][1], 1) * _MOVES[key][0]
        if place.view == TEXT:
            place.top = max(0, min(place.top + step, last))
        else:
            self._select(place.cursor + step)
        return "draw"

    def _select(self, at: int) -> None:
        place = self.place
        place.cursor = max(0, min(at, len(self.rows) - 1))
        place.selected = self.rows[place.cursor].key if self.rows else None

    def _sort(self, key: str) -> Effect:
        if self.place.view == TEXT:
            return "nothing"
        request = self.place.request
        if key == "r":
            return self._ask(replace(request, is_reversed=not request.is_reversed))
        if key == "w":
            return self._ask(replace(request, sort="", is_reversed=False))
        step = {"less_than_sign": -1, "left": -1, "greater_than_sign": 1, "right": 1}.get(key)
        if step is None:
            return "nothing"
        titles = ["", NAME, *self.columns]
        at = titles.index(request.sort) if request.sort in titles else 0
        return self._ask(replace(request, sort=titles[(at + step) % len(titles)], is_reversed=False))


_MOVES: Final = {
    "up": (-1, "line"),
    "k": (-1, "line"),
    "down": (1, "line"),
    "j": (1, "line"),
    "pageup": (-1, "page"),
    "ctrl+b": (-1, "page"),
    "pagedown": (1, "page"),
    "ctrl+f": (1, "page"),
    "home": (-1, "end"),
    "g": (-1, "end"),
    "end": (1, "end"),
    "G": (1, "end"),
}
