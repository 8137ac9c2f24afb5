"""The bill of materials: all that an installation takes, each under a licence that may be shipped."""

import re
from importlib.metadata import distribution

from streamwatch.tools.bill import bill, licence, materials

ALLOWED = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MPL-2.0", "PSF-2.0", "Zlib",
})  # fmt: skip
"""Those that ask for no more than their text beside the program; MPL of its own files only."""
OF_EXTRAS = ALLOWED | {"LGPL-2.1-or-later"}
"""Of what is installed by who asks for it, as a library of its own."""


def identifiers(expression: str) -> set[str]:
    return set(re.findall(r"[\w.-]+", expression)) - {"AND", "OR", "WITH"}


def test_every_licence_may_be_shipped() -> None:
    plain = materials()
    refused = {
        name: licence(one)
        for name, one in plain.items()
        if not identifiers(licence(one)) or identifiers(licence(one)) - ALLOWED
    }
    assert refused == {}, "argue for it in the commit, and in ALLOWED; or say in tools/bill.py what its files say"
    more = materials(frozenset({"reference", "apprise"}))
    assert {name: licence(one) for name, one in more.items() if not identifiers(licence(one)) <= OF_EXTRAS} == {}


def test_the_bill_has_what_is_needed_and_nothing_of_the_tests() -> None:
    made = bill()
    names = {one["name"] for one in made["components"]}
    needed = {
        re.split(r"[^\w.-]", line)[0] for line in distribution("streamwatch").requires or () if "extra" not in line
    }
    assert {name.lower().replace("_", "-") for name in needed} <= names
    assert names & {"pytest", "mypy", "ruff", "hypothesis", "crc32c", "apprise"} == set()
    assert made["metadata"]["component"]["name"] == "streamwatch"


def test_the_bill_is_whole_and_the_same_each_time() -> None:
    made = bill()
    assert made == bill()
    refs = {one["bom-ref"] for one in made["components"]} | {made["metadata"]["component"]["bom-ref"]}
    assert {one["ref"] for one in made["dependencies"]} == refs
    assert {needed for one in made["dependencies"] for needed in one["dependsOn"]} <= refs
    assert all(one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}" for one in made["components"])
    assert all(set(one["licenses"][0]) == {"expression"} for one in made["components"])
