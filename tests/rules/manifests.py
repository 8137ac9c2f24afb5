"""Rule files as Prometheus's operator takes them, good and bad, in the forms that people have."""

import json
from typing import Final

HEAD: Final = """\
# Made by somebody.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  labels: {role: alert-rules, app: shop, number: "1"}
  name: one
  namespace: monitoring
spec:
"""


def wrapped(plain: str) -> str:
    """Return a file of Prometheus's as a manifest."""
    return HEAD + "".join(f"  {line}".rstrip() + "\n" for line in plain.lstrip("\n").splitlines())


def groups(*names: str) -> str:
    """Return groups of a rule each, as a file of Prometheus's."""
    return "groups:\n" + "".join(
        f"- name: {name}\n  rules:\n  - alert: A\n    expr: up == 0\n    for: 5m\n"
        "    labels: {severity: warning}\n    annotations:\n      summary: 'Down: {{ $labels.job }}'\n"
        for name in names
    )


def item(text: str) -> str:
    """Return a manifest as an item of a list."""
    first, *rest = text.splitlines()
    return "\n".join([f"- {first}", *(f"  {line}".rstrip() for line in rest), ""])


ONE: Final = wrapped(groups("a"))
TWO: Final = ONE.replace("name: one", "name: two")
LIST: Final = "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}\nitems:\n"
OTHER: Final = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"
MONITOR: Final = "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nspec: {endpoints: []}\n"
BARE: Final = ONE.partition("\n")[2]
"""Without the comment that it begins with."""
FULL: Final = """\
groups:
- name: a
  interval: 1m0s
  limit: 5
  query_offset: 30s
  labels: {team: shop}
  partial_response_strategy: warn
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - alert: Always
    expr: 1
    for: "0"
    keep_firing_for: 5m
"""
_TWO: Final = [("x.yml#monitoring.one", "a"), ("x.yml#monitoring.two", "a")]
_OBJECT: Final = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PrometheusRule",
    "metadata": {"name": "one"},
    "spec": {"groups": [{"name": "a", "rules": [{"record": "b", "expr": "up"}]}]},
}
_NAMED: Final = "  name: one\n  namespace: monitoring\n"

GOOD: Final[dict[str, tuple[str, list[tuple[str, str]]]]] = {
    "one": (wrapped(groups("a", "b")), [("x.yml", "a"), ("x.yml", "b")]),
    "every field": (wrapped(FULL) + "status: {bindings: []}\n", [("x.yml", "a")]),
    "after a line": ("---\n" + ONE, [("x.yml", "a")]),
    "many documents": (ONE + "---\n" + TWO, _TWO),
    "empty documents between": ("---\n" + ONE + "---\n---\n" + TWO + "---\n", _TWO),
    "with other objects": (OTHER + "---\n" + ONE + "---\n" + MONITOR, [("x.yml", "a")]),
    "a list": (LIST + item(BARE) + item(BARE.replace("name: one", "name: two")), _TWO),
    "a list of their own": (
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRuleList\nitems:\n" + item(BARE),
        [("x.yml", "a")],
    ),
    "a list and a document": (LIST + item(BARE) + "---\n" + TWO, _TWO),
    "a list with other objects": (LIST + item(OTHER) + item(BARE), [("x.yml", "a")]),
    "one name twice": (ONE + "---\n" + ONE, [_TWO[0], ("x.yml#monitoring.one.1", "a")]),
    "no names": (
        ONE.replace(_NAMED, "") + "---\n" + ONE.replace(_NAMED, ""),
        [("x.yml#0", "a"), ("x.yml#1", "a")],
    ),
    "JSON": (json.dumps(_OBJECT, indent=1), [("x.yml", "a")]),
    "no groups": (HEAD + "  groups: []\n", []),
    "nothing in it": (HEAD.replace("spec:", "spec: {}"), []),
}
"""By what is special about it: a text, and the files and names of its groups."""

BAD: Final[dict[str, tuple[str, str]]] = {
    "an expression": (ONE.replace("up == 0", "up == "), "13: group 'a', rule 'A': expr: "),
    "in the second": (ONE + "---\n" + ONE.replace("up == 0", ")"), "31: group 'a', rule 'A': expr: "),
    "in a list": (LIST + item(BARE.replace("up == 0", ")")), "16: group 'a', rule 'A': expr: "),
    "a field of a rule": (ONE.replace("for:", "fro:"), "14: group 'a', rule 'A': unknown key 'fro'"),
    "a field of the manifest": (ONE + "specs: 1\n", "18: unknown key 'specs': did you mean 'spec'?"),
    "a field of its spec": (ONE.replace("groups", "group"), "9: spec: unknown key 'group': did you mean 'groups'?"),
    "no spec": (HEAD, "2: 'spec' is missing"),
    "another version": (
        ONE.replace("/v1", "/v2"),
        "2: kind 'PrometheusRule' of 'monitoring.coreos.com/v2' is",
    ),
    "another kind": (ONE.replace("PrometheusRule", "VMRule"), "2: kind 'VMRule' of"),
    "a kind misspelt": (ONE.replace("PrometheusRule", "PrometheusRules"), "2: kind 'PrometheusRules' of"),
    "no kind": (ONE.replace("kind: PrometheusRule\n", ""), "2: kind '' of 'monitoring.coreos.com/v1' is not read"),
    "no version": (ONE.replace("apiVersion: monitoring.coreos.com/v1\n", ""), "2: kind 'PrometheusRule' of '' is"),
    "only others": (OTHER + "---\n" + MONITOR, "1: there is no PrometheusRule in it"),
    "an empty list": (LIST.replace("items:", "items: []"), "1: there is no PrometheusRule in it"),
    "a list in a list": (LIST + item(LIST + item(BARE)), "5: a list in a list"),
    "a plain file after it": (ONE + "---\n" + groups("b"), "19: kind '' of '' is not read"),
    "a plain file before it": (groups("b") + "---\n" + ONE, "1: kind '' of '' is not read"),
    "one group twice": (wrapped(groups("a", "a")), "18: a second group 'a' in this file"),
    "a text for items": (LIST.replace("items:", "items: x"), "4: items: 'x' is not a list"),
}
"""By what is wrong with it: a text, and the mistake's line and words."""
