"""One incident over a pair while something breaks: what is done to whom, and whether it was told as promised."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tests.pair.duo import BOTH, SECONDS, Duo, Who
from tests.pair.home import LIES, Event
from tests.waiting import wait_for

_TOLD_SECONDS: Final = 60.0
_HURT_SECONDS: Final = 15.0
"""After as long without a page everything is put back: there may be nobody left who could send one."""
FAULTS: Final = (
    "nothing", "kill the holder", "kill the other", "kill both", "stop the holder", "stop the other", "cut the peers",
    "cut one way", "cut the holder's home", "cut both homes", "cut both homes and the peers", "cut the holder's pager",
    "cut everything of the holder", "clock", "lie", "lie and kill",
)  # fmt: skip


@dataclass
class Told:
    """What came of one incident."""

    name: str
    fault: str
    detail: str
    untold: bool = False
    unended: bool = False
    wrongly_resolved: int = 0
    """Resolved while an agent that was alive, and could be heard by who resolved it, saw it."""
    doubles: int = 0
    """Triggers after the first."""
    double_resolves: int = 0
    keys: int = 0
    page_seconds: float | None = None
    """From the holder's death to the page, where it died before."""
    events: list[tuple[float, str, str]] = field(default_factory=list)

    @property
    def is_odd(self) -> bool:
        """Whether it was not told once, and ended once."""
        wrong = self.untold or self.unended or self.wrongly_resolved > 0 or self.keys != 1
        return wrong or self.doubles > 0 or self.double_resolves > 0


