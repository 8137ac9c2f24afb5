"""The alerts that come with StreamWatch as files for whoever reads files: a Prometheus, or its operator."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streamwatch.core.errors import RuleError
from streamwatch.rules.config import pack_folder
from streamwatch.rules.load import API, KIND

_RUNBOOK: Final = re.compile(r"^(\s+runbook_url: )(/\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What is written."""

    form: str
    """One of ``FORMS``."""
    runbooks: str | None = None
    """Where runbooks are, as in ``https://agent.example.com``; None leaves the paths as they are."""
    namespace: str | None = None
    """Of the Kubernetes objects; None leaves it to ``kubectl``."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the Kubernetes objects: an operator may look for rules by them."""


def export(folder: Path, wanted: ExportOptions, *, overwrite: bool) -> list[Path]:
    """Write the rules into a folder, which is made where it is not there, and return what was written.

    Raises:
        RuleError: a file is there already and says something else, or cannot be written.

    """
    made = {folder / name: text for name, text in FORMS[wanted.form](wanted).items()}
    try:
        other = [path for path, text in made.items() if path.exists() and path.read_bytes() != text.encode()]
        if other and not overwrite:
            names = ", ".join(path.name for path in other)
            raise RuleError([f"{folder}: is there already, and differs: {names}: give --overwrite to replace them"])
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in made.items():
            path.write_bytes(text.encode())
    except OSError as error:
        raise RuleError([f"{folder}: cannot be written: {error.strerror}: choose another folder"]) from error
    return list(made)


def _prometheus(wanted: ExportOptions) -> dict[str, str]:
    """Return the files, comments and all."""
    return {path.name: _linked(path, wanted) for path in sorted(pack_folder().glob("*.yml"))}


def _operator(wanted: ExportOptions) -> dict[str, str]:
    """Return a PrometheusRule each."""
    return {f"streamwatch-{name}": _manifest(name, text, wanted) for name, text in _prometheus(wanted).items()}


def _manifest(name: str, text: str, wanted: ExportOptions) -> str:
    labels = {"app.kubernetes.io/name": "streamwatch", **wanted.labels}
    metadata = [f"name: streamwatch-{name.removesuffix('.yml')}"]
    if wanted.namespace is not None:
        metadata.append(f"namespace: {json.dumps(wanted.namespace)}")
    metadata += ["labels:", *(f"  {json.dumps(one)}: {json.dumps(value)}" for one, value in labels.items())]
    head = [f"apiVersion: {API}", f"kind: {KIND}", "metadata:", *(f"  {line}" for line in metadata), "spec:"]
    return "\n".join([*head, *(f"  {line}".rstrip() for line in text.splitlines()), ""])


def _linked(path: Path, wanted: ExportOptions) -> str:
    text = path.read_text(encoding="utf-8")
    if wanted.runbooks is None:
        return text
    base = wanted.runbooks.rstrip("/")
    return _RUNBOOK.sub(lambda found: f"{found[1]}{json.dumps(base + found[2])}", text)


FORMS: Final[Mapping[str, Callable[[ExportOptions], dict[str, str]]]] = {
    "prometheus": _prometheus,
    "operator": _operator,
}
