"""The wanted series of a page, whatever its chunks; compared with prometheus-client's own parser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from streamwatch.sources.open_monitoring.parse import ExpositionParser, Series, Unreadable, wanted

NAMES = ("a", "a_b", "kafka_x_Value")
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
LABELS = st.dictionaries(st.sampled_from(["name", "topic", "x_1"]), TEXT, max_size=3)
SERIES = st.tuples(st.sampled_from([*NAMES, "other", "a_c", "xa"]), LABELS, st.floats(allow_nan=False))


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def page(series: list[tuple[str, dict[str, str], float]], comma: str) -> str:
    lines = ["# HELP a what", "# TYPE a untyped"]
    for name, labels, value in series:
        told = ",".join(f'{key}="{escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{told}{comma if labels else ''}}} {value!r}" if labels else f"{name} {value!r}")
    return "\n".join(lines) + "\n"


def read(text: str, size: int) -> Series:
    reader, data = ExpositionParser(wanted(NAMES)), text.encode()
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
    return reader.end()


@given(st.lists(SERIES, max_size=10), st.sampled_from(["", ","]), st.integers(1, 60))
def test_what_is_found_is_what_was_written(
    series: list[tuple[str, dict[str, str], float]], comma: str, size: int
) -> None:
    expected: Series = {}
    for name, labels, value in series:
        if name in NAMES:
            expected.setdefault(name, []).append((labels, value))

    assert read(page(series, comma), size) == expected


def test_it_agrees_with_prometheus_clients_parser() -> None:
    text = (
        '# TYPE a gauge\na{name="x",} 1.0\na{name="}\\"{",topic="\\\\n\\n"} NaN\na -Inf\n'
        'a_b{x_1=""} 4.2e-5 1600000000000\nother{name="x"} 5\n'
    )
    found = {
        (sample.name, tuple(sorted(sample.labels.items())), repr(sample.value))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in NAMES
    }

    ours = read(text, 7)
    assert {(n, tuple(sorted(la.items())), repr(v)) for n, some in ours.items() for la, v in some} == found


@pytest.mark.parametrize("text", ["", "<html>\n<body>no</body>\n", "a{b} c\n" * 3, "x" * 70_000])
def test_what_is_no_page_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text, 1000)
