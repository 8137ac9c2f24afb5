"""What the queries of the overview's first panels answer."""

import math
from collections.abc import Mapping

from streamwatch.catalogue.agent import REQUEST_SECONDS, REQUESTS
from streamwatch.dashboards.overview import OVERVIEW
from streamwatch.dashboards.uneven import uneven
from tests.dashboards.test_files import plain
from tests.promql.answers import ours
from tests.promql.memory import Memory

INCIDENT = "streamwatch_incident_start_timestamp_seconds"
WATCHDOG = {'streamwatch_alerts{alertname="StreamWatchWatchdog",alertstate="firing",severity="none"}': "1 1 1 1 1"}
AGENT = {'streamwatch_build_info{version="1"}': "1 1 1 1 1"}


def answered(title: str, at: int, known: Mapping[str, str]) -> list[dict[tuple[str, ...], float]]:
    """For each query of a panel, the values of its series by their labels' values, at so many seconds."""
    (panel,) = (one for one in OVERVIEW.panels if one.title == title)
    answers = [ours(plain(query.expr), Memory(known), at) for query in panel.queries]
    assert all(isinstance(one, dict) for one in answers), answers
    return [
        {tuple(labels.values()): value for labels, value in one.items()} for one in answers if isinstance(one, dict)
    ]


def test_without_an_agent_that_is_scraped_it_is_not_said_that_nothing_fires() -> None:
    blind = ("Nothing is known: no agent of StreamWatch is scraped",)
    assert answered("The cause", 60, {}) == [{blind: 5.0}, {}]
    well = ("All is well: no alert fires, and nothing is known to be uneven",)
    assert answered("The cause", 60, AGENT) == [{}, {}], "nor that all is well where no rule is evaluated"
    assert answered("The cause", 60, {**AGENT, **WATCHDOG}) == [{well: -1.0}, {}]


def test_a_cause_is_there_while_its_incident_goes_on_as_bad_as_its_severity() -> None:
    known = {
        **AGENT,
        f'{INCIDENT}{{incident="a",severity="warning",sentence="It is late"}}': "5 5 5 stale",
        f'{INCIDENT}{{incident="a",severity="critical",sentence="It is late"}}': "_ _ _ 5 5",
        f'{INCIDENT}{{incident="b",severity="over",sentence="It was full"}}': "20 20 20 20 20",
    }
    assert answered("The cause", 30, known) == [
        {("a", "It is late"): 4.0, ("b", "It was full"): 0.0},
        {("a", "It is late"): 25.0, ("b", "It was full"): 10.0},
    ]
    assert answered("The cause", 45, known)[0] == {("a", "It is late"): 5.0, ("b", "It was full"): 0.0}


def test_a_severity_of_ones_own_is_not_over_and_regions_are_rows_of_their_own() -> None:
    def incident(severity: str, region: str) -> str:
        return f'{INCIDENT}{{incident="{severity}{region}",severity="{severity}",aws_region="{region}",sentence="s"}}'

    known = {**AGENT, incident("page", "a"): "5 5", incident("P1", "b"): "5 5", incident("", "c"): "5 5"}
    assert answered("The cause", 15, known)[0] == {("pagea", "s"): 5.0, ("P1b", "s"): 3.0, ("c", "s"): 3.0}
    assert answered("What was the matter, and when", 15, known) == [{("pagea",): 5.0, ("P1b",): 3.0, ("c",): 3.0}]


def test_an_incident_that_is_over_ends_on_the_axis_of_time() -> None:
    known = {f'{INCIDENT}{{incident="a",severity="critical",sentence="s"}}': "5 5 stale"}
    assert answered("What was the matter, and when", 15, known) == [{("a",): 5.0}]
    assert answered("What was the matter, and when", 45, known) == [{("a",): 0.0}]


def ratios(known: Mapping[str, str]) -> dict[tuple[str, ...], float]:
    """What is uneven, and how many times as much it is as the others."""
    found = ours(plain(uneven()), Memory(known), 60)
    assert isinstance(found, dict), found
    return {tuple(labels.values()): value for labels, value in found.items()}


def test_a_partition_is_measured_by_the_others_of_its_topic() -> None:
    def offsets(topic: str, partition: int, a_step: int) -> dict[str, str]:
        name = f'kafka_partition_end_offset{{kafka_cluster="c",topic="{topic}",partition="{partition}"}}'
        return {name: " ".join(str(at * a_step) for at in range(5))}

    even = offsets("even", 0, 150) | offsets("even", 1, 150)
    hot = offsets("hot", 0, 1500) | offsets("hot", 1, 150) | offsets("hot", 2, 150)
    only = offsets("only", 0, 150) | offsets("only", 1, 0)
    known = even | hot | only | offsets("alone", 0, 1500) | offsets("idle", 0, 9) | offsets("idle", 1, 0)
    times = ratios(known)
    words = "Partition 0 gets far more records than the others of its topic: its keys are uneven"
    assert {row: round(value, 6) for row, value in times.items()} == {
        ("c", "0", words, "hot"): 10.0,
        ("c", "0", words, "only"): math.inf,
    }, "a topic of one partition has no others, and of few records nobody cares"
    causes, _ = answered("The cause", 60, {**AGENT, **known})
    assert causes == dict.fromkeys(times, 1.0), "then all is not well"


def test_a_broker_is_measured_by_the_others_of_its_cluster() -> None:
    def answers(cluster: str, broker: int, seconds: float) -> dict[str, str]:
        labels = f'{{source="{cluster}",broker="{broker}"}}'
        return {
            f"{REQUEST_SECONDS.name}{labels}": " ".join(str(at * seconds * 10) for at in range(5)),
            f"{REQUESTS.name}{labels}": " ".join(str(at * 10) for at in range(5)),
        }

    slow = answers("slow", 1, 0.2) | answers("slow", 2, 0.02) | answers("slow", 3, 0.02)
    known = slow | answers("quick", 1, 0.04) | answers("quick", 2, 0.001) | answers("alone", 1, 2.0)
    times = ratios(known)
    words = "Broker 1 takes far longer to answer than the others"
    assert {row: round(value, 6) for row, value in times.items()} == {("1", "slow", words): 10.0}
