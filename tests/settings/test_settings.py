"""Every mistake is told at once, with its line, what is wrong and what is allowed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.core.errors import ConfigError
from streamwatch.settings.reader import read_settings
from streamwatch.settings.types import Duration, FilePath, HostPort, Pattern, Secret, Size, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """A part."""

    depth: int = setting("how deep", default=1, minimum=0, maximum=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """A whole."""

    name: str = setting("what it is called")
    every: Duration = setting("how often", default=15.0, minimum=1)
    most: Size = setting("how much", default=1024)
    at: HostPort | None = setting("where", default=None)
    match: tuple[Pattern, ...] = setting("which", default=())
    file: FilePath | None = setting("from where", default=None)
    password: Secret | None = setting("the password", default=None)
    colour: Literal["red", "blue"] = setting("the colour", default="red")
    loud: bool = setting("whether it is loud", default=False)
    inner: Inner | None = setting("a part", default=None)
    inners: tuple[Inner, ...] = setting("parts", default=())
    names: Mapping[str, str] = setting("what is called otherwise", default_factory=dict)

    def __post_init__(self) -> None:
        if self.colour == "blue" and self.loud:
            raise ValueError("loud: blue is never loud: leave it out")


def read(text: str, folder: Path = Path(), **environment: str) -> Outer:
    return read_settings(Outer, text, "file.yaml", folder, environment)


def mistakes(text: str, folder: Path = Path()) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text, folder)
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        pytest.param("every: 1500ms", "every", 1.5, id="milliseconds"),
        pytest.param("names: {a: b, c: d}", "names", {"a": "b", "c": "d"}, id="a mapping"),
        pytest.param("every: 90s", "every", 90.0, id="seconds"),
        pytest.param("every: 1.5h", "every", 5400.0, id="hours"),
        pytest.param("every: 7d", "every", 604800.0, id="days"),
        pytest.param("most: 64KiB", "most", 65536, id="size"),
        pytest.param("at: '[::1]:9092'", "at", HostPort("::1", 9092), id="ipv6"),
        pytest.param("match: [a.*, b]", "match", ("a.*", "b"), id="list"),
        pytest.param("loud: true", "loud", True, id="bool"),
        pytest.param("colour: blue", "colour", "blue", id="literal"),
        pytest.param("inner: {depth: 3}", "inner", Inner(depth=3), id="section"),
        pytest.param("inner: {}", "inner", Inner(), id="empty_section_is_its_defaults"),
        pytest.param("inner:", "inner", None, id="no_section_is_none"),
        pytest.param("inners: [{depth: 1}, {}]", "inners", (Inner(depth=1), Inner()), id="list_of_sections"),
        pytest.param("password: hunter2", "password", Secret("hunter2"), id="secret"),
    ],
)
def test_a_value_is_read(text: str, field: str, expected: object) -> None:
    assert getattr(read(f"name: x\n{text}"), field) == expected


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        pytest.param("every: 15", "every: '15' has no unit: write '15s'", id="no_unit"),
        pytest.param("every: 15x", "every: '15x' has an unknown unit: allowed are ms, s, m, h, d", id="unit"),
        pytest.param("every: soon", "every: 'soon' is not an amount with a unit: write it like '15s'", id="amount"),
        pytest.param("every: 1ms", "every: '1ms' is too little: at least 1", id="minimum"),
        pytest.param("at: here", "at: 'here' is not an address: write 'host:port', the port up to 65535", id="address"),
        pytest.param(
            "at: h:99999", "at: 'h:99999' is not an address: write 'host:port', the port up to 65535", id="port"
        ),
        pytest.param("match: x", "match: 'x' is not a list: write '[...]' or one '- ...' a line", id="list"),
        pytest.param("colour: pink", "colour: 'pink' is not allowed: one of red, blue", id="literal"),
        pytest.param("loud: 1", "loud: '1' is neither true nor false", id="bool"),
        pytest.param("inner: {depth: 11}", "inner.depth: '11' is too much: at most 10", id="maximum"),
        pytest.param("inner: {depth: x}", "inner.depth: 'x' is not a whole number", id="int"),
        pytest.param("names: x", "names: 'x' is not a mapping: write '{name: value}'", id="names"),
        pytest.param("names: {a: b, a: c}", "names: 'a' comes twice: keep one", id="a_name_twice"),
        pytest.param("names: {a: [b]}", "names.a: a single value is wanted here", id="name"),
        pytest.param("inner: 5", "inner: '5' is not a mapping: allowed keys are depth", id="mapping"),
        pytest.param("lout: true", "unknown key 'lout': did you mean 'loud'?", id="typo"),
        pytest.param("name: y", "'name' comes twice: keep one", id="twice"),
        pytest.param("colour: blue\nloud: true", "loud: blue is never loud: leave it out", id="fields_that_disagree"),
        pytest.param("password: ${NONE}", None, id="variable"),
        pytest.param("match: ['(']", None, id="pattern"),
        pytest.param("file: nowhere", None, id="file"),
    ],
)
def test_a_mistake_is_told(line: str, mistake: str | None) -> None:
    found = mistakes(f"name: x\n{line}")

    assert len(found) == 1
    at = 3 if "\n" in line else 2
    assert found[0].startswith(f"file.yaml:{at}: ")
    if mistake is not None:
        assert found[0] == f"file.yaml:{at}: {mistake}"


def test_all_mistakes_are_told_at_once_in_their_order() -> None:
    text = "every: 15\ninner:\n  depth: 99\n  width: 1\ncolour: pink\n"

    assert mistakes(text) == [
        "file.yaml:1: 'name' is missing: what it is called",
        "file.yaml:1: every: '15' has no unit: write '15s'",
        "file.yaml:3: inner.depth: '99' is too much: at most 10",
        "file.yaml:4: inner: unknown key 'width': allowed are depth",
        "file.yaml:5: colour: 'pink' is not allowed: one of red, blue",
    ]


@pytest.mark.parametrize("text", ["name: [", "a: b: c", "\t- x", "name: !!python/object:os.system x"])
def test_what_is_not_yaml_is_told_with_its_line(text: str) -> None:
    assert mistakes(text)[0].startswith("file.yaml:1: ")


def test_a_secret_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")

    assert read("name: x\npassword_file: secret", tmp_path).password == Secret("hunter2")
    assert read("name: x\npassword: ${PASSWORD}", PASSWORD="hunter2").password == Secret("hunter2")


def test_a_secret_is_in_no_message(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    text = "name: x\npassword: hunter2\npassword_file: secret\nevery: 1"

    assert "exclude each other" in mistakes(text, tmp_path)[0]
    assert "hunter2" not in "".join(mistakes(text, tmp_path))
    assert "hunter2" not in repr(read("name: x\npassword: hunter2"))


def test_anchors_that_multiply_are_refused() -> None:
    text = f"name: x\ninner: &a {{depth: 1}}\ninners: [{', '.join(['*a'] * 30_000)}]"

    assert "anchors" in mistakes(text)[0]


def test_a_huge_file_is_refused() -> None:
    assert "larger than" in mistakes("#" * 2**21)[0]


def told(text: str) -> list[str] | None:
    """Return the mistakes of a text, None where it has none; nothing else may come out."""
    try:
        read(text)
    except ConfigError as error:
        return error.mistakes
    return None


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert told(text) != []


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from(["name", "every", "inner", "inners", "match", "depth", "password", "names"]), x, max_size=4), max_leaves=10))  # fmt: skip  # noqa: E501
def test_no_shape_breaks_the_reader(shape: object) -> None:
    assert told(json.dumps(shape)) != []
