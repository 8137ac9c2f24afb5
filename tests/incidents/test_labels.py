"""The labels of the stories: each has one, and about a third is set aside."""

from streamwatch.reference.scenarios import SCENARIOS
from streamwatch.reference.stream_scenarios import STREAM_SCENARIOS
from tests.incidents.labels import CLUSTER, LABELS, READERS, STREAMS, is_set_aside
from tests.rules.reader_stories import HARMLESS, STORIES


def test_each_story_of_the_reference_has_a_label() -> None:
    assert CLUSTER.keys() == SCENARIOS.keys()
    assert STREAMS.keys() == STREAM_SCENARIOS.keys()
    assert READERS.keys() == {*(story.name for story in STORIES), *HARMLESS}


def test_about_a_third_is_set_aside() -> None:
    aside = [story for story in LABELS if is_set_aside(story)]
    assert len(LABELS) / 4 < len(aside) < len(LABELS) / 2