class Story:
    """One incident."""

    def __init__(self, pair: Duo, name: str, dice: random.Random) -> None:
        self._pair, self._name, self._dice = pair, name, dice
        self._seen: list[tuple[float, Who, bool]] = []
        """When an agent that was alive began to see it, or saw it no more."""
        self._cuts: list[tuple[float, bool]] = []
        self._died_at: float | None = None
        self._fault = dice.choice(FAULTS)
        self._detail = ""
        self._nap = threading.Event()

    def play(self) -> Told:
        """Play it, heal everything, and judge."""
        sees = list(BOTH) if self._dice.random() < 0.75 else [self._dice.choice(BOTH)]
        self._detail = f"seen by {' and '.join(sees)}, "
        breaks_at = self._dice.choice((0.0, 0.0, self._dice.uniform(0.2, 2.5), self._dice.uniform(2.5, 5.0)))
        fires = {who: self._dice.uniform(0.0, 0.6) for who in sees}
        lasts = self._dice.uniform(4.0, 6.0) if self._fault != "cut the holder's pager" else 14.0
        heals_at = max(breaks_at + 0.5, lasts + self._dice.choice((-1.0, 0.5, 3.0)))
        ends = {who: lasts + self._dice.uniform(0.0, 1.5) for who in sees}
        steps: list[tuple[float, Callable[[], None]]] = [(breaks_at, self._break), (heals_at, self._heal)]
        steps.append((lasts, self._last))
        steps += [(at, lambda who=who: self._fire(who)) for who, at in fires.items()]  # type: ignore[misc]
        steps += [(at, lambda who=who: self._end(who)) for who, at in ends.items()]  # type: ignore[misc]
        began = time.monotonic()
        for at, step in sorted(steps, key=lambda each: each[0]):
            self._nap.wait(max(0.0, began + at - time.monotonic()))
            step()
        return self._judge(began)

    def _fire(self, who: Who) -> None:
        self._set(who, firing=True)

    def _last(self) -> None:
        """Let it last until somebody was told; where nobody can be, everything is put back meanwhile."""
        if not self._is_told(_HURT_SECONDS):
            self._heal()
            self._is_told(_TOLD_SECONDS)

    def _is_told(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not any(event.action == "trigger" for event in self._pair.pager.of(self._name)):
            if time.monotonic() > until:
                return False
            self._nap.wait(0.1)
        return True

    def _end(self, who: Who) -> None:
        self._set(who, firing=False)

    def _set(self, who: Who, *, firing: bool) -> None:
        member = self._pair.members[who]
        (member.firing.add if firing else member.firing.discard)(self._name)
        if not firing:  # before it is written: what is resolved after that is right
            self._seen.append((time.monotonic(), who, False))
        member.write()
        if firing and member.lives:
            self._seen.append((time.monotonic(), who, True))

    def _blind(self, who: Who) -> None:
        """Note that an agent sees nothing from now on."""
        self._seen.append((time.monotonic(), who, False))

    def _break(self) -> None:  # noqa: C901, PLR0912 - a case a fault
        pair, members = self._pair, self._pair.members
        holder = pair.holder() or "a"
        other: Who = "b" if holder == "a" else "a"
        self._detail += f"holder {holder}"
        match self._fault:
            case "kill the holder" | "kill the other" | "kill both":
                whom = {"kill the holder": [holder], "kill the other": [other], "kill both": [holder, other]}
                self._kill(*whom[self._fault])
            case "stop the holder" | "stop the other":
                who = holder if self._fault == "stop the holder" else other
                self._blind(who)
                members[who].signal(stop=True)
                if who == holder:
                    self._died_at = time.monotonic()
            case "cut the peers" | "cut one way":
                self._cut(holder, "peer")
                if self._fault == "cut the peers":
                    self._cut(other, "peer")
            case "cut the holder's home":
                self._cut(holder, "home")
            case "cut both homes" | "cut both homes and the peers":
                for who in BOTH:
                    self._cut(who, "home", *(["peer"] if self._fault.endswith("peers") else []))
            case "cut the holder's pager":
                self._cut(holder, "pager")
            case "cut everything of the holder":
                self._cut(holder, "home", "peer", "pager")
                self._cut(other, "peer")
            case "clock":
                who = self._dice.choice(BOTH)
                members[who].ahead = self._dice.choice((-3600.0, -30.0, 30.0, 3600.0, 86400.0))
                self._detail += f", {who}'s by {members[who].ahead:g} s"
                members[who].write()
            case "lie" | "lie and kill":
                pair.home.lie = self._dice.choice(LIES)
                self._detail += f", {pair.home.lie}"
                if self._fault == "lie and kill":
                    self._kill(self._dice.choice(BOTH))

    def _kill(self, *whom: Who) -> None:
        holder = self._pair.holder()
        for who in whom:
            self._blind(who)
            self._pair.members[who].kill()
            if who == holder and self._fault == "kill the holder":
                self._died_at = time.monotonic()

    def _cut(self, who: Who, *links: str) -> None:
        refuses = self._dice.random() < 0.5
        for name in links:
            link = self._pair.members[who].links[name]
            link.is_cut, link.refuses = True, refuses
            if name == "peer":
                self._cuts.append((time.monotonic(), True))

    def _heal(self) -> None:
        self._pair.heal()
        self._cuts.append((time.monotonic(), False))
        if self._fault == "clock":
            for member in self._pair.members.values():
                if self._dice.random() < 0.5:
                    member.ahead = 0.0
                member.write()

    def _judge(self, began: float) -> Told:
        told = Told(self._name, self._fault, self._detail)

        def events() -> list[Event]:
            return self._pair.pager.of(self._name)

        try:
            wait_for(lambda: any(each.action == "trigger" for each in events()), _TOLD_SECONDS, "told")
        except TimeoutError:
            told.untold = True
            return told
        try:
            wait_for(lambda: events()[-1].action == "resolve", _TOLD_SECONDS, "ended")
        except TimeoutError:
            told.unended = True
        self._nap.wait(5.0)  # what would come twice comes now
        found = events()
        actions = [each.action for each in found]
        told.keys = len({each.key for each in found})
        told.doubles = max(0, actions.count("trigger") - 1)
        told.double_resolves = max(0, actions.count("resolve") - 1)
        told.wrongly_resolved = sum(each.action == "resolve" and self._saw(each) for each in found)
        told.events = [(round(each.at - began, 2), each.sender, each.action) for each in found]
        first = next(each.at for each in found if each.action == "trigger")
        seen = [at for at, _, firing in self._seen if firing]
        if self._died_at is not None and seen and first > self._died_at:
            told.page_seconds = first - max(self._died_at, min(seen))
        return told

    def _saw(self, event: Event) -> bool:
        """Say whether an agent that lived saw the alert when it was resolved: one that could be heard, or its sender.

        Agents hear each other every half second; what changed within two of these was not said yet.
        """
        at = event.at - 1.0
        if self._was_cut(at):
            return any(self._sees(who, at) and self._sees(who, event.at) for who in BOTH if who == event.sender)
        return any(self._sees(who, at) and self._sees(who, event.at) for who in BOTH)

    def _was_cut(self, at: float) -> bool:
        """Say whether agents could not hear each other then, or long enough before it to count as dead."""
        state, since = False, 0.0
        for when, is_cut in self._cuts:
            if when <= at:
                state, since = is_cut, when
        return state or (since > 0 and at - since < SECONDS)

    def _sees(self, who: Who, at: float) -> bool:
        latest = False
        for when, one, firing in self._seen:
            if one == who and when <= at:
                latest = firing
        return latest
