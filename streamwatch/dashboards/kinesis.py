"""What is on the dashboard of Kinesis."""

from typing import Final

from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.catalogue import readers as r
from streamwatch.dashboards.panel import Dashboard, On, Panel, Row

_s = On("aws_region", "stream")

STREAM: Final = Dashboard(
    "streamwatch-kinesis",
    "Kinesis stream",
    "Streams: how late readers are against the retention, how near each limit is, and which shard is hot.",
    (
        Row(
            "Is anything lost, or about to be?",
            (
                Panel(
                    "Being read",
                    "Does anybody read it?",
                    (_s.now(s.BEING_READ, "{{stream}}").in_words("no", "yes"),),
                    "stat",
                    6,
                    4,
                ),
                Panel(
                    "Until data are lost",
                    "When does retention take what was not read?",
                    (_s.now(s.TIME_TO_LOSS, "{{stream}}").red(below=3600),),
                    "stat",
                    6,
                    4,
                ),
                Panel(
                    "Iterator age",
                    "How late is the slowest reader?",
                    (_s.now(s.ITERATOR_AGE, "{{stream}}"),),
                    "stat",
                    6,
                    4,
                ),
                Panel(
                    "Age of what is shown",
                    "How old are CloudWatch's numbers?",
                    (_s.now(s.DATA_AGE, "{{stream}}"),),
                    "stat",
                    6,
                    4,
                ),
                Panel(
                    "Iterator age over time",
                    "Does it catch up?",
                    (_s.now(s.ITERATOR_AGE, "{{stream}}"), _s.now(h.CONSUMER_LAG, "{{stream}} {{consumer}}")),
                    width=12,
                ),
                Panel(
                    "Iterator age, of the retention",
                    "How much of what is kept is behind the slowest reader?",
                    (_s.ratio(s.ITERATOR_AGE, s.RETENTION, "{{stream}}").red(above=0.5),),
                    width=12,
                ),
                Panel(
                    "Throttled",
                    "What is refused?",
                    (_s.rate(s.WRITE_THROTTLED, "writes {{stream}}"), _s.rate(s.READ_THROTTLED, "reads {{stream}}")),
                    width=24,
                    height=6,
                ),
            ),
        ),
        Row(
            "How near are the limits?",
            (
                Panel(
                    "Writes against the limit",
                    "Is there room for more records and bytes?",
                    (
                        _s.now(s.WRITE_RECORDS_USE, "records {{stream}}").red(above=0.8),
                        _s.now(s.WRITE_BYTES_USE, "bytes {{stream}}"),
                    ),
                    width=12,
                ),
                Panel(
                    "Reads against the limit",
                    "Is there room for another reader?",
                    (
                        _s.now(s.READ_BYTES_USE, "bytes {{stream}}").red(above=0.8),
                        _s.now(s.READ_CALLS_USE, "calls {{stream}}"),
                    ),
                    width=12,
                ),
                Panel(
                    "Hottest shards",
                    "Which shard takes too much?",
                    (
                        _s.top(5, _s.now(h.SHARD_WRITE_RECORDS_USE, "{{stream}} {{shard}}: records in")).red(above=0.8),
                        _s.top(5, _s.now(h.SHARD_WRITE_BYTES_USE, "{{stream}} {{shard}}: bytes in")),
                        _s.top(5, _s.now(h.SHARD_READ_BYTES_USE, "{{stream}} {{shard}}: bytes out")),
                    ),
                    "bargauge",
                ),
                Panel(
                    "To split",
                    "Where, if one key does not make all of it?",
                    (_s.now(h.SPLIT, "of the limit").red(above=0.8),),
                    "table",
                ),
                Panel("Skew", "Are shards used alike?", (_s.now(h.SHARD_SKEW, "{{stream}}"),)),
            ),
        ),
        Row(
            "What comes and goes?",
            (
                Panel(
                    "Records",
                    "Is as much read as written?",
                    (_s.rate(s.INCOMING_RECORDS, "in {{stream}}"), _s.rate(s.READ_RECORDS, "out {{stream}}")),
                ),
                Panel(
                    "Bytes",
                    "How much is it?",
                    (_s.rate(s.INCOMING_BYTES, "in {{stream}}"), _s.rate(s.READ_BYTES, "out {{stream}}")),
                ),
                Panel(
                    "Success",
                    "Do calls succeed?",
                    (
                        _s.now(s.PUT_RECORDS_SUCCESS, "PutRecords {{stream}}").red(below=0.99),
                        _s.now(s.PUT_RECORD_SUCCESS, "PutRecord {{stream}}"),
                        _s.now(s.READ_SUCCESS, "GetRecords {{stream}}"),
                    ),
                ),
                Panel(
                    "Shards",
                    "Was it resharded?",
                    (_s.now(s.OPEN_SHARDS, "open {{stream}}"), _s.now(s.CLOSED_SHARDS, "closed {{stream}}")),
                ),
                Panel(
                    "Latency",
                    "How long do calls take?",
                    (
                        _s.now(s.PUT_RECORDS_LATENCY, "PutRecords {{stream}}"),
                        _s.now(s.READ_LATENCY, "GetRecords {{stream}}"),
                    ),
                ),
                Panel("Consumers", "Who is registered?", (_s.now(s.CONSUMERS, "{{stream}}"),)),
            ),
        ),
        Row(
            "Who reads on somebody's behalf?",
            (
                Panel(
                    "Applications",
                    "Has each a worker that is alive?",
                    (_s.now(r.UP, "{{reader}} {{stream}}").in_words("stopped", "running"),),
                    "stat",
                ),
                Panel(
                    "Lag of applications",
                    "How old is what each has processed?",
                    (_s.now(r.LAG, "{{reader}} {{stream}}"),),
                ),
                Panel(
                    "Standing still",
                    "Which shard is stuck, and for how long?",
                    (_s.now(r.STANDING, "{{reader}} {{stream}} {{shard}}").red(above=300),),
                    "bargauge",
                ),
                Panel(
                    "Leases",
                    "Is every shard in somebody's hands?",
                    (_s.now(r.LEASES, "{{reader}} {{stream}} {{state}}"),),
                ),
                Panel(
                    "Shards without a lease",
                    "Is a shard forgotten?",
                    (_s.now(r.HOLES, "{{reader}} {{stream}}").red(above=0),),
                ),
                Panel(
                    "Lease owners",
                    "Do workers take leases from each other?",
                    (_s.rate(r.OWNER_CHANGES, "{{reader}} {{stream}}"),),
                ),
                Panel(
                    "Calls that readers need",
                    "Is one of a shard's five calls a second left for another reader?",
                    (_s.now(r.READ_CALLS_USE, "{{reader}} {{stream}}"),),
                ),
            ),
        ),
    ),
    (("aws_region", s.STREAM_UP), ("stream", s.STREAM_UP)),
)
