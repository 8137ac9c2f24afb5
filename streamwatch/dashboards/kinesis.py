"""What is on the dashboard of Kinesis."""

from typing import Final

from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.catalogue import readers as r
from streamwatch.dashboards.panel import Dashboard, On, Panel, Query, Row, union
from streamwatch.dashboards.probes import STREAM_PROBE

_s = On("aws_region", "stream")


def _hottest() -> Query:
    """Return the shards that use most of a limit, whichever it is."""
    words = {
        h.SHARD_WRITE_RECORDS_USE: "records in",
        h.SHARD_WRITE_BYTES_USE: "bytes in",
        h.SHARD_READ_BYTES_USE: "bytes out",
    }
    some = union({one: _s.now(one).expr for one in words}, words)
    return Query(f"topk(15, {some})", "of the limit", h.SHARD_WRITE_RECORDS_USE)


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
                    (_s.now(s.TIME_TO_LOSS, "{{stream}}").left().red(below=14_400),),
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
                    "Writes refused",
                    "What do producers lose?",
                    (_s.rate(s.WRITE_THROTTLED, "{{stream}}"),),
                    width=12,
                    height=6,
                ),
                Panel(
                    "Reads refused",
                    "Do readers take calls from each other?",
                    (_s.rate(s.READ_THROTTLED, "{{stream}}"),),
                    width=12,
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
                    "Which shard takes too much, and of what?",
                    (_hottest().red(above=0.8),),
                    "table",
                    12,
                    labels=("stream", "shard", "limit"),
                    sort=("-of the limit", "shard"),
                ),
                Panel("Skew", "Are shards used alike?", (_s.now(h.SHARD_SKEW, "{{stream}}"),), width=12),
                Panel(
                    "To split",
                    "Where, if one key does not make all of it?",
                    (_s.now(h.SPLIT, "of the limit").red(above=0.8),),
                    "table",
                    24,
                    5,
                    labels=("stream", "shard", "hash_key", "aws_region", "aws_account"),
                    sort=("-of the limit", "stream"),
                ),
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
                    (_s.now(r.STANDING, "for").red(above=300),),
                    "table",
                    labels=("reader", "shard"),
                    links={"reader": "streamwatch-readers"},
                    sort=("-for", "reader"),
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
        STREAM_PROBE,
    ),
    (("aws_region", s.STREAM_UP), ("stream", s.STREAM_UP)),
)
