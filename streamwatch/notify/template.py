"""Templates of messages: Go's, with Alertmanager's data and functions, so that what was written for it works here.

What a template does not find is an error, not a blank; text that comes from alerts can be escaped as a service wants,
what the template itself says cannot.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import quote_plus, unquote_plus

import gotpl
import re2  # type: ignore[import-untyped]

from streamwatch.model.alert import Alert
from streamwatch.model.notification import Notification
from streamwatch.notify.gotime import Duration, Time, time, zoned
from streamwatch.promql.relabel import expanded
from streamwatch.rules import humanize

Escape: TypeAlias = Callable[[str], str]
"""Makes text of an alert harmless to a service's own notation."""

_BUDGET: Final = gotpl.ExecutionBudget(max_output_chars=200_000, max_iterations=30_000, max_function_calls=30_000)
_NAME_FIRST: Final = "alertname"
_DEFAULTS: Final = """
{{- define "__alertmanager" }}StreamWatch{{ end -}}
{{- define "__alertmanagerURL" }}{{ .ExternalURL }}/{{ end -}}
{{- define "__description" }}{{ end -}}
{{- define "__subject" }}[{{ toUpper .Status }}{{ if eq .Status "firing" }}:{{ len .Alerts.Firing }}{{ end }}]
{{- " " }}{{ join " " .GroupLabels.Values }}{{ " " }}
{{- if lt (len .GroupLabels) (len .CommonLabels) }}(
{{- with .CommonLabels.Remove .GroupLabels.Names }}{{ join " " .Values }}{{ end }}){{ end }}{{ end -}}
{{- define "__text_alert_list" }}{{ range . }}Labels:
{{ range .Labels.SortedPairs }} - {{ .Name }} = {{ .Value }}
{{ end }}Annotations:
{{ range .Annotations.SortedPairs }} - {{ .Name }} = {{ .Value }}
{{ end }}Source: {{ .GeneratorURL }}
{{ end }}{{ end -}}
{{- define "__text_both" }}{{ join " " .CommonAnnotations.Values }}
{{ with .Alerts.Firing }}Alerts Firing:
{{ template "__text_alert_list" . }}{{ end }}{{ with .Alerts.Resolved }}Alerts Resolved:
{{ template "__text_alert_list" . }}{{ end }}{{ end -}}
{{- define "slack.default.title" }}{{ template "__subject" . }}{{ end -}}
{{- define "slack.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end -}}
{{- define "slack.default.fallback" }}{{ template "__subject" . }} | {{ template "__alertmanagerURL" . }}{{ end -}}
{{- define "slack.default.username" }}{{ template "__alertmanager" . }}{{ end -}}
{{- define "slack.default.text" }}{{ end -}}
{{- define "pagerduty.default.description" }}{{ template "__subject" . }}{{ end -}}
{{- define "pagerduty.default.client" }}{{ template "__alertmanager" . }}{{ end -}}
{{- define "pagerduty.default.clientURL" }}{{ template "__alertmanagerURL" . }}{{ end -}}
{{- define "pagerduty.default.instances" }}{{ template "__text_alert_list" . }}{{ end -}}
{{- define "email.default.subject" }}{{ template "__subject" . }}{{ end -}}
{{- define "sns.default.subject" }}{{ template "__subject" . }}{{ end -}}
{{- define "sns.default.message" }}{{ template "__text_both" . }}{{ end -}}
{{- define "msteams.default.summary" }}{{ template "__subject" . }}{{ end -}}
{{- define "msteams.default.title" }}{{ template "__subject" . }}{{ end -}}
{{- define "msteams.default.text" }}{{ template "__text_both" . }}{{ end -}}
{{- define "msteamsv2.default.title" }}{{ template "__subject" . }}{{ end -}}
{{- define "msteamsv2.default.text" }}{{ template "__text_both" . }}{{ end -}}
"""
"""What Alertmanager's configurations name without defining it."""


class TooLong(Exception):
    """A template makes more text than any message may have."""


class _Shown(str):
    """Text of an alert, escaped; what it was is what functions work on."""

    __slots__ = ("plain",)
    plain: str


class _Record:
    """Fields by name; any other is an error, as in Go."""

    def __init__(self, kind: str, fields: Mapping[str, object]) -> None:
        self._kind, self._fields = kind, fields

    def __gotemplate_lookup__(self, field: str) -> object:
        if field not in self._fields:
            known = ", ".join(f".{name}" for name in self._fields)
            raise gotpl.TemplateExecutionError(f"can't evaluate field {field} in {self._kind}: there are {known}")
        return self._fields[field]


