"""What is tried with every template before it is needed: an incident that fires, and one that is over."""

from collections.abc import Iterable, Iterator
from typing import Final

from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification
from streamwatch.notify.fit import TooLong
from streamwatch.notify.template import NotificationTemplate, read
from streamwatch.notify.text import Links, is_blank
from streamwatch.notify.writer import rendered

_AT: Final = 1_767_225_600.0
_SEVERITIES: Final = ("critical", "warning", "info", "page", "warn")
_LABELS: Final = (
    "kafka_cluster", "broker", "topic", "partition", "group", "stream", "shard", "consumer", "source", "aws_account",
    "aws_region", "job", "instance",
)  # fmt: skip
_ANNOTATIONS: Final = ("summary", "description", "runbook", "runbook_url", "dashboard_url")
_WORDS: Final = {"firing": "fires", "resolved": "is over"}


def examples(status: str, severity: str, names: Iterable[str]) -> Notification:
    """Return an incident of two alerts, with these labels and annotations besides the usual ones."""
    is_over = status == "resolved"
    common = {name: f"some {name}" for name in (*names, *_LABELS)} | {"alertname": "SomeAlert", "severity": severity}
    annotations = tuple((name, f"the {name}") for name in (*_ANNOTATIONS, *names))
    alerts = tuple(
        Alert(
            Labels({**common, "broker": broker}), "inactive" if is_over else "firing", 1.0, _AT, annotations, _AT,
            _AT + 60 if is_over else None,
        )
        for broker in ("1", "2")
    )  # fmt: skip
    group = Labels({"alertname": "SomeAlert", "kafka_cluster": common["kafka_cluster"]})
    return Notification("streamwatch/example", group, "resolved" if is_over else "firing", alerts, _AT + 120)


def warnings(field: str, text: str, channel: str, links: Links, names: Iterable[str]) -> Iterator[str]:
    """Yield what is wrong with a template when it is used.

    Args:
        field: the setting's name.
        text: the template.
        channel: the channel's name.
        links: what messages point to.
        names: labels and annotations that rules give, besides the usual ones.

    """
    try:
        template = read(field, text)
    except ValueError:
        return  # the mistake is reported where the setting is read
    assert template is not None  # noqa: S101 - there is a text
    known = sorted(set(names))
    for status, word in _WORDS.items():
        wrong = [_wrong(template, examples(status, severity, known), links, channel) for severity in _SEVERITIES]
        # What is blank for some severities only may never see those.
        if all(wrong):
            yield f"{field}: {wrong[0].format(f'an alert that {word}')}"


def _wrong(template: NotificationTemplate, notification: Notification, links: Links, channel: str) -> str:
    """Return what is wrong with what a template makes of an example; empty where nothing is."""
    try:
        shown = rendered(template, notification, links, channel, "http://agent.example:9308")
    except (ValueError, TooLong) as error:
        why = str(error).replace("{", "{{").replace("}", "}}")
        return f"the template fails for {{}}: {why}: the plain text would be sent instead"
    if is_blank(shown):
        return "nothing is to be seen for {}: the plain text would be sent instead: write something for it, too"
    if "<no value>" in shown:
        return "the message says '<no value>' for {}: the template asks for what there is not"
    return ""
