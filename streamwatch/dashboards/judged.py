"""What is red, what is green, and the words for it: the same in every shape of a panel."""

from typing import Any, Final

from streamwatch.dashboards.panel import Query

NOT_KNOWN: Final = "not known"
_GREY: Final = "#5a626b"


def is_judged(query: Query) -> bool:
    """Whether some of its values are wrong."""
    return query.red_above is not None or query.red_below is not None or query.words is not None


def judged(query: Query) -> dict[str, Any]:
    """Return the thresholds and the mappings of a query."""
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if query.red_above is not None:
        steps.append({"color": "red", "value": query.red_above})
    if query.red_below is not None:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": query.red_below}]
    # What is not known is absent: it is shown as that, never as nought, and neither green nor red.
    words = query.words or {}
    unknown = {"text": NOT_KNOWN, "color": _GREY, "index": max(words, default=1) + 1}
    mappings: list[dict[str, Any]] = [{"type": "special", "options": {"match": "null+nan", "result": unknown}}]
    if words:
        named = {str(value): {"text": word, "color": colour, "index": value} for value, (word, colour) in words.items()}
        mappings.append({"type": "value", "options": named})
    return {"thresholds": {"mode": "absolute", "steps": steps}, "mappings": mappings}
