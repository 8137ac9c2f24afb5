"""What AWS refuses, and how the reference and other emulators answer it: the table in docs/reference.md."""

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.real.conftest import had
from tests.real.emulators import EMULATORS
from tests.reference.kinesis.acting import NOON, Time, cloud
from tests.reference.kinesis.refusals import LIMITS, REFUSALS, Asker, Refusal, answers

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "reference.md"
BEGIN, END = "<!-- made: refusals -->\n", "<!-- end -->"


def of_the_reference() -> dict[str, str]:
    """How the reference answers: limits are met where time stands still, and nowhere else."""
    ticks = itertools.count(NOON)
    with cloud(clock=lambda: next(ticks)) as aws:
        found = {case.what: code for case, code in answers(Asker(aws.url), REFUSALS)}
    for limit in LIMITS:
        with cloud(Time()) as aws:
            found |= {case.what: code for case, code in answers(Asker(aws.url), (limit,))}
    return found


def of(name: str, folder: Path) -> dict[str, str]:
    """How another emulator answers."""
    with had(lambda: EMULATORS[name](folder)) as emulator:
        return {case.what: code for case, code in answers(Asker(emulator.url), (*REFUSALS, *LIMITS))}


def table(cases: tuple[Refusal, ...], columns: Mapping[str, Mapping[str, str]]) -> str:
    """Return the table: "yes" stands for AWS's own code."""
    lines = [f"| what AWS refuses | AWS | {' | '.join(columns)} |", f"|---|---|{'---|' * len(columns)}"]
    for case in cases:
        cells = ["yes" if column[case.what] == case.code else column[case.what] for column in columns.values()]
        lines.append(f"| {case.what} | {case.code} | {' | '.join(cells)} |")
    sums = [f"{sum(column[one.what] == one.code for one in cases)} of {len(cases)}" for column in columns.values()]
    return "\n".join([*lines, f"| **as AWS** | | {' | '.join(sums)} |"])


def test_the_table_of_refusals_is_true(tmp_path: Path) -> None:
    columns = {"the reference": of_the_reference()} | {name: of(name, tmp_path) for name in EMULATORS}
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    made = before + BEGIN + table((*REFUSALS, *LIMITS), columns) + "\n" + END + rest.partition(END)[2]
    if os.environ.get("STREAMWATCH_WRITE_DOCS") == "1":
        DOCUMENT.write_text(made, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == made, "run with STREAMWATCH_WRITE_DOCS=1 to write it anew"
    assert all(columns["the reference"][case.what] == case.code for case in (*REFUSALS, *LIMITS))
