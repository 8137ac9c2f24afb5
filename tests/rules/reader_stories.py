"""What goes wrong with those who read streams and topics: how each was played, the one alert that comes, and when.

``python -m tests.rules.reader_stories`` writes the table into docs/readers.md.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamwatch.reference.aws.redshift import Redshift
from streamwatch.rules.config import pack_folder
from streamwatch.rules.load import load
from tests.rules import kcl_faults as kcl
from tests.rules import lambda_faults as functions
from tests.rules import reader_calm as calm
from tests.rules import reader_faults as f
from tests.rules.reader_account import Account, Page

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "readers.md"
MARKS: Final = ("<!-- stories: python -m tests.rules.reader_stories -->\n", "\n<!-- end of the stories -->")
Make = Callable[[Account, str], f.Break]
"""Makes a reader that is well, and returns what breaks it."""
_WARM_MINUTES: Final = 12
_SECOND: Final = 50
"""Of the minute, in which all is read and breaks: however many stories there are, since CloudWatch's minutes are so."""


@dataclass(frozen=True)
class Story:
    """One that is played on the reference."""

    name: str
    make: Make
    alert: str
    minutes: int
    """From the cause to the page."""
    position: str
    """An expression that finds in the alert's text which, where or since when."""
    remedy: str
    """Words of the alert that say what to do."""
    is_alone: bool = False
    """Played in an account of its own: among all the others one more would put off their reads by a minute."""


@dataclass(frozen=True)
class Real:
    """One that was played on real parts."""

    name: str
    alert: str
    how: str
    took: str
    remedy: str
    """As of the others."""


