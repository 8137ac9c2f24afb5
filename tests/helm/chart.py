"""The chart as Helm renders it."""

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
CHART: Final = ROOT / "helm" / "streamwatch"
EXAMPLES: Final = ROOT / "helm" / "examples"
LEAST: Final[Mapping[str, Any]] = {"config": {"kafka": [{"name": "orders", "bootstrap": ["kafka:9092"]}]}}

Document = dict[str, Any]
_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Refused(Exception):
    """Helm does not render it; says why."""


def render(helm: Path, values: Mapping[str, Any], *files: Path, chart: Path = CHART) -> list[Document]:
    """Return the documents of a release called ``watch``."""
    command = [str(helm), "template", "watch", str(chart), "--namespace", "kafka", "--values", "-"]
    command += [part for file in files for part in ("--values", str(file))]
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise Refused(done.stderr)
    return parsed(done.stdout)


@cache
def _parsed(text: str) -> Document | None:
    found: Document | None = yaml.load(text, _Loader)  # noqa: S506 - a safe one
    return found


def parsed(text: str) -> list[Document]:
    """Return the documents of a text; what is the same in many texts is read once."""
    return [found for one in text.split("\n---\n") if (found := _parsed(one.removeprefix("---\n"))) is not None]


def of(documents: list[Document], kind: str) -> Document:
    """Return the only document of a kind."""
    (found,) = (one for one in documents if one["kind"] == kind)
    return found


def pod(documents: list[Document]) -> Document:
    """Return the pod template of the only workload."""
    (found,) = (one for one in documents if one["kind"] in {"Deployment", "StatefulSet"})
    template: Document = found["spec"]["template"]
    return template


def container(documents: list[Document]) -> Document:
    """Return StreamWatch's container."""
    spec = pod(documents)["spec"]
    every = [*spec.get("initContainers", []), *spec["containers"]]
    return next(one for one in every if one["name"] == "streamwatch")
