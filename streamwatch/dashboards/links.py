"""Where a click leads: to another dashboard, with what was clicked on chosen there."""

import re
from collections.abc import Sequence
from typing import Any, Final

from streamwatch.dashboards.panel import Dashboard, Panel

_ALWAYS: Final = "${__url_time_range}&var-datasource=${datasource}"
_LABEL: Final = re.compile(r"\{\{(\w+)\}\}")


def of_cell(panel: Panel, label: str, uid: str, boards: Sequence[Dashboard]) -> list[dict[str, Any]]:
    """Return the links of a column: its row's values of all labels that can be chosen there."""
    there = _variables(uid, boards)
    chosen = [one for one in panel.labels if one in there]
    values = [
        f"var-{one}=${{__value.raw}}" if one == label else f"var-{one}=${{__data.fields.{one}}}" for one in chosen
    ]
    return [_link(uid, values, boards)]


def of_series(panel: Panel, boards: Sequence[Dashboard]) -> list[dict[str, Any]]:
    """Return the links of what is drawn: the series' labels that can be chosen there."""
    return [
        _link(
            uid,
            [f"var-{one}=${{__field.labels.{one}}}" for one in _variables(uid, boards) if one in _named(panel)],
            boards,
        )
        for uid in panel.links.values()
    ]


def of_title(panel: Panel, boards: Sequence[Dashboard]) -> list[dict[str, Any]]:
    """Return the links beside a panel's title."""
    return [_link(uid, (), boards) for uid in dict.fromkeys(panel.links.values())]


def _named(panel: Panel) -> set[str]:
    """Return the labels that each of the panel's series has."""
    some = [set(_LABEL.findall(query.legend)) for query in panel.queries]
    return set.intersection(*some)


def _variables(uid: str, boards: Sequence[Dashboard]) -> list[str]:
    (board,) = (one for one in boards if one.uid == uid)
    return [label for label, _ in board.variables]


def _link(uid: str, chosen: Sequence[str], boards: Sequence[Dashboard]) -> dict[str, Any]:
    (title,) = (one.title for one in boards if one.uid == uid)
    return {"title": title, "url": f"/d/{uid}?{'&'.join((*chosen, _ALWAYS))}"}
