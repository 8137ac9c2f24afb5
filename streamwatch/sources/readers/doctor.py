"""A check-up of the readers of one account: each right that is needed, and the policy that gives it."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from streamwatch.core.clock import Clock
from streamwatch.model.finding import Finding
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.session import Accounts, SourceCalls
from streamwatch.sources.aws.trial import Trial, TrialCall, newest_point
from streamwatch.sources.readers.config import Functions, Kcl, Readers
from streamwatch.sources.readers.kcl_rows import COORDINATOR
from streamwatch.sources.readers.lambda_rows import MalformedMapping, read


def examine(config: Readers, access: AwsAccess, regions: Sequence[str], clock: Clock) -> Iterator[Finding]:
    """Check each region, step by step, for each kind of readers that is looked at."""
    if not (config.kcl.enabled or config.functions.enabled):
        return
    caller = SourceCalls(Accounts(clock).get(access), clock, threading.Event().wait)
    for region in regions:
        if config.kcl.enabled:
            yield from _kcl(config.kcl, Trial(region, caller, clock, f"{region}, kcl"))
        if config.functions.enabled:
            yield from _functions(config.functions, Trial(region, caller, clock, f"{region}, lambda"), clock)


def _functions(config: Functions, trial: Trial, clock: Clock) -> Iterator[Finding]:
    step = TrialCall("lambda", "ListEventSourceMappings", {"MaxItems": 100}, ("EventSourceMappings",))
    listing, finding = trial.attempt(step)
    yield finding
    if listing is not None and not listing["EventSourceMappings"]:
        yield trial.finding("mappings", "warning", "there are none", "is this the right account?")
    if listing is not None and (silent := _silent(listing["EventSourceMappings"])):
        what = f"{len(silent)} give up batches that nobody gets and no metric counts: {', '.join(silent[:3])}"
        hint = "set EventCount in the mapping's MetricsConfig, or a destination for failures"
        yield trial.finding("lost records", "warning", what, hint)
    if config.metrics:
        at = {"FunctionName": "streamwatch-doctor"}
        yield trial.attempt(newest_point("AWS/Lambda", "Invocations", "Sum", clock.now(), at))[1]


def _silent(mappings: Iterable[object]) -> list[str]:
    """Return the names of those that lose records without a word; of what cannot be read the source says it."""
    found = []
    for mapping in mappings:
        with suppress(MalformedMapping):
            row = read(mapping)
            found += [row.name] if row.loses_silently else []
    return found


def _kcl(config: Kcl, trial: Trial) -> Iterator[Finding]:
    """Try lease tables; one that is there is taken as the example."""
    listing, finding = trial.attempt(TrialCall("dynamodb", "ListTables", {}, ("TableNames",)))
    yield finding
    names = [] if listing is None else [one for one in listing["TableNames"] if config.tables.admits(one)]
    names = [one for one in names if not one.endswith(COORDINATOR)]
    answer, found = None, finding
    for name in names[:10]:
        answer, found = trial.attempt(TrialCall("dynamodb", "DescribeTable", {"TableName": name}, ("Table",)))
        if answer is None or _is_lease_table(answer):
            break
    else:
        answer = None
    if names:
        yield found
    if answer is None:
        if listing is not None and (not names or found.verdict == "ok"):
            hint = "does `readers.kcl.tables` fit, and is this the right account?"
            yield trial.finding("lease tables", "warning", "none among the first tables", hint)
        return
    name = answer["Table"]["TableName"]
    yield trial.attempt(TrialCall("dynamodb", "Scan", {"TableName": name, "Limit": 1}, ("Items",)))[1]


def _is_lease_table(answer: dict[str, Any]) -> bool:
    return [one.get("AttributeName") for one in answer["Table"].get("KeySchema", ())] == ["leaseKey"]