STORIES: Final = (
    Story("poison pill in a Lambda batch", f.poison_pill, "ReaderStuck", 7,
          r"on stream s\d+ for \d+m .* came \d+m .* deletes it.* until 20.* UTC", "set MaximumRetryAttempts"),
    Story("poison pill in one of two streams of a function", functions.poison_pill_of_two_streams, "ReaderStuck", 7,
          r"on stream s\d+ for \d+m .* deletes it", "set MaximumRetryAttempts"),
    Story("the same, and the mapping counts events", functions.counted_poison_pill_of_two_streams, "ReaderStuck", 7,
          r"on stream s\d+ for \d+m .* deletes it", "set MaximumRetryAttempts"),
    Story("records given up: no destination", f.given_up, "LambdaRecordsLost", 1,
          r"on s\d+ .*About 2 records within 15m", "set a destination"),
    Story("records given up: the destination takes nothing", f.not_delivered, "LambdaRecordsLost", 1,
          r"on s\d+ .*About 2 records within 15m", "let the role write"),
    Story("mapping disabled", f.disabled, "LambdaMappingStopped", 6,
          r"on s\d+ .*USER_INITIATED", "Enable it again"),
    Story("mapping disabled after a call that failed, without a reason", functions.disabled_without_reason,
          "LambdaMappingStopped", 6, r"on s\d+ .*It is stopped", "Enable it again"),
    Story("poller dies after a call that failed", functions.poller_dies, "LambdaMappingStopped", 11,
          r"on s\d+ .*It is stopped", "Enable it again"),
    Story("mapping cannot log in", f.cannot_log_in, "LambdaMappingStopped", 7,
          r"on orders .*SASL authentication failed", "put right what Lambda says"),
    Story("function throttled", f.throttled, "LambdaThrottled", 6,
          r"on s\d+ ", "Reserve concurrency"),
    Story("shard contention, before a call is refused", f.contended, "KinesisShardsContended", 16,
          r"Stream s\d+ .*need 100%", "to enhanced fan-out"),
    Story("lease not renewed: all workers die", f.workers_die, "KinesisLeasesNotRenewed", 4,
          r"of stream s\d+ .*1 shards.*\d+m \d+s behind", "Start workers"),
    Story("hole: a shard without a lease", f.hole, "KinesisShardWithoutLease", 6,
          r"shardId-0{11}1", "Restart one worker"),
    Story("zombie leases", f.zombie, "KinesisZombieLeases", 69,
          r"of stream s\d+ .*has 1 leases", "Delete these items"),
    Story("lease storm", f.storm, "KinesisLeasesUnstable", 8,
          r"of stream s\d+ .*.* times within 10m", "Raise failoverTimeMillis"),
    Story("record processor hangs", f.hung, "ReaderStuck", 6,
          r"in shardId-0{12} for \d+m .* until 20.* UTC", "set the record aside"),
    Story("all record processors hang, beside another application", kcl.all_hang, "ReaderStuck", 6,
          r"on stream s\d+ for \d+m ", "set the record aside"),
    Story("stream deleted while its workers live", kcl.stream_deleted, "KinesisApplicationWithoutStream", 7,
          r"stream s\d+, which it reads, is gone.*The agent sees that ", "delete the leases of that stream",
          is_alone=True),
    Story("connector task failed (MSK Connect)", f.connector_task_fails, "KinesisReaderTasksFailed", 3,
          r"1 tasks have failed", "restart the connector"),
    Story("Firehose stalls: it reads nothing", f.hose_reads_nothing, "KinesisReaderReadsNothing", 15,
          r"nothing of s\d+.*for ten minutes", "Give it back its rights"),
    Story("Firehose stalls: its target refuses", f.bucket_refuses, "KinesisReaderDeliveryFailing", 11,
          r"of s\d+, the oldest record for \d+m", "give its role the rights"),
    Story("DMS stopped", f.task_fails, "KinesisReaderDown", 6,
          r"on s\d+\. The reason: it is .*", "start it again"),
    Story("DMS slow: its source", f.task_reads_late, "KinesisWriterSourceLate", 11,
          r"1\dm \d+s behind the database", "See its replication slot"),
    Story("DMS slow: its target", f.task_writes_late, "KinesisApplicationLate", 11,
          r"1\dm \d+s behind on stream s\d+", "of dms whether the stream throttles"),
    Story("Redshift view not refreshed", f.view_not_refreshed, "RedshiftViewNotRefreshed", 14,
          r"for 1\dm \d+s.*has not read of s\d+", "Refresh it by hand"),
    Story("Redshift view: its refreshes fail", f.refresh_fails, "KinesisReaderDown", 9,
          r"on s\d+, \d+m \d+s behind", "Mend what the reason says"),
    Story("Flink loops", f.job_loops, "KinesisReaderRestarts", 2,
          r"work on s\d+", "roll back to the snapshot"),
    Story("Flink: its checkpoints fail", f.checkpoints_fail, "KinesisReaderCheckpointsFail", 6,
          r"On s\d+ ", "give it more parallelism"),
    Story("MSK Replicator behind", f.replicator_behind, "MskReplicatorLate", 16,
          r"[\d.]+k messages wait", "Raise the quota"),
    Story("MSK Replicator refused by its target", f.replicator_refused, "MskReplicatorAuthErrors", 10,
          r"one of its clusters", "its role's right to connect"),
    Story("Pipes: the target refuses", f.pipe_fails, "KinesisReaderExecutionsFail", 10,
          r"every batch of s\d+ fails", "set retries, a dead-letter queue"),
    Story("Pipes: it cannot start", f.pipe_stopped, "KinesisReaderDown", 6,
          r" on s\d+\. .*START_FAILED", "start it again"),
    Story("lag against data loss", f.data_expire, "KinesisApplicationDataExpiring", 7,
          r"of stream s\d+ expire in 1h \d+m", "Raise the retention now"),
)  # fmt: skip
HARMLESS: Final[dict[str, Make]] = {
    "a worker of KCL is killed and replaced, twice": calm.worker_dies,
    "all workers of KCL are replaced at once": calm.deployment,
    "nobody writes the stream of a delivery stream": calm.quiet_hose,
    "nobody writes the stream of an application of KCL": calm.quiet_application,
    "only one of two shards is written that an application of KCL reads": kcl.one_shard_is_written,
    "a task of DMS is stopped on purpose": calm.task_ends,
    "a connector of MSK Connect is updated": calm.connector_updated,
}
"""What nobody is to be paged for."""
_CONNECT: Final = "Debezium 3.7 on PostgreSQL 15, Kafka Connect 4.3 (tests/real/connect_stories.py)"
_KCL: Final = "KCL 3.5.1 (tests/real/kcl_hour.py)"
REAL: Final = (
    Real("connector task failed: a record that it cannot read", "KafkaConnectTaskFailed", _CONNECT, "3 min 10 s",
         "Mend what the trace says, then restart it"),
    Real("connector task failed: somebody else holds its slot", "KafkaConnectTaskFailed", _CONNECT, "3 min 39 s",
         "Mend what the trace says, then restart it"),
    Real("connector RUNNING and idle: the sender of the log is frozen", "KafkaConnectChangesStopped", _CONNECT,
         "7 min 10 s", "Restart it"),
    Real("connector RUNNING and idle: its heartbeats stop, since its whole database is frozen",
         "KafkaConnectHeartbeatStopped", _CONNECT, "9 min 45 s", "See whether its database answers"),
    Real("the same, and its heartbeats write to the database", "KafkaConnectChangesStopped", _CONNECT, "7 min 1 s",
         "see whether the database answers"),
    Real("records given up, into a dead-letter topic", "KafkaConnectDeadLetters", _CONNECT, "1 min 9 s",
         "write them to their topic again"),
    Real("a worker is killed", "KafkaConnectWorkerDown", _CONNECT, "5 min 46 s", "Start it again"),
    Real("lease not renewed: all workers killed", "KinesisLeasesNotRenewed", _KCL, "2.2 min, and 2 more since",
         "Start workers"),
    Real("record processor hangs", "ReaderStuck", _KCL, "4.7 min", "set the record aside"),
)  # fmt: skip


