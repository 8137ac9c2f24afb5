"""Every panel of every dashboard, asked of a real Prometheus that scrapes the agent, in the scenario that it is for.

CloudWatch counts by the minute, so this takes some; it waits for most of them.
"""

import json
import re
from collections.abc import Iterator, Sequence

import pytest

from streamwatch.dashboards.files import ALL, files
from streamwatch.dashboards.panel import Panel
from tests.dashboards.stage import Stage, stage
from tests.real import artefacts
from tests.real.conftest import had
from tests.real.prometheus import asked, query
from tests.waiting import wait_for

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("walk"), had(artefacts.prometheus)) as found:
        yield found


def asks(panel: Panel) -> list[str]:
    """The queries of a panel as Grafana sends them, with everything chosen and a narrow window."""
    return [
        re.sub(r"\$(?!__)\w+", ".*", one.expr).replace("$__rate_interval", "90s").replace("[5m]", "[20s]")
        for one in panel.queries
    ]


def empty(prometheus: str, panels: Sequence[Panel]) -> dict[str, list[str]]:
    """Panels with queries that have no data, and those queries."""
    found = {one.title: [expr for expr in asks(one) if not query(prometheus, expr)] for one in panels}
    return {title: exprs for title, exprs in found.items() if exprs}


def have_data(prometheus: str, panels: Sequence[Panel], seconds: float) -> None:
    left: dict[str, list[str]] = {}

    def all_have() -> bool:
        nonlocal left
        left = empty(prometheus, panels)
        return not left

    try:
        wait_for(all_have, seconds, "every panel has data")
    except TimeoutError:
        pytest.fail(f"without data: {json.dumps(left, indent=1)}")


def panels(*titles: str) -> list[Panel]:
    """The panels with these titles, on whichever dashboard."""
    found = [one for board in ALL for one in board.panels if one.title in titles]
    assert {one.title for one in found} == set(titles)
    return found


TROUBLE = (
    "Alerts that fire", "What the agent could not learn", "What it could not learn",
    "From the decision to the delivery",
)  # fmt: skip
HOT = ("To split",)
FILLING = ("Full in",)
CATCHING_UP = ("Caught up in",)


def test_every_panel_has_data_in_its_scenario(seen: Stage) -> None:
    at = seen.prometheus
    seen.warm()
    calm = [one for board in ALL for one in board.panels if one.title not in {*TROUBLE, *HOT, *FILLING, *CATCHING_UP}]
    have_data(at, calm, 300)
    have_data(at, panels(*HOT, *FILLING), 120)
    seen.delay()
    have_data(at, panels(*CATCHING_UP), 60)
    seen.kill()
    have_data(at, panels(*TROUBLE), 90)


def test_variables_and_annotations_are_answered(seen: Stage) -> None:
    for name, text in files().items():
        told = json.loads(text)
        for one in told["templating"]["list"]:
            if one["type"] == "query":
                found = re.fullmatch(r"label_values\((.+), (\w+)\)", re.sub(r"\$\w+", ".*", one["definition"]))
                assert found is not None
                values = asked(seen.prometheus, f"label/{found[2]}/values", **{"match[]": found[1]})
                assert values, f"{name}: {one['definition']}"
        for one in told["annotations"]["list"]:
            query(seen.prometheus, one["expr"])  # which may be nothing, and must be understood
