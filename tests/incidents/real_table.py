"""What was said of faults on real Kafka, and the table of it in docs/incidents.md."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.incidents.labels import REAL
from tests.incidents.outcome import Outcome

PLAYED: Final = Path(__file__).with_name("real.json")
DOCS: Final = Path(__file__).parents[2] / "docs" / "incidents.md"
MARKS: Final = ("<!-- made: real -->\n", "<!-- end of the real ones -->")


def outcomes() -> dict[str, Outcome]:
    """Return what was said of each fault that was made."""
    texts = json.loads(PLAYED.read_text(encoding="utf-8")) if PLAYED.exists() else {}
    return {name: Outcome.of_json(texts[name]) for name in REAL if name in texts}


def keep(name: str, outcome: Outcome) -> None:
    """Keep what was said of a fault."""
    texts = {each: of.as_json() for each, of in {**outcomes(), name: outcome}.items()}
    PLAYED.write_text(json.dumps(texts, indent=1) + "\n", encoding="utf-8")


def verdict(name: str, outcome: Outcome) -> str:
    """Say whether what was said of a fault was right."""
    return outcome.verdict(REAL[name], REAL[name].subject)


def written(known: Mapping[str, Outcome]) -> str:
    """Return the document, with the table as it should be."""
    before, begin, rest = DOCS.read_text(encoding="utf-8").partition(MARKS[0])
    counts = Counter(verdict(name, outcome) for name, outcome in known.items())
    lines = [", ".join(f"{count} {word}" for word, count in sorted(counts.items())), ".\n\n"]
    lines.append("| fault | true cause | first sentence | after | |\n|---|---|---|---|---|\n")
    for name, outcome in known.items():
        after = "" if outcome.seconds is None else f"{outcome.seconds:.0f} s"
        causes = ", ".join(f"`{cause}`" for cause in sorted(REAL[name].causes))
        lines.append(f"| {name} | {causes} | {outcome.sentence or '-'} | {after} | {verdict(name, outcome)} |\n")
    return f"{before}{begin}{''.join(lines)}{MARKS[1]}{rest.partition(MARKS[1])[2]}"
