"""Writes the bill of materials of a release: CycloneDX 1.6 as JSON, of what is installed here.

``python -m streamwatch.tools.bill`` prints it; the same installation gives the same bytes. cyclonedx-bom writes the
same of a whole environment, with serial numbers and times unless it is told otherwise, and takes twenty packages.
"""

import json
import re
from collections.abc import Iterator, Mapping
from email.message import Message
from importlib.metadata import Distribution, distribution
from typing import Any, Final

from packaging.requirements import Requirement

ROOT: Final = "streamwatch"
_SPDX: Final[Mapping[str, str]] = {
    **{name: name for name in ("MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "MPL-2.0", "LGPL-2.1-or-later")},
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
}
"""What distributions without an SPDX expression call their licences."""
_SAID_ELSEWHERE: Final[Mapping[str, str]] = {"promql-parser": "MIT"}
"""Licences of those whose metadata say nothing, and whose files do."""


def materials(extras: frozenset[str] = frozenset()) -> dict[str, Distribution]:
    """Return all that a plain installation of StreamWatch takes, by name, itself included; some extras besides.

    Raises:
        PackageNotFoundError: one of them is not installed.

    """
    found: dict[str, Distribution] = {}
    wanted = [(ROOT, extras)]
    while wanted:
        name, its_extras = wanted.pop()
        if _normal(name) not in found:
            one = found[_normal(name)] = distribution(name)
            wanted += [(needed.name, frozenset(needed.extras)) for needed in _needs(one, its_extras)]
    return dict(sorted(found.items()))


def licence(package: Distribution) -> str:
    """Return the SPDX expression of a distribution's licence; empty where it does not say, or in other words."""
    facts = package.metadata
    expression = _field(facts, "License-Expression")
    if expression:
        return expression
    classified = [
        line.rpartition(" :: ")[2] for line in facts.get_all("Classifier", []) if line.startswith("License :: ")
    ]
    words = [_field(facts, "License"), *classified]
    return next((_SPDX[word] for word in words if word in _SPDX), _SAID_ELSEWHERE.get(_normal(package.name), ""))


def bill() -> dict[str, Any]:
    """Return the bill, as CycloneDX has it."""
    found = materials()
    own = found[ROOT]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component(own, "application")},
        "components": [_component(one, "library") for name, one in found.items() if name != ROOT],
        "dependencies": [
            {"ref": _url(one), "dependsOn": sorted({_url(found[_normal(need.name)]) for need in _needs(one)})}
            for one in found.values()
        ],
    }


def _needs(one: Distribution, extras: frozenset[str] = frozenset()) -> Iterator[Requirement]:
    """Yield what it needs on this machine, with these extras of its own."""
    for line in one.requires or ():
        need = Requirement(line)
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield need


def _component(one: Distribution, kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "bom-ref": _url(one),
        "name": _normal(one.name),
        "version": one.version,
        "licenses": [{"expression": licence(one)}] if licence(one) else [],
        "purl": _url(one),
    }


def _url(one: Distribution) -> str:
    return f"pkg:pypi/{_normal(one.name)}@{one.version}"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _field(facts: Message | Any, name: str) -> str:  # noqa: ANN401 - a protocol that promises less than it has
    return str(facts.get(name) or "").strip()


if __name__ == "__main__":
    print(json.dumps(bill(), indent=2))  # noqa: T201 - what it is for