class _Pairs(list[_Record]):
    """Names and values, in order."""

    def __init__(self, some: Sequence[tuple[str, str]]) -> None:
        super().__init__(_Record("a pair", {"Name": name, "Value": value}) for name, value in some)
        self._some = some

    def Names(self) -> list[str]:  # noqa: N802 - Alertmanager's names, which templates use
        return [name for name, _ in self._some]

    def Values(self) -> list[str]:  # noqa: N802 - as above
        return [value for _, value in self._some]

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self._some)


class _Map(dict[str, str]):
    """Labels or annotations: a name that is not there is an empty text; methods hide names, as in Go."""

    def SortedPairs(self) -> _Pairs:  # noqa: N802 - as above
        return _Pairs(sorted(self.items(), key=lambda pair: (pair[0] != _NAME_FIRST, pair[0])))

    def Remove(self, names: Sequence[str]) -> "_Map":  # noqa: N802 - as above
        gone = frozenset(map(str, names))
        return _Map({name: value for name, value in self.items() if name not in gone})

    def Names(self) -> list[str]:  # noqa: N802 - as above
        return self.SortedPairs().Names()

    def Values(self) -> list[str]:  # noqa: N802 - as above
        return self.SortedPairs().Values()

    def __gotemplate_lookup__(self, field: str) -> object:
        if field in {"SortedPairs", "Remove", "Names", "Values"}:
            return getattr(self, field)
        return self.get(field, "")


class _Alerts(list[_Record]):
    """Alerts, those that fire first."""

    def __init__(self, some: Sequence[tuple[bool, _Record]]) -> None:
        super().__init__(one for _, one in some)
        self._some = some

    def Firing(self) -> list[_Record]:  # noqa: N802 - as above
        return [one for is_firing, one in self._some if is_firing]

    def Resolved(self) -> list[_Record]:  # noqa: N802 - as above
        return [one for is_firing, one in self._some if not is_firing]

    def __gotemplate_lookup__(self, field: str) -> object:
        if field in {"Firing", "Resolved"}:
            return getattr(self, field)
        raise gotpl.TemplateExecutionError(f"can't evaluate field {field} in .Alerts: there are .Firing and .Resolved")


class Template:
    """A template that was read."""

    def __init__(self, text: str, escape: Escape | None = None) -> None:
        """Read it.

        Args:
            text: the template.
            escape: makes text of an alert harmless; None where the service has no notation of its own.

        Raises:
            ValueError: it is none.

        """
        self._escape = escape
        whole = _DEFAULTS + text if "template" in text else text
        try:
            self._template = gotpl.Template(
                whole, name="message", functions=_functions(escape, 0.0), missing_key="zero", budget=_BUDGET
            )
        except gotpl.TemplateError as error:
            raise ValueError(f"not a template: {error}") from error

    def render(self, told: Notification, more: Mapping[str, str]) -> str:
        """Return the text.

        Args:
            told: what is told.
            more: Receiver, ExternalURL, GeneratorURL, Runbook and Dashboard.

        Raises:
            ValueError: the template asks for what there is not.
            TooLong: there is no end to it.

        """
        template = self._template.with_functions(_functions(self._escape, told.at))
        try:
            return str(template.render(_data(told, more, self._escape)))
        except gotpl.BudgetExceededError as error:
            raise TooLong(str(error)) from error
        except gotpl.TemplateError as error:
            raise ValueError(str(error).rpartition('executing "message": ')[2]) from error


def read(field: str, text: str | None, escape: Escape | None = None) -> Template | None:
    """Read a template of a setting, where there is one.

    Raises:
        ValueError: it is none; the message begins with the setting's name.

    """
    try:
        return None if text is None else Template(text, escape)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from error


