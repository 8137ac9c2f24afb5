"""What is on the cluster's dashboard of its controllers, and of its brokers as processes."""

from typing import Final

from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_controllers as c
from streamwatch.dashboards.panel import On, Panel, Row

_c = On("kafka_cluster", "broker")

CONTROLLERS: Final = Row(
    "Who decides, and which Kafka is it?",
    (
        Panel("Active controller", "Whose log shall I read?", (_c.now(c.CONTROLLER_ID),), "stat", 4, 4),
        Panel("Elections so far", "Does it change again and again?", (_c.now(c.CONTROLLER_EPOCH),), "stat", 4, 4),
        Panel(
            "Release",
            "Which Kafka is this, and was it upgraded whole?",
            (_c.only_1(c.VERSION_INFO),),
            "table",
            8,
            4,
            labels=("kafka_cluster", "version", "metadata_version"),
            sort=("kafka_cluster",),
        ),
        Panel(
            "Releases of brokers",
            "Who is still to be upgraded?",
            (_c.only_1(c.BROKER_VERSION_INFO),),
            "table",
            8,
            4,
            labels=("kafka_cluster", "broker", "version"),
            sort=("broker",),
        ),
        Panel(
            "Behind the active controller",
            "Can another one take over?",
            (_c.now(c.QUORUM_LAG_SECONDS, "{{role}} {{replica}}").red(above=10),),
            width=12,
        ),
        Panel(
            "Has fetched from the active controller",
            "Who was down at the last election?",
            (_c.now(c.QUORUM_FETCHED, "{{role}} {{replica}}").in_words("has not", "has"),),
            "state-timeline",
            12,
        ),
    ),
)
PROCESSES: Final = Row(
    "Are the brokers well?",
    (
        Panel(
            "ISRs that shrink and grow",
            "Do followers fall behind again and again?",
            (_c.rate(b.ISR_SHRINKS, "shrink {{broker}}"), _c.rate(b.ISR_EXPANDS, "grow {{broker}}")),
        ),
        Panel(
            "Unclean elections",
            "Did an election lose records?",
            (_c.now(b.UNCLEAN_ELECTIONS, "counted by {{broker}}"),),
        ),
        Panel(
            "Garbage collection",
            "How much of the time does the JVM collect?",
            (_c.rate(b.GC_SECONDS, "broker {{broker}} {{gc}}"),),
        ),
        Panel(
            "File descriptors in use",
            "How near is the limit?",
            (_c.ratio(b.OPEN_FILES, b.FILES_LIMIT, "broker {{broker}}").red(above=0.8),),
        ),
        Panel(
            "Connections by listener",
            "Who is connected, and by which way?",
            (_c.now(b.CONNECTIONS, "{{listener}} of {{broker}}"),),
        ),
        Panel(
            "Connections made",
            "Does a client connect again and again, or fail to log in?",
            (
                _c.rate(b.CONNECTIONS_CREATED, "made {{broker}} {{listener}}"),
                _c.rate(b.FAILED_AUTHENTICATIONS, "refused {{broker}} {{listener}}"),
                _c.rate(b.CONNECTIONS_EXPIRED, "expired {{broker}} {{listener}}"),
            ),
        ),
        Panel(
            "Disks read and written",
            "Do consumers read from disk?",
            (_c.rate(b.DISK_BYTES, "{{direction}} {{broker}} {{device}}"),),
            width=12,
        ),
        Panel("Disks in use", "Is a disk too slow?", (_c.rate(b.DISK_BUSY, "{{broker}} {{device}}"),), width=12),
    ),
)
