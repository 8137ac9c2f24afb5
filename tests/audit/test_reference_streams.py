"""An account of the reference AWS with readers of several kinds, audited: what is wrong is found, and nothing else."""

from typing import Any

from streamwatch.agent.auditing import AuditedSource, facts_of
from streamwatch.audit.report import answer, audit
from streamwatch.model.metric import Samples
from tests.rules.reader_account import Account, account
from tests.rules.reader_faults import QUEUE, application, hose, mapped
from tests.sources.kinesis.watching import config

MINUTES = 6
"""CloudWatch is a minute late, and says that nobody reads after three."""
PLACE = "123456789012/us-east-1"
BOTH = ["IncomingBytes", "IncomingRecords"]


def audited(watched: Account) -> dict[str, Any]:
    samples: list[Samples] = []
    sources = []
    for target in watched._targets:
        now: Any = target.source.read()
        samples += [each for collector in target.collectors.values() for each in collector.collect(now)]
        part = config(watched.aws.url)
        sources.append(AuditedSource(name=target.name, config=part, kind=target.kind, snapshot=now, empty_since={}))
    return answer(audit(facts_of(sources, samples, watched.time.now()), ()))


def test_what_is_wrong_is_found_and_nothing_else() -> None:
    with account(("kcl", "functions", "firehose")) as watched:
        application(watched, "read", 2)
        hose(watched, "hosed")
        mapped(watched, "safe", destination=QUEUE)
        mapped(watched, "lost", attempts=2)
        watched.stream("unread")
        watched.call("EnableEnhancedMonitoring", StreamName="unread", ShardLevelMetrics=BOTH)
        watched.stream("silent")
        watched.quiet("silent")
        for _ in range(MINUTES):
            watched.minute()
        shown = audited(watched)
    assert [(each["finding"], each["severity"], each["target"]) for each in shown["findings"]] == [
        ("no-failure-destination", "warning", f"{PLACE}/lambda/lost"),
        ("no-reader", "warning", f"{PLACE}/unread"),
        ("no-reader", "info", f"{PLACE}/silent"),
        ("shard-metrics", "info", f"{PLACE}/unread"),
    ]
    assert [(each["finding"], each["targets"]) for each in shown["notChecked"]] == [("hot-shard", [f"{PLACE}/read"])]
