"""Go's templates with Prometheus's functions, by gotpl: imported for templates that are more than simple."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote_plus

import gotpl
import re2  # type: ignore[import-untyped]

from streamwatch.core.errors import RuleError, StreamWatchError
from streamwatch.model.labels import Labels
from streamwatch.promql.relabel import expanded
from streamwatch.promql.series import Vector
from streamwatch.rules import humanize

_PRELUDE: Final = (
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
)


def _sample(element: tuple[Labels, float]) -> dict[str, object]:
    labels, value = element
    return {"Labels": gotpl.TypedMap(dict(labels), ""), "Value": value}


def _first(samples: Sequence[Any]) -> Any:  # noqa: ANN401 - a sample
    if not samples:
        raise ValueError("first() called on vector with no elements")
    return samples[0]


def _replace_all(pattern: str, replacement: str, text: str) -> str:
    return str(re2.compile(pattern).sub(lambda match: expanded(replacement, match), text))


def _port_less(text: str) -> str:
    host, colon, _ = text.rpartition(":")
    return host.strip("[]") if colon and (":" not in host or host.startswith("[")) else text


def _domain_less(text: str) -> str:
    port_less = _port_less(text)
    port = text[len(port_less) :] if text.startswith(port_less) else ""
    if re.fullmatch(r"[0-9.]+|.*:.*", port_less):
        return text
    return port_less.partition(".")[0] + port


def _graph(expression: str, tab: int) -> str:
    return f"/graph?g0.expr={quote_plus(expression)}&g0.tab={tab}"


_FUNCTIONS: Final[Mapping[str, Callable[..., object]]] = {
    "query": lambda _: [],  # another for each evaluation
    "first": _first,
    "label": lambda name, sample: sample["Labels"].get(name, ""),
    "value": lambda sample: sample["Value"],
    "strvalue": lambda sample: sample["Labels"].get("__value__", ""),
    "args": lambda *given: {f"arg{at}": one for at, one in enumerate(given)},
    "sortByLabel": lambda name, samples: sorted(samples, key=lambda one: one["Labels"].get(name, "")),
    "reReplaceAll": _replace_all,
    "match": lambda pattern, text: re2.search(pattern, text) is not None,
    "title": lambda text: re.sub(r"(^|[^\w'])(\w)", lambda found: found[1] + found[2].upper(), text),
    "toUpper": str.upper,
    "toLower": str.lower,
    "safeHtml": lambda text: text,
    "graphLink": lambda expression: _graph(expression, 0),
    "tableLink": lambda expression: _graph(expression, 1),
    "stripPort": _port_less,
    "stripDomain": _domain_less,
    "humanize": humanize.humanize,
    "humanize1024": humanize.humanize1024,
    "humanizeDuration": humanize.humanize_duration,
    "humanizePercentage": humanize.humanize_percentage,
    "humanizeTimestamp": humanize.humanize_timestamp,
    "parseDuration": humanize.seconds,
    "urlQueryEscape": quote_plus,
    "pathPrefix": lambda: "",
    "externalURL": lambda: "",
}
_UNSUPPORTED: Final = re.compile(r"\b(toTime|toDuration|now|tmpl)\b")


class GoTemplate:
    """A template that was read; rendered as often as wanted."""

    def __init__(self, text: str, most_characters: int) -> None:
        """Read it.

        Args:
            text: the template.
            most_characters: of a text that it makes.

        Raises:
            RuleError: it is none, or uses what is not known here.

        """
        self._queries = re.search(r"\bquery\b", text) is not None
        budget = gotpl.ExecutionBudget(
            max_output_chars=most_characters, max_iterations=10_000, max_function_calls=10_000
        )
        try:
            self._template = gotpl.Template(
                _PRELUDE + text, name="__alert", functions=_FUNCTIONS, missing_key="zero", budget=budget
            )
        except gotpl.TemplateError as error:
            why = str(error)
            if (unsupported := _UNSUPPORTED.search(text)) is not None and "not defined" in why:
                why = f"{unsupported[1]}: a function that StreamWatch does not know"
            raise RuleError([f"not a template: {why}"]) from error

    def render(
        self, labels: Labels, value: float, query: Callable[[str], Vector], external: Mapping[str, str] | None = None
    ) -> str:
        """Return the text; what goes wrong becomes the text, as in Prometheus.

        Args:
            labels: of the alert's result.
            value: its value.
            query: evaluates an expression at the time of the alert.
            external: labels of the agent itself.

        """
        template = self._template
        if self._queries:
            template = template.with_functions({"query": lambda text: [_sample(one) for one in query(text)]})
        data = {
            "Labels": gotpl.TypedMap(dict(labels), ""),
            "ExternalLabels": gotpl.TypedMap(dict(external or {}), ""),
            "ExternalURL": "",
            "Value": value,
        }
        try:
            return template.render(data)
        except (gotpl.TemplateError, StreamWatchError) as error:
            return f"<error expanding template: {error}>"
