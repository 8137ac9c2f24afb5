"""Templates, as Prometheus renders them; tests/real/test_rules.py asks promtool the same."""

import pytest

from streamwatch.core.errors import EvaluationError
from streamwatch.model.labels import Labels
from streamwatch.promql.series import Vector
from streamwatch.rules.template import Template
from tests.rules.templates import LABELS, TEMPLATES, VALUE


def query(text: str) -> Vector:
    if text == "broken":
        raise EvaluationError("no such thing")
    return [(Labels({"__name__": "up", "job": "b"}), 1.0), (Labels({"__name__": "up", "job": "a"}), 0.0)]


@pytest.mark.parametrize(("text", "shown"), TEMPLATES.items())
def test_a_template_is_rendered(text: str, shown: str) -> None:
    assert Template(text).render(LABELS, VALUE, query) == shown


def test_a_query_is_evaluated() -> None:
    text = '{{ with query "up" }}{{ . | first | label "job" }}={{ . | first | value }}{{ end }}'
    assert Template(text).render(LABELS, VALUE, query) == "b=1"
    text = '{{ range query "up" | sortByLabel "job" }}{{ .Labels.job }}:{{ .Value }} {{ end }}'
    assert Template(text).render(LABELS, VALUE, query) == "a:0 b:1 "


@pytest.mark.parametrize("text", ['{{ query "broken" }}', "{{ humanize .Labels }}", "{{ index .Labels 1 2 3 }}"])
def test_what_goes_wrong_becomes_the_text(text: str) -> None:
    assert Template(text).render(LABELS, VALUE, query).startswith("<error expanding template: ")


def test_a_template_without_end_is_bounded() -> None:
    text = '{{ range query "up" }}' * 15 + "xxxxxxxxxx" + "{{ end }}" * 15
    assert "<error expanding template" in Template(text).render(LABELS, VALUE, query)
