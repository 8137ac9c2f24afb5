"""What the decision list said of faults on real Kafka: none of it wrong, and the document has it."""

from tests.incidents.labels import LABELS, REAL
from tests.incidents.real_table import DOCS, outcomes, verdict, written

KNOWN = outcomes()


def test_each_fault_was_made_and_nothing_that_was_said_was_wrong() -> None:
    assert KNOWN.keys() == REAL.keys()
    assert [name for name, outcome in KNOWN.items() if verdict(name, outcome) == "wrong"] == []


def test_most_first_sentences_are_right() -> None:
    said = [verdict(name, outcome) for name, outcome in KNOWN.items()]
    assert said.count("right") > 0.5 * len(said)


def test_the_document_has_what_was_said() -> None:
    assert DOCS.read_text(encoding="utf-8") == written(KNOWN), "run python -m tests.incidents.real_faults --write"


def test_no_fault_has_the_name_of_a_story() -> None:
    assert LABELS.keys().isdisjoint(REAL)
