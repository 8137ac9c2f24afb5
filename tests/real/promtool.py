"""What a real promtool makes of expressions."""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streamwatch.model.labels import Labels
from streamwatch.rules.rule import Rule, RuleGroup
from tests.promql.answers import Answer

STEP_SECONDS: Final = 15
THRIFTY: Final = {"GOGC": "off", "GOMEMLIMIT": "500MiB"}
"""Each test of promtool's makes a whole TSDB: collecting that garbage is a third of its work."""
DELAYED_NAMES: Final = "--enable-feature=promql-delayed-name-removal"
_IMPOSSIBLE: Final = "[{labels: 'impossible{}', value: 424242}]"
_ELEMENT: Final = re.compile(r'(\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}) ([^ ,]+)(?:, |$)')
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def answers(
    promtool: Path, folder: Path, series: Mapping[str, str], asked: Sequence[tuple[str, int]], *flags: str
) -> list[Answer]:
    """Return what each expression is at its time (seconds, a multiple of the step)."""
    step = STEP_SECONDS
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
    done = subprocess.run(
        [str(promtool), *flags, "test", "rules", str(file)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | THRIFTY,
    )
    found = [_answer(part) for part in re.split(r"^    expr: ", done.stdout + done.stderr, flags=re.MULTILINE)[1:]]
    assert len(found) == len(asked), done.stdout + done.stderr
    return found


@dataclass(frozen=True, slots=True)
class World:
    """What is evaluated, on which series (labels, and values 15 s apart), and when the last rule is looked at."""

    groups: Sequence[RuleGroup]
    series: Sequence[tuple[Labels, str]]
    at_ms: int


def fired(promtool: Path, folder: Path, worlds: Sequence[World]) -> list[list[tuple[Labels, str]]]:
    """Return the alerts of the last rule in each world: their labels and annotations."""
    files = [_written(folder, at, world) for at, world in enumerate(worlds)]
    command = [str(promtool), "test", "rules", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | THRIFTY)
    said = done.stdout + done.stderr
    errors = re.findall(r"rule: .*err: .*", said)
    assert errors == []
    found: list[list[tuple[Labels, str]]] = [[] for _ in worlds]
    for at, got in re.findall(r"name: world (\d+),\n.*?got:\[\n(.*?)\n {12}\]", said, re.DOTALL):
        found[int(at)] = [
            (_labels(labels), str(sorted(_labels(annotations).items())))
            for labels, annotations in re.findall(r"Labels:(\{.*\})\n\s*Annotations:(\{.*\}),?$", got, re.MULTILINE)
        ]
    return found


def _written(folder: Path, at: int, world: World) -> Path:
    """Write the rules of a world, and a test that expects nothing, and return the test's file."""
    groups = [{"name": one.name, "rules": [_rule(rule) for rule in one.rules]} for one in world.groups if one.rules]
    name = world.groups[-1].rules[-1].name
    test = {
        "name": f"world {at}",
        "interval": "15s",
        "input_series": [{"series": str(labels), "values": values} for labels, values in world.series],
        "alert_rule_test": [{"alertname": name, "eval_time": f"{world.at_ms}ms", "exp_alerts": []}],
    }
    rules, file = folder / f"rules-{at}.yml", folder / f"world-{at}.yml"
    rules.write_text(json.dumps({"groups": groups}), encoding="utf-8")
    told = {
        "rule_files": [rules.name],
        "evaluation_interval": "15s",
        "group_eval_order": [one["name"] for one in groups],
        "tests": [test],
    }
    file.write_text(json.dumps(told), encoding="utf-8")
    return file


def _rule(rule: Rule) -> dict[str, Any]:
    if not rule.alert:
        return {"record": rule.name, "expr": rule.text}
    return {
        "alert": rule.name,
        "expr": rule.text,
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
    }


def _labels(text: str) -> Labels:
    return Labels((name, json.loads(f'"{value}"')) for name, value in _LABEL.findall(text))


def _answer(text: str) -> Answer:
    error = re.search(r", err: (.*)", text.split("\n        exp:", maxsplit=1)[0], re.DOTALL)
    if error is not None:
        return error[1].strip()
    got = text.split("        got: ", 1)[1].splitlines()[0]
    if got == "nil":
        return {}
    return {_labels(labels): float(value) for labels, value in _ELEMENT.findall(got)}
