"""Plays stories, and writes what the decision list said of each into docs/incidents.md.

    python -m tests.incidents.stories readers           # those of readers: on one clock, ten seconds
    python -m tests.incidents.stories [--at-once 2] NAME...   # stories of the reference: each takes minutes
    python -m tests.incidents.stories                   # nothing is played: the table is written of what was

What was said is kept in ``played.json``, beside this file.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Final

from tests.incidents.labels import LABELS, READERS, is_set_aside
from tests.incidents.outcome import Outcome
from tests.incidents.played_readers import played
from tests.rules.test_stories import ALL

PLAYED: Final = Path(__file__).with_name("played.json")
DOCS: Final = Path(__file__).parents[2] / "docs" / "incidents.md"
MARKS: Final = ("<!-- made: stories -->\n", "<!-- end of the stories -->")
_SECONDS: Final = 900
_KEEPING: Final = Lock()


def outcomes() -> dict[str, Outcome]:
    """Return what was said of each story that was played."""
    texts = json.loads(PLAYED.read_text(encoding="utf-8"))
    return {name: Outcome.of_json(texts[name]) for name in LABELS if name in texts}


def table(known: Mapping[str, Outcome]) -> str:
    """Return the table of all stories, as Markdown: those that are set aside last."""
    return "".join((*_part(known, is_aside=False), *_part(known, is_aside=True)))


def verdict(name: str, outcome: Outcome) -> str:
    """Say whether what was said of a story was right."""
    return outcome.verdict(LABELS[name], LABELS[name].subject)


def _part(known: Mapping[str, Outcome], *, is_aside: bool) -> Iterator[str]:
    names = [name for name in LABELS if name in known and is_set_aside(name) is is_aside]
    counts = Counter(verdict(name, known[name]) for name in names)
    total = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    yield f"{'Set aside' if is_aside else 'Looked at while the list was made'}: {total}.\n\n"
    yield "| story | true cause | first sentence | after | |\n|---|---|---|---|---|\n"
    for name in names:
        outcome = known[name]
        after = "" if outcome.seconds is None else f"{outcome.seconds:.0f} s"
        causes = ", ".join(f"`{cause}`" for cause in sorted(LABELS[name].causes)) or "nothing is wrong"
        yield f"| {name} | {causes} | {outcome.sentence or '-'} | {after} | {verdict(name, outcome)} |\n"
    yield "\n"


def written(known: Mapping[str, Outcome]) -> str:
    """Return the document, with the table as it should be."""
    before, begin, rest = DOCS.read_text(encoding="utf-8").partition(MARKS[0])
    return f"{before}{begin}{table(known)}{MARKS[1]}{rest.partition(MARKS[1])[2]}"


def _keep(name: str, outcome: Outcome) -> None:
    """Keep what was said, beside what another process has kept meanwhile."""
    texts = json.loads(PLAYED.read_text(encoding="utf-8")) if PLAYED.exists() else {}
    texts[name] = outcome.as_json()
    ordered = {each: texts[each] for each in LABELS if each in texts}
    PLAYED.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


def _play(name: str) -> bool:
    """Play a story of the reference and keep what was said; say whether it could be played."""
    try:
        outcome = _story(name)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return False
    with _KEEPING:
        _keep(name, outcome)
    return True


def _story(name: str) -> Outcome:
    command = [sys.executable, "-m", "tests.rules.story", name, str(ALL[name][0])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    return Outcome.of_json(json.loads(done.stdout.splitlines()[-1])["outcome"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Play what is asked for, and write file and document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--at-once", type=int, default=1)
    options = parser.parse_args(arguments)
    if "readers" in options.names:
        for name, outcome in played().items():
            _keep(name, outcome)
    names = [name for name in options.names if name not in {"readers", *READERS}]
    with ThreadPoolExecutor(options.at_once) as pool:
        failed = [name for name, is_played in zip(names, pool.map(_play, names), strict=True) if not is_played]
    DOCS.write_text(written(outcomes()), encoding="utf-8")
    if failed:
        sys.exit(f"not played: {', '.join(failed)}")


if __name__ == "__main__":
    main()
