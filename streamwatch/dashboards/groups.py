"""What is on the dashboard of consumer groups."""

from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.dashboards.connect import CONNECTORS
from streamwatch.dashboards.panel import SECONDS, Dashboard, On, Panel, Query, Row, dedup, series

_g = On("kafka_cluster", "group")
_GROUP: Final = ("kafka_cluster", "group")
_PARTITION: Final = (*_GROUP, "topic", "partition")
_WORST = _g.top(50, _g.now(g.GROUP_PARTITION_LAG, "lag"))
_BY_GROUP: Final = f"max by ({', '.join(_GROUP)})"


def _since() -> Query:
    """Return for how long groups have been stuck."""
    metric = g.GROUP_PARTITION_STUCK_SINCE
    return Query(f"time() - {dedup(metric, series(metric, _GROUP))}", "for", SECONDS)


GROUPS: Final = Dashboard(
    "streamwatch-groups",
    "Consumer groups",
    "Groups: how far behind, whether they catch up, and what is lost if they do not.",
    (
        Row(
            "Who is late?",
            (
                Panel(
                    "Every group",
                    "Which is it, and is it getting better?",
                    (
                        _g.now(g.GROUP_MEMBERS, "members", _BY_GROUP),
                        _g.now(g.GROUP_IDLE_MEMBERS, "without work", _BY_GROUP).red(above=1),
                        _g.now(g.GROUP_LAG, "lag", _BY_GROUP),
                        _g.now(g.GROUP_LAG_SECONDS, "behind", _BY_GROUP),
                        _g.until_caught_up(g.GROUP_LAG, "caught up in"),
                        _g.now(g.GROUP_TOPIC_EXPIRES, "data lost in", f"min by ({', '.join(_GROUP)})")
                        .left()
                        .red(below=14_400),
                        _g.now(g.GROUP_TOPIC_LOST, "records lost", f"sum by ({', '.join(_GROUP)})").red(above=1),
                        _g.only_1(g.GROUP_STATE),
                    ),
                    "table",
                    24,
                    8,
                    labels=(*_GROUP, "state", "type"),
                    links={"kafka_cluster": "streamwatch-kafka"},
                    sort=("-behind", "group"),
                ),
                Panel("Lag", "How many records are left?", (_g.top(15, _g.now(g.GROUP_LAG, "{{group}}")),), width=12),
                Panel(
                    "Lag in time",
                    "How old is what is read now?",
                    (_g.top(15, _g.now(g.GROUP_LAG_SECONDS, "{{group}}")),),
                    width=12,
                ),
            ),
        ),
        Row(
            "What stands still, and since when?",
            (
                Panel(
                    "Stuck partitions",
                    "At which record does it stand?",
                    (
                        _since().red(above=300),
                        _g.now(g.GROUP_PARTITION_STUCK_OFFSET, "at offset").exact(),
                    ),
                    "table",
                    24,
                    labels=(*_PARTITION, "state"),
                    links={"kafka_cluster": "streamwatch-kafka", "topic": "streamwatch-topics"},
                    sort=("-for", "group"),
                ),
                Panel(
                    "Partitions that are furthest behind",
                    "Of clusters with granularity: partition: is it one partition, or all of them?",
                    (
                        _WORST,
                        _g.among(_g.now(g.GROUP_PARTITION_LAG_SECONDS, "behind"), _WORST, *_PARTITION),
                        _g.among(_g.now(g.GROUP_PARTITION_COMMITTED, "committed"), _WORST, *_PARTITION).exact(),
                        _g.among(_g.only_1(g.GROUP_PARTITION_STATE), _WORST, *_PARTITION),
                    ),
                    "table",
                    24,
                    10,
                    labels=(*_PARTITION, "state"),
                    links={"topic": "streamwatch-topics"},
                    sort=("-lag", "group"),
                ),
            ),
        ),
        Row(
            "Does it catch up?",
            (
                Panel(
                    "Read and written",
                    "Is it read as fast as it is written?",
                    (
                        _g.growth(g.GROUP_TOPIC_COMMITTED, "{{group}} reads {{topic}}"),
                        _g.growth(k.TOPIC_END_OFFSET, "{{topic}} is written"),
                    ),
                    width=12,
                ),
                Panel("Members", "Are all there?", (_g.now(g.GROUP_MEMBERS, "{{group}}"),), width=12),
                Panel(
                    "Members without partitions",
                    "Are there more members than partitions?",
                    (_g.now(g.GROUP_IDLE_MEMBERS, "{{group}}"),),
                    width=12,
                ),
                Panel(
                    "Partitions without a member",
                    "What does nobody read?",
                    (_g.now(g.GROUP_TOPIC_UNASSIGNED, "{{group}} {{topic}}"),),
                    width=12,
                ),
            ),
        ),
        CONNECTORS,
    ),
    (("kafka_cluster", g.GROUP_MEMBERS), ("group", g.GROUP_MEMBERS)),
)
