"""What the decision list said of the stories: none of it wrong, and the document has it."""

from tests.incidents.labels import LABELS, READERS, is_set_aside
from tests.incidents.outcome import Outcome
from tests.incidents.stories import DOCS, outcomes, verdict, written

KNOWN = outcomes()


def test_nothing_that_was_said_was_wrong() -> None:
    assert [name for name, outcome in KNOWN.items() if verdict(name, outcome) == "wrong"] == []


def test_every_story_of_readers_was_played_and_most_of_what_was_not_set_aside_is_right() -> None:
    assert READERS.keys() <= KNOWN.keys()
    looked_at = [
        verdict(name, outcome) for name, outcome in KNOWN.items() if LABELS[name].causes and not is_set_aside(name)
    ]
    assert looked_at.count("right") > 0.8 * len(looked_at)


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
