"""Whether an answer is of the form that botocore knows: each kind of part, and what is right."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from botocore.model import ServiceModel

from streamwatch.sources.aws.soundness import Form

_SHAPES: Final = {
    "Node": {
        "type": "structure",
        "members": {
            name: {"shape": shape}
            for name, shape in {
                "Text": "Text", "Count": "Count", "Share": "Share", "At": "At", "Is": "Is", "Data": "Data",
                "Numbers": "Numbers", "Nodes": "Nodes", "Tags": "Tags", "ByName": "ByName", "Any": "Any",
            }.items()
        },
    },
    "Text": {"type": "string"}, "Count": {"type": "integer"}, "Share": {"type": "double"}, "At": {"type": "timestamp"},
    "Is": {"type": "boolean"}, "Data": {"type": "blob"}, "Any": {"type": "document"},
    "Numbers": {"type": "list", "member": {"shape": "Share"}},
    "Nodes": {"type": "list", "member": {"shape": "Node"}},
    "Tags": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
    "ByName": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Node"}},
}  # fmt: skip
"""A structure with every kind of part, and that holds itself."""


@pytest.fixture(scope="module")
def form() -> Form:
    return Form(ServiceModel({"metadata": {}, "operations": {}, "shapes": _SHAPES}).shape_for("Node"))


RIGHT: Final[list[Any]] = [
    {},
    {"Text": "a", "Count": 1, "Share": 1, "At": datetime(2026, 1, 1, tzinfo=UTC), "Is": True, "Data": b"x"},
    {
        "Numbers": [],
        "Nodes": [{"Nodes": [{"Text": "deep"}]}],
        "Tags": {"a": "b"},
        "ByName": {"a": {"Numbers": [1, 2.0]}},
    },
    {"Numbers": [True]},
    {"Unheard": object(), "Any": object()},
]
ODD: Final[dict[str, Any]] = {
    "all of it": [],
    "Text": {"Text": 1},
    "Count": {"Count": 1.5},
    "Nodes[].Count": {"Nodes": [{"Count": 2**63 - 1}, {"Count": 2**63}]},
    "Share": {"Share": -(10**400)},
    "At": {"At": "2026"},
    "Numbers": {"Numbers": {}},
    "Numbers[]": {"Numbers": [1.0, "2", 3.0]},
    "Nodes[].Nodes[].Text": {"Nodes": [{}, {"Nodes": [{"Text": None}]}]},
    "Tags{}": {"Tags": {"a": "b", "c": 1}},
    "ByName{}.Is": {"ByName": {"a": {"Is": 1}}},
    "ByName": {"ByName": [1]},
}


@pytest.mark.parametrize("answer", RIGHT)
def test_what_is_right_or_unknown_fits(form: Form, answer: Any) -> None:
    assert form.misfit(answer) is None


@pytest.mark.parametrize(("part", "answer"), ODD.items())
def test_the_part_that_is_odd_is_named(form: Form, part: str, answer: Any) -> None:
    assert form.misfit(answer) == part
