"""The audit on the reference's stories: all that the labels have is found, and nothing else at any time.

Those in which something is to be found, and some that must not lead to a finding; ``python -m tests.audit.stories``
plays all of them.
"""

import pytest

from streamwatch.reference.play import ALL
from streamwatch.reference.scenarios import Scenario, ScenarioStep
from tests.audit import labels
from tests.audit.played import AuditedStory, judged, play
from tests.audit.played_clusters import WARM_SECONDS, cluster_world, left_alone
from tests.audit.stories import of_cluster, of_streams, table
from tests.rules.reader_stories import HARMLESS, STORIES

CLUSTERS = {
    "broker_down": "broker.gone",
    "disk_filling": "broker.gone",
    "rewound_group": "group.state",
    "too_many_consumers": "group.members",
    "reassignment": "reassignment.started",
    "offline_partition": "broker.gone",
}
"""What the agent has seen to change: what must not lead to a finding did happen."""
STREAMS = ("hot_shard", "read_throttle", "dead_consumer", "retention_risk", "poison_pill", "expired_credentials")


def test_every_story_has_a_label() -> None:
    assert labels.CLUSTER.keys() | labels.STREAMS.keys() == ALL.keys()
    assert labels.READERS.keys() == {*(story.name for story in STORIES), *HARMLESS}


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_story_of_a_cluster(name: str) -> None:
    before, after = of_cluster(name)
    assert before.unchecked == labels.UNCHECKED
    assert CLUSTERS[name] in after.changed
    assert wrong(before) == wrong(after) == []


@pytest.mark.parametrize("name", STREAMS)
def test_a_story_of_streams(name: str) -> None:
    before, after = of_streams(name)
    assert before.unchecked == set()
    assert wrong(before) == wrong(after) == []


def test_a_group_that_is_stopped_and_left_alone_for_days() -> None:
    assert [wrong(each) for each in left_alone()] == [[]] * len(labels.LEFT)


def test_racks_that_die_leave_no_cluster_of_one_rack() -> None:
    deaths = tuple(ScenarioStep(5, "", "stop", {"broker": broker}) for broker in (2, 3))
    with cluster_world(4) as world:  # brokers 1 and 4 are in the same rack
        _, after = play(Scenario("racks die", "", "", deaths), labels.CLUSTER["broker_down"], world, WARM_SECONDS)
    assert "broker.gone" in after.changed
    assert wrong(after) == []


def test_what_is_missing_and_what_is_invented_is_said() -> None:
    one, two = ("no-reader", "warning", "a"), ("no-reader", "info", "a")
    story = judged("dead", [one], [two])
    assert (story.right, story.missing, story.invented) == ((), (one,), (two,))
    assert [*table([story])][-1] == "0 findings right, 1 missing, 1 invented"


def wrong(story: AuditedStory) -> list[labels.Finding]:
    """Return what is missing in a story, and what is invented."""
    return [*story.missing, *story.invented]
