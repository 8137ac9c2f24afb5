"""``top`` as a person sees it: a process on a real pty, drawn by pyte, in a small and in a large window.

``python -m tests.cli.top.test_screen`` writes the pictures; whoever changes them looks at them. All of it takes about
four seconds of a processor: the command starts three times, which no smaller test replaces.
"""

import difflib
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from streamwatch.cli.top.views import TABS
from tests.cli.top.stories import STORIES, VIEWS, Replay, replay
from tests.cli.top.terminal import Terminal

PICTURES: Final = Path(__file__).parent / "pictures"
SIZES: Final = ((80, 24), (200, 60))


@pytest.fixture(scope="module")
def agent() -> Iterator[Replay]:
    with replay() as known:
        yield known


def top(agent: Replay, *args: str, **env: str) -> Terminal:
    return Terminal(["top", "--url", agent.url, "--interval", "60", *args], *SIZES[0], env)


def still(text: str) -> str:
    """Return a picture without the agent's port."""
    return re.sub(r"http://127\.0\.0\.1:\d+ *", "http://agent  ", text) + "\n"


def _is_still(stored: str, text: str) -> bool:
    return still(text) == stored


def shown(agent: Replay, terminal: Terminal) -> Iterator[Path]:
    """Show one picture after the other; yield where each is stored."""
    for story in STORIES:
        agent.story = story
        for width, height in SIZES:
            terminal.resize(width, height)
            for view in VIEWS[story]:
                terminal.press(str(TABS.index(view) + 1), "u")
                yield PICTURES / f"{story}-{view}-{width}x{height}.txt"


def test_pictures_are_as_stored_and_an_agent_that_is_silent_is_stale(agent: Replay) -> None:
    with top(agent, NO_COLOR="1") as terminal:
        terminal.shows("1 overview")
        for path in shown(agent, terminal):
            stored = path.read_text(encoding="utf-8")
            try:
                terminal.shows(partial(_is_still, stored))
            except AssertionError:
                difference = difflib.unified_diff(stored.splitlines(), still(terminal.text()).splitlines())
                raise AssertionError("\n".join([path.name, *difference])) from None
            assert terminal.colours() == {"default"}, "marks say it without colour"
        agent.is_down = True
        terminal.press("u")
        text = terminal.shows("STALE")
        assert "KafkaGroupStuck" in text
        assert "refused, status 503" in text
        agent.is_down = False
        terminal.press("u")
        terminal.shows(lambda now: "STALE" not in now)


def test_keys_open_go_back_filter_and_freeze_and_what_is_bad_is_red(agent: Replay) -> None:
    agent.story = "broker_down"
    with top(agent) as terminal:
        terminal.shows("does not answer")
        terminal.press("enter")
        text = terminal.shows("shop  |  worst first  |  1-3 of 3")
        assert re.search(r"^>! 2 +DOWN", text, re.MULTILINE)
        assert "red" in terminal.colours()
        terminal.press("enter")
        terminal.shows("kafka_broker_")
        terminal.press("escape")
        terminal.shows("1-3 of 3")
        terminal.press("escape")
        terminal.shows(">1 overview")
        terminal.press("3")
        terminal.shows("1-4 of 4")
        terminal.press("enter")
        assert "readers of a topic" in terminal.shows("-readers")
        terminal.press("escape")
        terminal.shows("1-4 of 4")
        terminal.press("/", "pay")
        terminal.shows("/pay_")
        terminal.press("enter")
        assert "orders" not in terminal.shows("/pay  |  1-1 of 1")
        terminal.press(" ")
        terminal.shows("FROZEN")
        terminal.press("?")
        terminal.shows("not known: that is never shown as 0")
        terminal.press("?")
        terminal.shows("/pay")
        terminal.press("escape")  # alone: with what follows at once it would be another key
        assert "FROZEN" in terminal.shows("1-4 of 4")
        terminal.press(" ")
        terminal.shows(lambda now: "FROZEN" not in now)
        terminal.press("8")
        terminal.shows("Broker 2 of shop does not answer")
        terminal.press("enter")
        terminal.shows("what happened")
        terminal.press("q")

        assert terminal.ends() == 0
        assert b"\x1b[?1049l" in terminal.received, "the screen of before is back"


def test_a_terminal_that_can_do_nothing_gets_text(agent: Replay) -> None:
    agent.story = "broker_down"
    with top(agent, "--view", "brokers", "--count", "1", TERM="dumb") as terminal:
        assert terminal.ends() == 0
        terminal.shows("DOWN")
        assert b"\x1b" not in terminal.received


def test_the_picture_in_the_document_is_one_of_these() -> None:
    stored = (PICTURES / "broker_down-overview-80x24.txt").read_text(encoding="utf-8").splitlines()
    document = Path(__file__).parents[3] / "docs" / "top.md"

    assert "\n".join(f"    {line}" for line in stored if line) in document.read_text(encoding="utf-8")


def write() -> None:
    """Store every picture: what is on the screen once it has stood for a second."""
    PICTURES.mkdir(exist_ok=True)
    with replay() as known, top(known, NO_COLOR="1") as terminal:
        terminal.shows("1 overview")
        for path in shown(known, terminal):
            path.write_text(still(terminal.stands(1.0)), encoding="utf-8")
            sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    write()
