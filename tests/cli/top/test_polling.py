"""When an agent is asked."""

from queue import SimpleQueue
from typing import Any

import click

from streamwatch.cli.top.poll import Wanted
from streamwatch.cli.top.polling import Polling
from streamwatch.cli.top.queries import Selection
from streamwatch.cli.top.rows import Frame
from streamwatch.core.clock import SystemClock

ALERTS = Wanted("alerts", Selection())


class Asked:
    """An agent with one alert, that can fail."""

    name = "agent"

    def __init__(self) -> None:
        self.fails = False
        self.answers: dict[str, Any] = {
            "/api/v1/alerts": {"data": {"alerts": []}},
            "/api/v1/query?query=time%28%29": {"data": {"result": [12.0, "12"]}},
        }

    def get(self, path: str) -> Any:
        if self.fails:
            raise click.ClickException("it does not answer")
        return self.answers[path]


def test_it_looks_when_something_is_wanted_and_says_why_it_saw_nothing() -> None:
    asked, seen = Asked(), SimpleQueue[tuple[Wanted, Frame | None, str]]()
    polling = Polling(asked, 3600.0, SystemClock(), lambda *what: seen.put(what))
    polling.start()
    polling.want(ALERTS)
    wanted, frame, why = seen.get(timeout=180)
    assert (wanted, why) == (ALERTS, "")
    assert frame is not None
    assert (frame.rows, frame.at) == ([], 12.0)
    asked.fails = True
    polling.want(ALERTS)
    assert seen.get(timeout=180) == (ALERTS, None, "it does not answer")
    asked.fails = False
    asked.answers["/api/v1/alerts"] = {"data": {}}
    polling.want(ALERTS)
    assert "is it an agent of this version" in seen.get(timeout=180)[2]
    polling.stop()


def test_it_looks_again_by_itself_and_not_while_frozen() -> None:
    seen = SimpleQueue[tuple[Wanted, Frame | None, str]]()
    polling = Polling(Asked(), 0.01, SystemClock(), lambda *what: seen.put(what))
    polling.start()
    polling.want(ALERTS)
    assert [seen.get(timeout=180)[2] for _ in range(3)] == [""] * 3
    polling.stop()
    polling.join()
    while not seen.empty():
        seen.get()

    frozen = Polling(Asked(), 0.0, SystemClock(), lambda *what: seen.put(what))
    frozen.start()
    for _ in range(2):
        frozen.want(ALERTS, is_frozen=True)
        seen.get(timeout=180)
    frozen.stop()
    frozen.join()
    assert seen.empty()
