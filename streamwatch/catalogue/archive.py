"""The archive of the hours before: how much it has, and whether a restart would keep it."""

from typing import Literal

from streamwatch.model.metric import Metric, Tier


def _gauge(
    name: str,
    help: str,  # noqa: A002 - the word users see
    *,
    question: str,
    unit: Literal["", "bytes"] = "",
) -> Metric:
    return Metric(name=name, kind="gauge", unit=unit, labels=(), tier=Tier.AGENT, help=help, question=question)


ARCHIVE_SERIES = _gauge(
    "streamwatch_archive_series",
    "Numbers of which the archive has the hours before.",
    question="Of how much can I see the past?",
)
ARCHIVE_REFUSED = _gauge(
    "streamwatch_archive_refused_series",
    "Numbers that are to be archived, and for which `archive.memory` has no room.",
    question="Is the archive's budget too small?",
)
ARCHIVE_BYTES = _gauge(
    "streamwatch_archive_bytes",
    "Memory that the values of the archive take once a week of them is known; less before.",
    question="What does the past cost?",
    unit="bytes",
)
ARCHIVE_FILE_UP = _gauge(
    "streamwatch_archive_file_up",
    "Whether the archive's file could be written the last time (1) or not (0); absent where it has none.",
    question="Would a restart forget the hours before?",
)
ARCHIVE_FILE_BYTES = _gauge(
    "streamwatch_archive_file_bytes",
    "Size of the archive's file; absent where it has none.",
    question="Does the file stay within its bounds?",
    unit="bytes",
)
METRICS: tuple[Metric, ...] = (ARCHIVE_SERIES, ARCHIVE_REFUSED, ARCHIVE_BYTES, ARCHIVE_FILE_UP, ARCHIVE_FILE_BYTES)
