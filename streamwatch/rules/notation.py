"""Samples as promtool's tests write them: ``1+2x3 _ stale NaN``."""

import re
from typing import Final

from streamwatch.core.errors import RuleError
from streamwatch.model.labels import Labels
from streamwatch.promql.nodes import Selector
from streamwatch.promql.parse import parse
from streamwatch.promql.series import STALE

_NUMBER: Final = r"[+-]?(?:[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+\.|[iI]nf|NaN)"
_MANY: Final = re.compile(rf"({_NUMBER})(?:([+-])({_NUMBER.removeprefix('[+-]?')}))?x([0-9]+)")
_GAP: Final = re.compile(r"_(?:x([0-9]+))?")
_MOST: Final = 1_000_000


def labels(text: str) -> Labels:
    """Return the labels of ``name{a="b"}``.

    Raises:
        QueryError: it is no series.
        RuleError: it has something else than ``=``.

    """
    if text.strip() == "{}":  # no selector, but a label set
        return Labels()
    node = parse(text)
    if not isinstance(node, Selector) or any(matcher.op != "=" for matcher in node.matchers):
        raise RuleError([f'{text!r} is no series: write name{{label="value"}}'])
    return Labels((matcher.name, matcher.value) for matcher in node.matchers)


def values(text: str) -> list[float | None]:
    """Return the values, one a step; None where there is no sample.

    Raises:
        RuleError: the text is not in the notation.

    """
    found: list[float | None] = []
    for word in text.split():
        found += _values(word)
        if len(found) > _MOST:
            raise RuleError([f"more than {_MOST} values"])
    return found


def _values(word: str) -> list[float | None]:
    gap, many = _GAP.fullmatch(word), _MANY.fullmatch(word)
    if gap is not None:
        return [None] * min(int(gap[1] or 1), _MOST + 1)
    if word == "stale":
        return [STALE]
    if many is not None:
        first, step = float(many[1]), float(many[3] or "0")
        sign = -1.0 if many[2] == "-" else 1.0
        found: list[float | None] = [first]
        for _ in range(min(int(many[4]), _MOST)):
            first += sign * step
            found.append(first)
        return found
    if re.fullmatch(_NUMBER, word) is None:
        raise RuleError([f"{word!r} is no value: write 1, 1+2x3, _, _x3, stale, NaN or Inf"])
    return [float(word)]
