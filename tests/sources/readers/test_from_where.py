"""From where each answer comes: an agent that lacks one call, metric or view does not have it. This makes a table.

``STREAMWATCH_WRITE_DOCS=1 pytest tests/sources/readers/test_from_where.py`` writes it into docs/readers.md.
"""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import zip_longest

import pytest

from streamwatch.catalogue import readers as r
from streamwatch.collectors.connect_readers import ConnectReaderCollector
from tests.sources.connect.service import Service, running
from tests.sources.connect.test_source import read
from tests.sources.readers.deprived import STREAMS, Deprived, agent_without
from tests.sources.readers.every_kind import KINDS, NAMES, Agent, Everything, everything
from tests.sources.readers.test_contract import DOCUMENT, QUESTIONS, cells

STANDING = "what stands still, since when"
ALL = {**QUESTIONS, STANDING: r.STANDING}
WRITES = "IncomingRecords"
"""What readers take of what CloudWatch says of streams."""
WELL_MINUTES = (1, 1, 1)
STALLED_MINUTES = (0, *(1,) * 6, 15, 15, 15, 15)
"""Between two reads; a warehouse is asked every quarter of an hour."""
APART_SECONDS = 0.3
"""Streams are listed five times a second at most, by whomever."""
MARKS = ("<!-- from where: tests/sources/readers/test_from_where.py -->\n", "\n<!-- end of from where -->")

Answers = dict[str, dict[str, list[str]]]
"""By kind and question what an answer is not known without; a question without an answer is left out."""


def answered(names: Collection[str]) -> set[str]:
    """The questions to which these metrics are the answers."""
    return {question for question, metric in ALL.items() if metric.name in names}


def lacks_of(calls: Mapping[str, Deprived]) -> list[dict[str, list[str]]]:
    """What each agent is to lack, by source: of every kind one thing, or one of the streams."""
    things = [[(kind, one) for one in calls[kind].things] for kind in calls if kind != STREAMS]
    of_kinds = [{kind: [one] for kind, one in filter(None, row)} for row in zip_longest(*things)]
    # A kind that misses what was written to its stream asks for it by itself.
    return [*of_kinds, *({STREAMS: [one]} for one in calls[STREAMS].operations), {source: [WRITES] for source in calls}]


@dataclass
class Watching:
    """Agents of one account that lack different things, and which questions each has answered."""

    account: Everything
    agents: Sequence[Agent]

    def __post_init__(self) -> None:
        self.known = [{kind.name: set[str]() for kind in KINDS} for _ in self.agents]

    def read(self, minutes: Iterable[int], kinds: Collection[str]) -> None:
        """Let minutes pass, and all read after each."""
        for each in minutes:
            self.account.live(60 * each)
            for agent, found in zip(self.agents, self.known, strict=True):
                self.account.time.advance(APART_SECONDS)
                agent.read(kinds)
                for kind in kinds:
                    found[kind] |= answered({row[0] for row in agent.known[kind]})


@pytest.fixture(scope="module")
def found() -> tuple[Answers, frozenset[str]]:
    """What each answer comes from, and which of that are metrics of CloudWatch."""
    with everything() as account:
        account.live(300)
        first, calls = agent_without(account, {})
        first.read()
        lacks = lacks_of(calls)
        others = [one for one in calls[STREAMS].metrics if one != WRITES]
        agents = [agent_without(account, one)[0] for one in ({}, *lacks, {STREAMS: others})]
        watching = Watching(account, agents)
        watching.read(WELL_MINUTES, NAMES)
        account.stall()
        table = cells("Every kind, every question")
        watching.read(STALLED_MINUTES, [one for one in NAMES if not table[one][STANDING].startswith("unknown: ")])
        for agent in (first, *agents):
            agent.close()
    whole, *lacking, without_others = watching.known
    assert whole == without_others, f"readers take nothing of what CloudWatch says of streams but {WRITES}"
    answers = {kind: {question: list[str]() for question in ALL if question in whole[kind]} for kind in whole}
    for lack, known in zip(lacks, lacking, strict=True):
        for kind, questions in answers.items():
            for question in questions.keys() - known[kind]:
                questions[question] += lack.get(kind) or lack[STREAMS]
    answers["kafka_connect"] = of_kafka_connect()
    return answers, frozenset(name for one in calls.values() for name in one.metrics)


def of_kafka_connect() -> dict[str, list[str]]:
    """The same of a connector: which paths of the REST API its answers come from."""

    def known(*broken: str) -> set[str]:
        service = Service({"out": running("RUNNING")})
        service.answers = dict.fromkeys(broken, lambda: (HTTPStatus.INTERNAL_SERVER_ERROR, b""))
        samples = ConnectReaderCollector().collect(read(service))
        asked.update(dict.fromkeys(path.partition("?")[0] for path in service.asked))
        return answered({one.metric.name for one in samples if one.known()})

    asked: dict[str, None] = {}
    whole = known()
    lacking = {path: known(path) for path in tuple(asked)}
    return {question: [f"GET {one}" for one in lacking if question not in lacking[one]] for question in whole}


def written(answers: Answers, metrics: Collection[str]) -> str:
    """The table; each cell has what its answer needs besides what the first answer needs."""
    first, *others = ALL
    rows = [["kind", *ALL], ["---"] * (1 + len(ALL))]
    for kind, questions in answers.items():
        row = [f"`{kind}`", _listed(questions[first], metrics)]
        for question in others:
            cell = _besides(questions[first], questions[question], metrics) if question in questions else "unknown"
            row.append("the same" if cell == row[-1] != "unknown" else cell)
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _besides(basis: Collection[str], needs: Collection[str], metrics: Collection[str]) -> str:
    more = _listed((one for one in needs if one not in basis), metrics)
    less = _listed((one for one in basis if one not in needs), metrics)
    return ", ".join(filter(None, (more, less and f"not {less}"))) or "nothing else"


def _listed(things: Iterable[str], metrics: Collection[str]) -> str:
    return ", ".join(f"CloudWatch's `{one}`" if one in metrics else f"`{one}`" for one in things)


def test_the_table_says_from_where_each_answer_comes(found: tuple[Answers, frozenset[str]]) -> None:
    answers, metrics = found
    for kind in KINDS:
        assert answers[kind.name]["is it up"][0] == next(iter(kind.operations)), "nothing is known without its listing"
    text = DOCUMENT.read_text(encoding="utf-8")
    before, begins, rest = text.partition(MARKS[0])
    _, ends, after = rest.partition(MARKS[1])
    made = f"{before}{begins}{written(answers, metrics)}{ends}{after}"
    if os.environ.get("STREAMWATCH_WRITE_DOCS"):
        DOCUMENT.write_text(made, encoding="utf-8")
    assert text == made or os.environ.get("STREAMWATCH_WRITE_DOCS"), "docs/readers.md: the table is old"
