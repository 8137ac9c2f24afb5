"""Go's templates of messages, with Alertmanager's data and functions, so that what was written for it works here.

What a template does not find is an error, not a blank; text that comes from alerts can be escaped as a service wants,
what the template itself says cannot.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote_plus, unquote_plus

import gotpl
import re2  # type: ignore[import-untyped]
from gotpl.runtime.gofmt import sprintf

from streamwatch.model.alert import Alert
from streamwatch.model.notification import Notification
from streamwatch.notify.defaults import DEFAULTS
from streamwatch.notify.fit import TooLong
from streamwatch.notify.gotime import Duration, Time, time, zoned
from streamwatch.notify.text import Escape
from streamwatch.promql.relabel import expanded
from streamwatch.rules import humanize

_PRINTED: Final = re.compile(
    r"""(\{\{-?\s*+)(?!(?:if|else|end|range|with|define|template|block|break|continue)\b|/\*|\$\w*\s*(?:,|:?=))"""
    r"""((?:"(?:\\.|[^"\\])*+"|`[^`]*+`|'(?:\\.|[^'\\])*+'|[^"'`{}]|\}(?!\}))+?)(\s+-\}\}|\s*\}\})"""
)
"""An action of a template that prints what it says; the library prints a map its own way, ours are Alertmanager's."""
_BUDGET: Final = gotpl.ExecutionBudget(max_output_chars=200_000, max_iterations=30_000, max_function_calls=100_000)
_MOST_PRINTED: Final = 200_000
_WIDE: Final = re.compile(r"%[^a-zA-Z%]*\d{5}")
"""A width or a precision of more than a message's characters."""
_NAME_FIRST: Final = "alertname"


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

    def __str__(self) -> str:
        return f"{{{' '.join(_printf('%v', field) for field in self._fields.values())}}}"


class _Pairs(list[_Record]):
    """Names and values, in order."""

    def __init__(self, some: Sequence[tuple[str, str]]) -> None:
        super().__init__(_Record("a pair", {"Name": name, "Value": value}) for name, value in some)
        self._some = some

    def Names(self) -> list[str]:  # noqa: N802 - Alertmanager's names, which templates use
        return [name for name, _ in self._some]

    def Values(self) -> list[str]:  # noqa: N802 - as above
        return [value for _, value in self._some]

    def String(self) -> str:  # noqa: N802 - as above
        return ", ".join(f"{name}={value}" for name, value in self._some)

    def __str__(self) -> str:
        return self.String()


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

    def String(self) -> str:  # noqa: N802 - as above
        return self.SortedPairs().String()

    def __str__(self) -> str:
        return self.String()

    def __gotemplate_lookup__(self, field: str) -> object:
        if field in {"SortedPairs", "Remove", "Names", "Values", "String"}:
            return getattr(self, field)
        return self.get(field, "")


class _Dict(dict[str, object]):
    """What `dict` makes: a name that is not there is nothing, as in Go."""

    def __gotemplate_lookup__(self, field: str) -> object:
        return self.get(field)


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


class NotificationGoTemplate:
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
        printed = _PRINTED.sub(r"\1\2 | _printed\3", text)
        whole = DEFAULTS + printed if "template" in text else printed
        try:
            self._template = gotpl.Template(
                whole, name="message", functions=_functions(escape, 0.0), missing_key="error", budget=_BUDGET
            )
        except gotpl.TemplateError as error:
            raise ValueError(f"not a template: {error}") from error

    def render(self, notification: Notification, more: Mapping[str, str]) -> str:
        """Return the text.

        Args:
            notification: the notification.
            more: Receiver, ExternalURL, GeneratorURL, Runbook and Dashboard.

        Raises:
            ValueError: the template asks for what there is not.
            TooLong: there is no end to it.

        """
        template = self._template.with_functions(_functions(self._escape, notification.at))
        try:
            return str(template.render(_data(notification, more, self._escape)))
        except gotpl.BudgetExceededError as error:
            raise TooLong(str(error)) from error
        except gotpl.TemplateError as error:
            raise ValueError(str(error).rpartition('executing "message": ')[2]) from error


def _data(notification: Notification, more: Mapping[str, str], escape: Escape | None) -> _Record:
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
            "EndsAt": time(None if is_firing else one.resolved_at or notification.at),
            "GeneratorURL": shown(more["GeneratorURL"]),
            "Fingerprint": one.fingerprint,
            "Value": one.value,
        }
        return is_firing, _Record("an alert", fields)

    return _Record(
        "the data",
        {
            "Receiver": shown(more["Receiver"]),
            "Status": notification.status,
            "Alerts": _Alerts([alert(one) for one in notification.alerts]),
            "GroupLabels": pairs(notification.group),
            "CommonLabels": pairs(notification.common_labels),
            "CommonAnnotations": pairs(notification.common_annotations),
            "ExternalURL": shown(more["ExternalURL"]),
            "GroupKey": notification.key,
            "TruncatedAlerts": notification.left_out,
            "Incident": shown(notification.incident),
            "Runbook": shown(more["Runbook"]),
            "Dashboard": shown(more["Dashboard"]),
        },
    )


