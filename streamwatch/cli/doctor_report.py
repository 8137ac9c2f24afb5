"""The check-up for a person: what does not go well line by line, what does in a line for each target, and the total."""

import textwrap
from collections import Counter
from collections.abc import Callable
from typing import Final

import click

from streamwatch.core.words import printable, printable_lines
from streamwatch.model.finding import Finding

_COLOURS: Final = {"ok": "green", "failed": "red", "warning": "yellow"}
_TARGET, _STEP = 30, 26
_MARGIN: Final = " " * 9
_WIDTH: Final = 110
_FEW: Final = 2
"""So many that are well are lines of their own."""


class DoctorReport:
    """Prints findings as they come; those of one target that are well once the next target begins."""

    def __init__(self, echo: Callable[[str], None], *, is_verbose: bool) -> None:
        self._echo, self._is_verbose = echo, is_verbose
        self._counts: Counter[str] = Counter()
        self._well: list[Finding] = []

    @property
    def failed(self) -> int:
        """How many failed."""
        return self._counts["failed"]

    def add(self, finding: Finding) -> None:
        """Print a finding, or keep it for its line."""
        self._counts[finding.verdict] += 1
        if self._well and self._well[0].target != finding.target:
            self._flush()
        if finding.verdict == "ok" and not self._is_verbose:
            self._well.append(finding)
            return
        self._flush()
        self._line(finding)

    def end(self) -> None:
        """Print what is left, and how many checks there were."""
        self._flush()
        counts = self._counts
        total = f"{counts.total()} checks: {counts['ok']} ok, {counts['warning']} warnings, {counts['failed']} failed"
        self._echo(f"{total}, {counts['skipped']} skipped" if counts["skipped"] else total)

    def _flush(self) -> None:
        well, self._well = self._well, []
        if len(well) <= _FEW:
            for finding in well:
                self._line(finding)
            return
        count = f"{len(well)} checks"
        steps = ", ".join(dict.fromkeys(finding.step for finding in well))
        first, *others = textwrap.wrap(steps, _WIDTH - _TARGET - len(_MARGIN), break_on_hyphens=False)
        self._echo(f"{_verdict('ok')} {printable(well[0].target):{_TARGET}} {count}: {first}")
        for line in others:
            self._echo(f"{_MARGIN}{'':{_TARGET}} {'':{len(count)}}  {line}")

    def _line(self, finding: Finding) -> None:
        line = f"{printable(finding.target):{_TARGET}} {finding.step:{_STEP}} {printable_lines(finding.detail)}"
        self._echo(f"{_verdict(finding.verdict)} {line}")
        if finding.remedy:
            self._echo(f"{_MARGIN}{'':{_TARGET}} {'':{_STEP}} -> {printable_lines(finding.remedy)}")


def _verdict(verdict: str) -> str:
    return click.style(f"{verdict:8}", fg=_COLOURS.get(verdict, "white"))
