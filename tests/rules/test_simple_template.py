"""Simple templates are rendered without gotpl, to the same text: gotpl is the oracle."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamwatch.model.labels import Labels
from streamwatch.promql.series import Vector
from streamwatch.rules.config import pack_folder
from streamwatch.rules.go_template import GoTemplate
from streamwatch.rules.load import load
from streamwatch.rules.template import MOST_CHARACTERS, Template

ROOT = Path(__file__).parents[2]
NAMES = st.sampled_from(["topic", "broker", "a_b1", "missing", "items", "keys", "__class__", "Names"])
OPERANDS = st.one_of(
    st.sampled_from(["$value", ".Value"]), NAMES.map("$labels.{}".format), NAMES.map(".Labels.{}".format)
)
FUNCTIONS = st.sampled_from(
    [
        *("humanize", "humanize1024", "humanizeDuration", "humanizePercentage", "humanizeTimestamp"),
        *('printf "%.0f"', 'printf "%.3f"'),
    ]
)
SPACE = st.sampled_from(["", " ", "  "])


@st.composite
def actions(draw: st.DrawFn) -> str:
    pipes = "".join(f"{draw(SPACE)}|{draw(SPACE)}{name}" for name in draw(st.lists(FUNCTIONS, max_size=2)))
    return f"{{{{{draw(SPACE)}{draw(OPERANDS)}{pipes}{draw(SPACE)}}}}}"


@st.composite
def optional_labels(draw: st.DrawFn) -> str:
    label = draw(st.one_of(NAMES.map("$labels.{}".format), NAMES.map(".Labels.{}".format)))
    plain = st.text(st.characters(codec="utf-8", exclude_characters="{"), max_size=4)
    space = draw(SPACE)
    return (
        f"{{{{{space}with {label}{space}}}}}{draw(plain)}{{{{{space}.{space}}}}}{draw(plain)}{{{{{space}end{space}}}}}"
    )


TEXTS = st.lists(
    st.one_of(actions(), optional_labels(), st.text(st.characters(codec="utf-8", exclude_characters="{"), max_size=8)),
    max_size=6,
).map("".join)
LABELS = st.dictionaries(
    st.sampled_from(["topic", "broker", "a_b1", "items"]),
    st.one_of(st.text(st.characters(codec="utf-8"), max_size=8), st.floats().map(str)),
    max_size=3,
)
VALUES = st.one_of(st.floats(), st.integers(-(10**17), 10**17).map(float), st.floats(-1e7, 1e7))


def no_query(text: str) -> Vector:
    raise AssertionError(text)


@given(text=TEXTS, labels=LABELS, value=VALUES)
@example(text="{{ $value }}", labels={}, value=1e6)
@example(text="{{ $value }}", labels={}, value=999999.9999999999)
@example(text="{{ $value }} {{.Value}}", labels={}, value=-0.0)
@example(text="{{ $value | humanizeTimestamp }}", labels={}, value=1e300)
@example(text="{{ $labels.topic | humanize }}", labels={"topic": "x"}, value=1.0)
def test_a_simple_template_makes_what_gotpl_makes(text: str, labels: dict[str, str], value: float) -> None:
    simple = Template(text)

    assert simple.is_simple
    expected = GoTemplate(text, MOST_CHARACTERS).render(Labels(labels), value, no_query)
    assert simple.render(Labels(labels), value, no_query) == expected


@pytest.mark.parametrize("value", [10.0**n * digit for n in range(-8, 24) for digit in (1, 1.5, 9.999999)])
def test_numbers_are_those_of_go(value: float) -> None:
    for number in (value, -value, math.nextafter(value, 0), math.nextafter(value, math.inf)):
        expected = GoTemplate("{{ $value }}", MOST_CHARACTERS).render(Labels(), number, no_query)
        assert Template("{{ $value }}").render(Labels(), number, no_query) == expected


def test_a_text_that_is_too_long_is_the_error_of_gotpl() -> None:
    labels = Labels({"topic": "x" * (MOST_CHARACTERS // 2)})
    text = "{{ $labels.topic }}{{ $labels.topic }}{{ $value }}"

    assert Template(text).render(labels, 1.0, no_query).startswith("<error expanding template")
    assert Template(text).render(labels, 1.0, no_query) == GoTemplate(text, MOST_CHARACTERS).render(
        labels, 1.0, no_query
    )


@pytest.mark.parametrize(
    "text",
    [
        "{{- $value }}",
        "{{ $valuer }}",
        "{{ $value | humanizes }}",
        "{{ $labels }}",
        "{{",
        "{{ $labels.a.b }}",
        "{{ with $value }}{{ . }}{{ end }}",
        "{{ with $labels.a }}x{{ end }}",
    ],
)
def test_what_is_more_is_left_to_gotpl(text: str) -> None:
    assert not Template(text).is_simple


def test_every_template_of_the_pack_is_one() -> None:
    texts = {
        text
        for group in load(sorted(pack_folder().glob("*.yml")))
        for rule in group.rules
        for _, text in (*rule.labels, *rule.annotations)
    }
    some = list(map(Template, texts))

    for one in some:
        one.check()
    assert sum(not one.is_simple for one in some) < 0.06 * len(some), "gotpl is imported for a few only"


def test_the_pack_is_read_without_gotpl_and_re2() -> None:
    program = (
        "import sys; from streamwatch.rules.config import pack_folder; from streamwatch.rules.load import load;"
        "load(pack_folder().glob('*.yml')); sys.exit(bool({'gotpl', 're2'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT).returncode == 0
