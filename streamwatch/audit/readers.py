"""Readers of which what they cannot process is lost, or stops them."""

import json
import shlex
from collections.abc import Iterator
from typing import Final

from streamwatch.audit.facts import AuditFacts
from streamwatch.audit.finding import NotChecked, Observation, Outcome
from streamwatch.model.reader import Reader, RetryPolicy

_DESTINATION: Final = "arn:aws:sqs:REGION:ACCOUNT:QUEUE"


def no_failure_destination(facts: AuditFacts) -> Iterator[Outcome]:
    """Readers that have nowhere to put what they cannot process."""
    for snapshot in facts.readers:
        if snapshot.readers is None:
            yield NotChecked(snapshot.source, "which of its readers have a destination for failures: none can be read")
        for reader in snapshot.readers or ():
            if reader.retries is not None and not reader.retries.destination and not reader.is_share_group:
                yield _of_reader(reader, reader.retries)
    for connect in facts.connects:
        if connect.connectors is None:
            yield NotChecked(connect.source, "which of its sinks have a dead letter queue: none can be read")
        for connector in connect.connectors or ():
            if connector.type == "sink" and connector.tolerance == "all" and connector.dead_letter_topic is None:
                setting = "errors.deadletterqueue.topic.name"
                yield Observation(
                    severity="warning",
                    kind="connector",
                    target=f"{connect.source}/{connector.name}",
                    evidence=(
                        f"errors.tolerance is all, and {setting} is not set: what cannot be delivered is skipped",
                    ),
                    remedy=f"set {setting} in its configuration (PUT /connectors/{connector.name}/config)",
                )


def _of_reader(reader: Reader, retries: RetryPolicy) -> Observation:
    limits = []
    if retries.attempts is not None:
        limits.append(f"after {retries.attempts} retries")
    if retries.record_age_seconds is not None:
        limits.append(f"when records are {retries.record_age_seconds:,.0f} s old")
    what = reader.stream if reader.stream is not None else f"topic {reader.topic or ''}"
    evidence = (
        f"it gives a batch up {' or '.join(limits)}, and the batch is gone"
        if limits
        else "it tries a batch that fails again until its records expire: nothing behind it in the shard is read"
    )
    return Observation(
        severity="warning",
        kind="reader",
        target=f"{reader.account}/{reader.region}/{reader.kind}/{reader.name}",
        evidence=(f"on {what} it has no destination for failures", evidence),
        remedy=_remedy(reader),
    )


def _remedy(reader: Reader) -> str:
    if reader.kind == "lambda":
        function = reader.name.partition("/")[0]
        query = shlex.quote(f"EventSourceMappings[?{_is_its(reader)}].UUID | [0]")
        find = (
            f"aws lambda list-event-source-mappings --region {reader.region} --function-name {shlex.quote(function)}"
            f" --query {query} --output text"
        )
        config = shlex.quote(json.dumps({"OnFailure": {"Destination": _DESTINATION}}, separators=(",", ":")))
        return (
            f"aws lambda update-event-source-mapping --region {reader.region} --uuid $({find})"
            f" --destination-config {config}"
        )
    if reader.kind == "pipes":
        parameters = {"KinesisStreamParameters": {"DeadLetterConfig": {"Arn": _DESTINATION}}}
        return (
            f"aws pipes update-pipe --region {reader.region} --name {shlex.quote(reader.name)} --role-arn ROLE"
            f" --source-parameters {shlex.quote(json.dumps(parameters, separators=(',', ':')))}"
        )
    return "set errors.deadletterqueue.topic.name in its configuration"


def _is_its(reader: Reader) -> str:
    """Return what holds of its mapping among all of its function, in JMESPath."""
    consumer = reader.name.partition("/")[2]
    if reader.stream is None:
        return f"contains(Topics || `[]`, '{reader.topic or ''}')"
    if consumer:
        return f"contains(EventSourceArn, ':stream/{reader.stream}/consumer/{consumer}:')"
    return f"ends_with(EventSourceArn, ':stream/{reader.stream}')"
