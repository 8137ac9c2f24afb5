"""How the demonstration looks: a live view on a terminal, plain lines elsewhere."""

import math
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streamwatch.demo.run import Story

_WHO: Final = {"happens": "·", "agent": "agent sees", "agent!": "agent SEES", "pager": "notified", "pager!": "PAGED"}
_STYLES: Final = {
    "happens": "yellow",
    "agent": "green",
    "agent!": "bold red",
    "pager": "cyan",
    "pager!": "bold white on red",
}
_MOST_LINES: Final = 14


class Plain:
    """One line for each thing that happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown = 0
        self._has_started = False

    def update(self, story: Story) -> None:
        """Print what is new."""
        if not self._has_started:
            self._has_started = True
            self._print(f"page     {story.page}   <- open it in a browser; metrics are at {story.page}metrics")
            self._print(f"Kafka    {story.bootstrap}")
            self._print(f"Kinesis  {story.endpoint}")
            self._print(f"story    {story.scenario.name}: {story.scenario.description}")
            self._print(f"expect   {story.scenario.seen}")
        new = story.lines[self._shown :]
        self._shown += len(new)  # not what there is by then: the story goes on in another thread
        for at, who, what in new:
            self._print(f"{at:6.1f}s  {_WHO[who]:10} {what}")

    def _print(self, line: str) -> None:
        self._console.out(line, highlight=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class Terminal:
    """A live view."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=5, transient=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def update(self, story: Story) -> None:
        """Draw it anew."""
        self._live.update(view(story))


def shower(console: Console) -> Plain | Terminal:
    """Return what fits where the output goes."""
    return Terminal(console) if console.is_terminal else Plain(console)


def view(story: Story) -> RenderableType:
    """Return the picture of a story."""
    seen = story.seen
    head = Text.assemble(
        ("page    ", "dim"), (story.page, "bold underline"), ("   open it in a browser\n", "dim"),
        (story.scenario.name.replace("_", " "), "bold"),
        f"  {story.now - story.started_at:.0f}s   {story.scenario.description}\n",
        ("expect  ", "dim"), story.scenario.seen,
    )  # fmt: skip
    facts = Text.assemble(
        *_fact("controllers", seen.controllers, good=1),
        *_fact("offline", seen.offline, good=0),
        *_fact("under-replicated", seen.under_replicated, good=0),
        *_fact("on the move", seen.reassigning, good=0),
        ("partitions ", "dim"), _number(seen.partitions),
    )  # fmt: skip
    where = Text(f"Kafka    {story.bootstrap}\nKinesis  {story.endpoint}", style="dim")
    columns = Table.grid(padding=(0, 4))
    columns.add_row(_brokers(story), _groups(story))
    parts: list[RenderableType] = [
        head,
        Text(),
        facts,
        Text(),
        columns,
        Text(),
        _streams(story),
        Text(),
        _lines(story),
        Text(),
        where,
    ]
    title = "StreamWatch" if story.is_fresh else "StreamWatch (waiting for the agent)"
    return Panel(Group(*parts), title=title, subtitle="Ctrl-C ends it", border_style="cyan", width=110)


def _fact(name: str, value: float, *, good: float) -> tuple[tuple[str, str], ...]:
    style = "dim" if math.isnan(value) else "green" if value == good else "bold red"
    return ((f"{name} ", "dim"), (_number(value), style), ("    ", ""))


def _number(value: float) -> str:
    return "?" if math.isnan(value) else f"{value:,.0f}"


def _brokers(story: Story) -> Table:
    table = Table("broker", "", "leads", "disk", box=None, header_style="dim", padding=(0, 1))
    for broker, is_up in story.seen.brokers.items():
        state = Text("● up" if is_up else "✗ down", style="green" if is_up else "bold red")
        disk = story.seen.disk.get(broker, math.nan)
        shown = "?" if math.isnan(disk) else f"{disk:.0%}"
        table.add_row(broker, state, _number(story.seen.leaders.get(broker, math.nan)), shown)
    return table


def _groups(story: Story) -> Table:
    table = Table("group", "state", "members", "lag", "behind", box=None, header_style="dim", padding=(0, 1))
    for name, group in story.seen.groups.items():
        behind = "?" if math.isnan(group.lag_seconds) else f"{group.lag_seconds:.1f} s"
        table.add_row(name, group.state, _number(group.members), _number(group.lag), behind)
    return table


def _streams(story: Story) -> Table:
    table = Table(
        "stream", "shards", "behind", "", "of write limit", "writes refused", "reads refused", box=None,
        header_style="dim", padding=(0, 1),
    )  # fmt: skip
    for name, one in story.seen.streams.items():
        read = {1.0: Text("being read", style="green"), 0.0: Text("nobody reads", style="bold red")}.get(one.being_read)
        table.add_row(
            name,
            _number(one.shards),
            "?" if math.isnan(one.age) else f"{one.age:.1f} s",
            read or Text("?"),
            "?" if math.isnan(one.write_use) else f"{one.write_use:.0%}",
            _refused(one.write_throttled),
            _refused(one.read_throttled),
        )
    return table


def _refused(value: float) -> Text:
    return Text(_number(value), style="bold red" if value > 0 else "")


def _lines(story: Story) -> Text:
    text = Text()
    for at, who, what in story.lines[-_MOST_LINES:]:
        text.append(f"{at:6.1f}s  ", style="dim")
        text.append(f"{_WHO[who]:10} {what}\n", style=_STYLES[who])
    return text
