"""What a real promtool makes of expressions."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from streamwatch.model.labels import Labels
from tests.promql.answers import Answer

_IMPOSSIBLE: Final = "[{labels: 'impossible{}', value: 424242}]"
_ELEMENT: Final = re.compile(r'(\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}) ([^ ,]+)(?:, |$)')
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def answers(
    promtool: Path, folder: Path, series: Mapping[str, str], asked: Sequence[tuple[str, int]], step: int = 15
) -> list[Answer]:
    """Return what each expression is at its time (seconds, a multiple of the step)."""
    lines = [f"evaluation_interval: {step}s", "rule_files: []", "tests:", f"  - interval: {step}s", "    input_series:"]
    for name, values in series.items():
        lines += [f"      - series: {json.dumps(name)}", f"        values: {json.dumps(values)}"]
    lines.append("    promql_expr_test:")
    for expression, at in asked:
        lines += [
            f"      - expr: {json.dumps(expression)}",
            f"        eval_time: {at}s",
            f"        exp_samples: {_IMPOSSIBLE}",
        ]
    file = folder / "asked.yml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = subprocess.run([str(promtool), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    found = [_answer(part) for part in re.split(r"^    expr: ", done.stdout + done.stderr, flags=re.MULTILINE)[1:]]
    assert len(found) == len(asked), done.stdout + done.stderr
    return found


def _answer(text: str) -> Answer:
    error = re.search(r", err: (.*)", text.split("\n        exp:", maxsplit=1)[0], re.DOTALL)
    if error is not None:
        return error[1].strip()
    got = text.split("        got: ", 1)[1].splitlines()[0]
    if got == "nil":
        return {}
    return {
        Labels((name, json.loads(f'"{value}"')) for name, value in _LABEL.findall(labels)): float(value)
        for labels, value in _ELEMENT.findall(got)
    }
