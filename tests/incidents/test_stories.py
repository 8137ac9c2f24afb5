"""What the decision list said of the stories: none of it wrong, and the document has it."""

from tests.incidents.labels import LABELS, READERS, is_set_aside
from tests.incidents.outcome import Outcome
from tests.incidents.stories import DOCS, outcomes, verdict, written

KNOWN = outcomes()


def test_nothing_that_was_said_was_wrong() -> None:
    assert [name for name, outcome in KNOWN.items() if verdict(name, outcome) == "wrong"] == []


def test_every_story_was_played_and_most_of_what_was_not_set_aside_is_right() -> None:
    assert KNOWN.keys() == LABELS.keys()
    looked_at = {name: verdict(name, outcome) for name, outcome in KNOWN.items() if not is_set_aside(name)}
    with_cause = {name: each for name, each in looked_at.items() if LABELS[name].causes and each != "nothing fired"}
    of_readers = [each for name, each in with_cause.items() if name in READERS]
    others = [each for name, each in with_cause.items() if name not in READERS]
    assert of_readers.count("right") > 0.8 * len(of_readers)
    assert others.count("right") > 0.5 * len(others), "the others' cause is not known at once, and named later"


def test_the_document_has_what_was_said() -> None:
    assert DOCS.read_text(encoding="utf-8") == written(KNOWN), "run python -m tests.incidents.stories"


def test_what_was_said_is_judged_by_the_label() -> None:
    name = "broker_down"
    said = Outcome()
    assert verdict(name, said) == "nothing fired"
    assert verdict("healthy", said) == "quiet, as it should be"
    said.see([("", "The cause is not known.")], 3.0)
    assert (verdict(name, said), said.seconds) == ("not known", 3.0)
    said.see([("broker", "Broker 2 does not answer.")], 4.0)
    assert verdict(name, said) == "not known", "the first sentence counts"

    said = Outcome()
    said.see([("broker", "Broker 2 does not answer.")], 4.0)
    assert verdict(name, said) == "right"
    assert verdict("healthy", said) == "wrong"
    said.see([("disk", "Its disk is full.")], 5.0)
    assert verdict(name, said) == "wrong", "none may be wrong at any time"
    said = Outcome()
    said.see([("broker", "Broker 1 does not answer.")], 4.0)
    assert verdict(name, said) == "wrong"
