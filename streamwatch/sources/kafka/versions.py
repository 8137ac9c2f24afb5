"""Versions from which on an API's requests or answers are others, and the sizes of what is read by its place.

Kafka's message schemas (``clients/src/main/resources/common/message``) are where they come from, and the KIPs why.
"""

from typing import Final

LIST_OFFSETS_BY_LARGEST_TIMESTAMP: Final = 7
"""ListOffsets can be asked for the record with the largest timestamp (KIP-734)."""
METADATA_WITH_TOPIC_IDS: Final = 10
"""Metadata gives topics' ids (KIP-516)."""
METADATA_WITHOUT_CLUSTER_OPERATIONS: Final = 11
"""Metadata no longer ends with what the client may do with the cluster, which it did since version 8 (KIP-700)."""
OFFSET_FETCH_OF_MANY_GROUPS: Final = 8
"""OffsetFetch takes many groups in one request (KIP-709)."""
FIND_MANY_COORDINATORS: Final = 4
"""FindCoordinator takes many groups in one request (KIP-699)."""
LIST_GROUPS_WITH_TYPES: Final = 5
"""ListGroups has each group's type: classic groups are known from others (KIP-848)."""
LOG_DIRS_WITH_ERROR: Final = 3
"""DescribeLogDirs has an error code of its own, beside those of its directories."""
LOG_DIRS_WITH_VOLUMES: Final = 4
"""DescribeLogDirs gives the size of each directory's volume, and what of it is usable (KIP-827)."""

THROTTLE_BYTES: Final = 4
"""``throttle_time_ms``, with which most answers begin (KIP-124): it differs where answers are otherwise alike."""
TOPIC_ID_BYTES: Final = 16
"""A topic's id, a UUID (KIP-516)."""
OPERATIONS_BYTES: Final = 4
"""The bits of what a client may do with a topic, or the cluster (KIP-430)."""
