"""What a check-up of a source found, one step at a time."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "failed", "warning", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One step: what was tried and where, how it went, and what to do when it did not go well."""

    target: str
    step: str
    verdict: Verdict
    detail: str
    remedy: str = ""
