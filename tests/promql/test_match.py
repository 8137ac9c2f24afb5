"""Regular expressions that are simple are matched without RE2, to the same verdict: RE2 is the oracle."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamwatch.core.errors import QueryError
from streamwatch.core.patterns import compiled, simple
from streamwatch.promql.match import Matcher

PIECES = st.sampled_from(["a", "b", "ab", "-", ":", "/", " ", "_", "|", "(", ")", ".+", ".*", ".", "é", "\\d", "[ab]"])
VALUES = st.text(st.sampled_from("ab:-/_ |()\n.+é\U0001f600"), max_size=10)


@given(pattern=st.lists(PIECES, max_size=8).map("".join), value=VALUES)
@example(pattern="", value="")
@example(pattern="a|", value="")
@example(pattern="streamwatch:.+:(info|warning)", value="streamwatch:a:b:info")
@example(pattern="a.*", value="a\n")
def test_a_simple_expression_matches_what_re2_matches(pattern: str, value: str) -> None:
    found = simple(pattern)
    if found is not None:
        assert (found.fullmatch(value) is None) is (compiled(pattern).fullmatch(value) is None)


@pytest.mark.parametrize("pattern", ["user|system", "budget|foreign", "a:.+:(info|warning)", ".*", ""])
def test_what_rules_use_most_issimple(pattern: str) -> None:
    assert simple(pattern) is not None
    assert Matcher("x", "=~", pattern).size == len(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a|b)+", ".*.*", "a.*(b|c).*", "\\d", "[a-z]", "é", "a{3}", "^a", "a?", "(?i)a", "a" * 201]
)
def test_what_is_more_is_left_to_re2(pattern: str) -> None:
    assert simple(pattern) is None
    assert Matcher("x", "=~", pattern)


@pytest.mark.parametrize("pattern", ["(a", "a)", "*", "(?=a)", "a**"])
def test_what_is_no_expression_is_refused(pattern: str) -> None:
    with pytest.raises(QueryError):
        Matcher("x", "=~", pattern)
