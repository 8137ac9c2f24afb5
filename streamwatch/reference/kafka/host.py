"""What this host measures of itself: processors, memory, disks, file descriptors. Nothing where it does not tell."""

import os
import re
import resource
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

_MODES: Final = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_MEMORY: Final = ("MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapTotal", "SwapFree")
_SECTOR_BYTES: Final = 512
_NO_DISK: Final = re.compile(r"(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+")
"""Devices that the node exporter leaves out: those in memory, and parts of disks."""


def cpu_seconds() -> Iterator[tuple[str, str, float]]:
    """Yield (cpu, mode, seconds) of this host; nothing where the system does not tell."""
    for line in _lines("/proc/stat"):
        name, *ticks = line.split()
        if name.startswith("cpu") and name != "cpu":
            for mode, value in zip(_MODES, ticks, strict=False):
                yield name.removeprefix("cpu"), mode, int(value) / os.sysconf("SC_CLK_TCK")


def memory() -> Iterator[tuple[str, int]]:
    """Yield (name, bytes) of this host's memory."""
    for line in _lines("/proc/meminfo"):
        name, value, *_ = line.replace(":", " ").split()
        if name in _MEMORY:
            yield name, int(value) * 1024


def disks() -> Iterator[tuple[str, int, int, float]]:
    """Yield (device, bytes read, bytes written, seconds in which it had something to do) of this host's disks."""
    for line in _lines("/proc/diskstats"):
        _, _, device, *counts = line.split()
        if not _NO_DISK.fullmatch(device):
            yield device, int(counts[2]) * _SECTOR_BYTES, int(counts[6]) * _SECTOR_BYTES, int(counts[9]) / 1000


def files() -> Mapping[str, int]:
    """Return how many file descriptors this process has open, and may have open at most."""
    try:
        used = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return {}
    return {"Open": used, "Max": resource.getrlimit(resource.RLIMIT_NOFILE)[0]}


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii").splitlines()
    except OSError:
        return []