def _shown(text: str, escape: Escape) -> _Shown:
    found = _Shown(escape(text))
    found.plain = text
    return found


def _printed(value: object) -> object:
    """Return a value as it is printed where Alertmanager's own types stand in it; any other as it is."""
    if isinstance(value, _Map | _Pairs | _Record):
        return str(value)
    if isinstance(value, list | tuple):
        return [_printed(one) for one in value]
    return value


def _printf(layout: str, *some: object) -> str:
    if sum(len(one) for one in (layout, *some) if isinstance(one, str)) > _MOST_PRINTED or _WIDE.search(layout):
        raise ValueError("printf: there is no end to it")
    return sprintf(layout, *map(_printed, some))


def _print(*some: object) -> str:
    shown = [_printed(one) for one in some]
    texts = [isinstance(one, str) for one in shown]
    gaps = ["" if at + 1 >= len(shown) or texts[at] or texts[at + 1] else " " for at in range(len(shown))]
    return "".join(_printf("%v", one) + gap for one, gap in zip(shown, gaps, strict=True))


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

    def re_replace_all(pattern: str, new: str, text: str) -> str:
        # What is found is an alert's, what replaces it the template's own.
        safe = escape if escape is not None and isinstance(text, _Shown) else str
        plain, made, at = str(_plain(text)), [], 0
        for found in _compiled(pattern).finditer(plain):
            groups = {name: safe(found[name] or "") for name in (*range(found.re.groups + 1), *found.re.groupindex)}
            made += [safe(plain[at : found.start()]), expanded(new, groups)]
            at = found.end()
        return "".join([*made, safe(plain[at:])])

    def sliced(value: Any, *at: int) -> object:  # noqa: ANN401 - whatever a template has
        whole = str(_plain(value)).encode() if isinstance(value, str) else value
        begin, end = (*at, *(0, len(whole))[len(at) :])[:2]
        if not 0 <= begin <= end <= len(whole):
            raise ValueError(f"slice: out of range: {begin} to {end} of {len(whole)}")
        part = whole[begin:end]
        if not isinstance(part, bytes):
            return part
        text = part.decode("utf-8", "replace")
        return _shown(text, escape) if escape is not None and isinstance(value, _Shown) else text

    return {
        "toUpper": on_plain(str.upper),
        "toLower": on_plain(str.lower),
        "title": on_plain(
            lambda text: str(re2.sub(r"\pL[\pL\pM\pN'\x{2019}_]*", lambda word: word[0].capitalize(), text))
        ),
        "trimSpace": on_plain(str.strip),
        "join": lambda separator, some: separator.join(map(str, some)),
        "match": lambda pattern, text: _compiled(pattern).search(_plain(text)) is not None,
        "reReplaceAll": re_replace_all,
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
        "slice": sliced,
        "len": lambda value: len(str(_plain(value)).encode() if isinstance(value, str) else value),
        "_printed": _printed,
        "print": _print,
        "printf": _printf,
        "println": lambda *some: " ".join(_printf("%v", one) for one in some) + "\n",
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
    return _Dict({str(some[at]): some[at + 1] for at in range(0, len(some), 2)})