def well(account: Account, makes: Iterable[Make]) -> list[f.Break]:
    """Make a reader of each, let them read for a while, and return what breaks each."""
    account.do(lambda cloud, _: cloud.beside(Redshift).create("analytics"))
    breaks = [make(account, f"s{at}") for at, make in enumerate(makes)]
    account.time.advance((_SECOND - account.time.now()) % 60)
    for _ in range(_WARM_MINUTES):
        account.minute()
    return breaks


def break_all(account: Account, breaks: Sequence[f.Break], minutes: int, every: int = 1) -> None:
    """Let all of that happen, and so many minutes pass, in each ``every`` of which the agent reads once."""
    began = account.pager.turn
    for break_ in breaks:
        break_()
    while account.pager.turn - began < minutes:
        account.unwatched(every - 1)
        account.minute()


def pages(account: Account, makes: Sequence[Make], minutes: int, every: int = 1) -> list[list[Page]]:
    """Let all of that happen in one account, at the same time; return for each what was paged, and in which minute.

    Args:
        account: without streams.
        makes: of each a reader that is well, and what breaks it.
        minutes: for so long.
        every: so many minutes the agent reads.

    """
    breaks = well(account, makes)
    assert account.pager.pages == [], "all is well"
    began = account.pager.turn
    break_all(account, breaks, minutes, every)
    assert account.problems == set()
    found: list[list[Page]] = [[] for _ in breaks]
    for page in account.pager.pages:
        labels = dict(page.alert.labels)
        name = labels.get("stream") or labels["reader"]
        found[int(name.rpartition("/")[2].removeprefix("s"))].append(Page(page.alert, page.turn - began))
    return found


def table() -> str:
    """Return the table of all stories, as Markdown."""
    of = {rule.name: dict(rule.labels) for group in load(sorted(pack_folder().glob("*.yml"))) for rule in group.rules}
    lines = [
        "| story | played on | the alert, and nothing else | it says, among others | cause to page |",
        "|---" * 5 + "|",
    ]
    rows = [(one.name, "the reference", one.alert, one.remedy, f"{one.minutes} min") for one in STORIES]
    rows += [(one.name, one.how, one.alert, one.remedy, one.took) for one in REAL]
    lines += [f"| {name} | {how} | {_linked(alert, of)} | {says} | {took} |" for name, how, alert, says, took in rows]
    lines += [f"| {name} | the reference | nobody is paged | | |" for name in HARMLESS]
    return "\n".join(lines)


def _linked(alert: str, of: dict[str, dict[str, str]]) -> str:
    return f"[{alert}](runbooks/{alert}.md), {of[alert]['severity']}"


def written() -> str:
    """Return the document, with the table as it should be."""
    before, begins, rest = DOCUMENT.read_text(encoding="utf-8").partition(MARKS[0])
    _, ends, after = rest.partition(MARKS[1])
    return f"{before}{begins}{table()}{ends}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(written(), encoding="utf-8")
