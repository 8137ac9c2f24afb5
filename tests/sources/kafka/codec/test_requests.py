"""What is written by hand equals what the message classes write."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.sources.kafka.apis import APIS, LIST_OFFSETS, negotiate
from streamwatch.sources.kafka.offsets import encode
from streamwatch.sources.kafka.timestamps import Isolation
from tests.snapshots import topology


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300), st.integers(1, 200), max_size=4),
    st.sampled_from(Isolation),
    st.data(),
)
def test_a_list_offsets_request_is_written_as_the_message_class_writes_it(
    sizes: dict[str, int], isolation: Isolation, data: st.DataObject
) -> None:
    shape = topology({name: [(1, (1,), (1,))] * count for name, count in sizes.items()})
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, max(0, len(shape.partition) - 1))))), dtype=np.int64)
    rows = rows[rows < len(shape.partition)]
    times = {row: data.draw(st.sampled_from([-1, -2]) | st.integers(0, 2**63 - 1)) for row in rows.tolist()}
    classes = LIST_OFFSETS.request
    topics = []
    for index in np.unique(shape.topic[rows]).tolist():
        partitions = [
            classes.ListOffsetsTopic.ListOffsetsPartition(
                version=7, partition_index=int(shape.partition[row]), current_leader_epoch=-1, timestamp=times[row]
            )
            for row in rows[shape.topic[rows] == index].tolist()
        ]
        topics.append(classes.ListOffsetsTopic(version=7, name=shape.topics[index], partitions=partitions))

    timestamps = np.array(list(times.values()), dtype=np.int64)
    expected = LIST_OFFSETS.encode(7, replica_id=-1, isolation_level=int(isolation), topics=topics)
    assert encode(shape, rows, timestamps, isolation) == expected


def test_versions_are_negotiated_to_the_highest_that_both_speak() -> None:
    offered = {3: (0, 10), 2: (1, 11), 9: (1, 5), 55: (0, 2)}

    assert negotiate(offered) == {3: 10, 2: 8, 55: 1}


def test_every_api_speaks_versions_that_its_classes_know() -> None:
    for api in APIS:
        assert api.request.API_KEY == api.response.API_KEY == api.key
        assert api.highest <= min(api.request.max_version, api.response.max_version)
