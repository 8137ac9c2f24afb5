"""What this process takes, as prometheus_client tells it: its CPU, memory, file descriptors and garbage collector.

Names, help texts and labels are that library's, whose panels and rules people have. It is not imported: it brings
two HTTP servers and a client, 3 MB that the agent has no other use for.
"""

import gc
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from streamwatch.export.exposition import Foreign

_PROC: Final = Path("/proc")
_SELF: Final = _PROC / "self"
_AFTER_NAME: Final = 3
"""The fields of ``/proc/PID/stat`` are counted from 1 in proc(5); behind the command's name comes the third."""
_UTIME, _STIME, _STARTTIME, _VSIZE, _RSS = (field - _AFTER_NAME for field in (14, 15, 22, 23, 24))


@dataclass(frozen=True, slots=True)
class _Family:
    """A metric with its series."""

    name: str
    """As OpenMetrics has it: without a counter's ``_total``."""
    kind: Literal["gauge", "counter"]
    help: str
    values: dict[str, float]
    """By the text of the labels, empty where there are none."""

    def text(self, *, is_openmetrics: bool) -> str:
        """Return the lines of either format."""
        line = f"{self.name}_total" if self.kind == "counter" else self.name
        head = self.name if is_openmetrics else line
        series = "".join(f"{line}{labels} {float(value)!r}\n" for labels, value in self.values.items())
        return f"# HELP {head} {self.help}\n# TYPE {head} {self.kind}\n{series}"


class Process:
    """Renders the ``process_*`` and ``python_*`` families."""

    def __init__(self) -> None:
        """Note what stays as it is; where there is no ``/proc``, the process is not told."""
        self._ticks, self._page_bytes = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
        self._booted_at = _booted_at()

    def render(self) -> Foreign:
        """Return the families as they are at this moment."""
        families = [*self._process(), _python(), *_garbage_collector()]
        text, openmetrics = (
            "".join(family.text(is_openmetrics=of) for family in families).encode() for of in (False, True)
        )
        return Foreign(text, openmetrics)

    def _process(self) -> Iterator[_Family]:
        # The page is made where the kernel tells nothing, too: where no descriptor is left, say.
        with suppress(OSError):
            yield from self._used()
        with suppress(OSError, ValueError):
            yield from _descriptors()

    def _used(self) -> Iterator[_Family]:
        if self._booted_at is None:
            return
        # The command's name is in parentheses, and may hold some itself.
        fields = (_SELF / "stat").read_text(errors="replace").rpartition(")")[2].split()
        since, used = int(fields[_STARTTIME]) / self._ticks, int(fields[_UTIME]) + int(fields[_STIME])
        resident = int(fields[_RSS]) * self._page_bytes
        yield _gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", int(fields[_VSIZE]))
        yield _gauge("process_resident_memory_bytes", "Resident memory size in bytes.", resident)
        began = self._booted_at + since
        yield _gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", began)
        spent = {"": used / self._ticks}
        yield _Family("process_cpu_seconds", "counter", "Total user and system CPU time spent in seconds.", spent)


def _descriptors() -> Iterator[_Family]:
    limits = (_SELF / "limits").read_text().splitlines()
    most = next((line.split()[3] for line in limits if line.startswith("Max open files")), "")
    yield _gauge("process_open_fds", "Number of open file descriptors.", len(list((_SELF / "fd").iterdir())))
    yield _gauge("process_max_fds", "Maximum number of open file descriptors.", int(most))


def _gauge(name: str, text: str, value: float, labels: str = "") -> _Family:
    return _Family(name, "gauge", text, {labels: value})


def _booted_at() -> float | None:
    """Return when the machine started, in seconds since 1970; None where there is no ``/proc``."""
    try:
        lines = (_PROC / "stat").read_text().splitlines()
    except OSError:
        return None
    return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), None)


def _python() -> _Family:
    major, minor, patch = platform.python_version_tuple()
    facts = {
        "implementation": platform.python_implementation(),
        "major": major,
        "minor": minor,
        "patchlevel": patch,
        "version": platform.python_version(),
    }
    labels = ",".join(f'{name}="{value}"' for name, value in facts.items())
    return _gauge("python_info", "Python platform information", 1, f"{{{labels}}}")


def _garbage_collector() -> Iterator[_Family]:
    generations = gc.get_stats()
    for fact, text in (
        ("objects_collected", "Objects collected during gc"),
        ("objects_uncollectable", "Uncollectable objects found during GC"),
        ("collections", "Number of times this generation was collected"),
    ):
        values = {f'{{generation="{at}"}}': one[fact.removeprefix("objects_")] for at, one in enumerate(generations)}
        yield _Family(f"python_gc_{fact}", "counter", text, values)
