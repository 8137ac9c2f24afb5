"""Every panel of every dashboard, asked of a real Prometheus that scrapes the agent, in the scenario that it is for.

CloudWatch's minutes are of five seconds here.
"""

import json
import re
from collections.abc import Iterator, Sequence

import pytest

from streamwatch.catalogue import attached_readers as readers
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import readers as r
from streamwatch.dashboards.files import ALL, files
from streamwatch.dashboards.panel import Panel
from tests.dashboards.drawing import plain
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


def asks(some: Sequence[Panel]) -> list[str]:
    """The queries of panels as Grafana sends them, with everything chosen and a narrow window."""
    return [plain(one.expr).replace("[5m]", "[20s]") for panel in some for one in panel.queries]


def have_data(prometheus: str, wanted: Sequence[str], seconds: float) -> None:
    """Wait until each query had an answer: some have one for a minute only."""
    left = set(wanted)

    def all_had() -> bool:
        left.difference_update([one for one in left if query(prometheus, one)])
        return not left

    try:
        wait_for(all_had, seconds, "every panel has data")
    except TimeoutError:
        pytest.fail(f"without data: {json.dumps(sorted(left), indent=1)}")


def panels(*titles: str) -> list[Panel]:
    """The panels with these titles, on whichever dashboard."""
    found = [one for board in ALL for one in board.panels if one.title in titles]
    assert {one.title for one in found} == set(titles)
    return found


BY_A_JVM = {f"{one.name}{{" for one in (b.HEAP_AFTER_GC, b.PROCESSOR_IDLE, b.UNCLEAN_ELECTIONS, b.GC_SECONDS)} | {
    f"({b.THROTTLED.name})"
}
"""What the reference's exporters leave out: a real broker's tell it."""
TROUBLE = (
    "The cause", "What was the matter, and when", "Alerts that fire", "What the agent could not learn",
    "What it could not learn", "From the decision to the delivery",
)  # fmt: skip
HOT = ("To split",)
FILLING = ("Full in",)
STUCK = {one.name for one in (
    r.STANDING, readers.REASON, g.GROUP_PARTITION_STUCK_OFFSET, g.GROUP_PARTITION_STUCK_SINCE
)}  # fmt: skip
"""Has nothing while all is well, and comes minutes after something is stuck: tests of sources show that."""
CATCHING_UP = "(-deriv("
PROBED = ("kafka_probe_", "kinesis_probe_")
"""A probe is off by default, and in this scenario: tests of the probe show what these metrics have."""


def is_by_a_jvm(expr: str) -> bool:
    return any(one in expr for one in BY_A_JVM)


def is_stuck(expr: str) -> bool:
    return any(one in expr for one in STUCK)


def is_probed(expr: str) -> bool:
    return any(one in expr for one in PROBED)


def test_every_panel_has_data_in_its_scenario(seen: Stage) -> None:
    at = seen.prometheus
    seen.warm()
    calm = [one for board in ALL for one in board.panels if one.title not in {*TROUBLE, *HOT, *FILLING}]
    usual = [one for one in asks(calm) if not (is_by_a_jvm(one) or is_stuck(one) or is_probed(one))]
    have_data(at, [one for one in usual if CATCHING_UP not in one], 300)
    have_data(at, asks(panels(*HOT, *FILLING)), 300)
    seen.delay()
    have_data(at, [one for one in usual if CATCHING_UP in one], 60)
    seen.kill()
    have_data(at, asks(panels(*TROUBLE)), 90)


def test_variables_and_annotations_are_answered(seen: Stage) -> None:
    for name, text in files().items():
        told = json.loads(text)
        for one in told["templating"]["list"]:
            if one["type"] == "query":
                found = re.fullmatch(r"label_values\((.+), (\w+)\)", plain(one["definition"]))
                assert found is not None
                values = asked(seen.prometheus, f"label/{found[2]}/values", **{"match[]": found[1]})
                assert values, f"{name}: {one['definition']}"
        for one in told["annotations"]["list"]:
            query(seen.prometheus, one["expr"])  # which may be nothing, and must be understood