def _data(told: Notification, more: Mapping[str, str], escape: Escape | None) -> _Record:
    def shown(text: str) -> str:
        return text if escape is None else _shown(text, escape)

    def pairs(some: Mapping[str, str]) -> _Map:
        return _Map({name: shown(value) for name, value in some.items()})

    def alert(one: Alert) -> tuple[bool, _Record]:
        is_firing = one.state != "inactive"
        fields = {
            "Status": "firing" if is_firing else "resolved",
            "Labels": pairs(one.labels),
            "Annotations": pairs(dict(one.annotations)),
            "StartsAt": time(one.fired_at or one.active_at),
            "EndsAt": time(None if is_firing else one.resolved_at or told.at),
            "GeneratorURL": shown(more["GeneratorURL"]),
            "Fingerprint": one.fingerprint,
            "Value": one.value,
        }
        return is_firing, _Record("an alert", fields)

    return _Record(
        "the data",
        {
            "Receiver": shown(more["Receiver"]),
            "Status": told.status,
            "Alerts": _Alerts([alert(one) for one in told.alerts]),
            "GroupLabels": pairs(told.group),
            "CommonLabels": pairs(told.common_labels),
            "CommonAnnotations": pairs(told.common_annotations),
            "ExternalURL": shown(more["ExternalURL"]),
            "GroupKey": told.key,
            "TruncatedAlerts": told.left_out,
            "Runbook": shown(more["Runbook"]),
            "Dashboard": shown(more["Dashboard"]),
        },
    )


def _shown(text: str, escape: Escape) -> _Shown:
    found = _Shown(escape(text))
    found.plain = text
    return found


def _plain(value: object) -> Any:  # noqa: ANN401 - whatever a template has
    """Return a value as the alert has it, not as it is shown."""
    if isinstance(value, _Shown):
        return value.plain
    if isinstance(value, _Map):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, _Record):
        return {name[:1].lower() + name[1:]: _plain(one) for name, one in value._fields.items()}
    if isinstance(value, Time):
        return value.Format("2006-01-02T15:04:05.999999999Z07:00")
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _functions(escape: Escape | None, now: float) -> dict[str, Callable[..., object]]:
    """Return the functions that a template may use; those that read or change text work on what is not escaped."""

    def on_plain(change: Callable[[str], str]) -> Callable[[str], str]:
        def changed(text: str) -> str:
            return _shown(change(text.plain), escape) if escape and isinstance(text, _Shown) else change(str(text))

        return changed

    def to_json(value: object) -> str:
        text = json.dumps(_plain(value), ensure_ascii=False)
        is_own = isinstance(value, str) and not isinstance(value, _Shown)
        return text if escape is None or is_own else escape(text)

    return {
        "toUpper": on_plain(str.upper),
        "toLower": on_plain(str.lower),
        "title": on_plain(
            lambda text: str(re2.sub(r"\pL[\pL\pM\pN'\x{2019}_]*", lambda word: word[0].capitalize(), text))
        ),
        "trimSpace": on_plain(str.strip),
        "join": lambda separator, some: separator.join(map(str, some)),
        "match": lambda pattern, text: _compiled(pattern).search(_plain(text)) is not None,
        "reReplaceAll": lambda pattern, new, text: str(
            _compiled(pattern).sub(lambda found: expanded(new, found), str(text))
        ),
        "safeHtml": str,
        "safeUrl": str,
        "urlUnescape": on_plain(unquote_plus),
        "stringSlice": lambda *some: list(some),
        "list": lambda *some: list(some),
        "append": lambda some, *more: [*some, *more],
        "dict": _dict,
        "date": lambda layout, at: at.Format(layout),
        "tz": zoned,
        "since": lambda at: time(now).Sub(at),
        "humanizeDuration": lambda given: humanize.humanize_duration(
            given.seconds if isinstance(given, Duration) else given
        ),
        "toJson": to_json,
        # Go's own, which would not find what is escaped, or print what a map does not have.
        "index": _index,
        "eq": lambda first, *others: any(_plain(first) == _plain(one) for one in others),
        "ne": lambda first, second: _plain(first) != _plain(second),
        "urlquery": lambda *some: quote_plus("".join(str(_plain(one)) for one in some), safe=""),
    }


def _compiled(pattern: str) -> Any:  # noqa: ANN401 - re2 has no types
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(_plain(pattern), options)
    except re2.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression of RE2") from error


def _index(value: Any, *at: Any) -> object:  # noqa: ANN401 - whatever a template has
    for one in at:
        if isinstance(value, _Map):
            value = value.get(str(one), "")
        elif isinstance(value, Mapping):
            value = value[_plain(one)]
        else:
            if not isinstance(one, int) or not 0 <= one < len(value):
                raise ValueError(f"index out of range: {one}")
            value = value[one]
    return value


def _dict(*some: object) -> dict[str, object]:
    if len(some) % 2:
        raise ValueError("dict: names and values come in pairs")
    return {str(some[at]): some[at + 1] for at in range(0, len(some), 2)}
