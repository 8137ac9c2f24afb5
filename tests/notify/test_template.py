"""Templates as Alertmanager documents them: its data, its functions, its default messages; and escaping of our own."""

import pytest

from streamwatch.model.notification import Notification
from streamwatch.notify.channels.slack import escaped
from streamwatch.notify.fit import TooLong
from streamwatch.notify.go_template import NotificationGoTemplate
from tests.notify.alerts import alert, notification, resolved

MORE = {
    "Receiver": "chat",
    "ExternalURL": "http://agent:9308",
    "GeneratorURL": "http://agent:9308/api/v1/rules",
    "Runbook": "https://wiki.example.com/Down.md",
    "Dashboard": "",
}
FIRING = notification(alert(broker="1"), alert(broker="2"))
BOTH = notification(alert(broker="1"), alert(state="inactive", broker="2"))
HOSTILE = notification(alert(topic="<!channel> a&b", broker="1"))


def shown(text: str, told: Notification = FIRING, *, escape: bool = False) -> str:
    return NotificationGoTemplate(text, escaped if escape else None).render(told, MORE)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{ .Receiver }} {{ .Status }} {{ .ExternalURL }}", "chat firing http://agent:9308"),
        ("{{ .Alerts.Firing | len }} {{ .Alerts.Resolved | len }} {{ len .Alerts }}", "1 1 2"),
        ("{{ range .Alerts.Resolved }}{{ .Status }} {{ .Labels.broker }}{{ end }}", "resolved 2"),
        ("{{ if .Alerts.Firing }}yes{{ end }}", "yes"),
        (
            "{{ range .GroupLabels.SortedPairs }}{{ .Name }}={{ .Value }};{{ end }}",
            "alertname=Down;kafka_cluster=shop;",
        ),
        ('{{ .GroupLabels.SortedPairs.Values | join " " }}', "Down shop"),
        ('{{ .CommonLabels.Names | join "," }}', "alertname,kafka_cluster,severity"),
        ('{{ (.CommonLabels.Remove .GroupLabels.Names).Values | join " " }}', "critical"),
        ('{{ (.CommonLabels.Remove (stringSlice "severity" "alertname")).SortedPairs.Names }}', "[kafka_cluster]"),
        ("{{ with .CommonLabels.Remove .CommonLabels.Names }}some{{ else }}none{{ end }}", "none"),
        ("[{{ .CommonLabels.nothing }}]", "[]"),
        ('[{{ index .CommonLabels "nothing" }}{{ index .CommonLabels "severity" }}]', "[critical]"),
        ("{{ (index .Alerts 0).Fingerprint }}", alert(broker="1").fingerprint),
        ("{{ (index .Alerts 0).GeneratorURL }}", "http://agent:9308/api/v1/rules"),
        ("{{ (index .Alerts 0).StartsAt }}", "1970-01-01 00:16:40 +0000 UTC"),
        ('{{ (index .Alerts 0).StartsAt.Format "2006-01-02T15:04:05Z07:00" }}', "1970-01-01T00:16:40Z"),
        ("{{ (index .Alerts 0).EndsAt.IsZero }} {{ (index .Alerts 1).EndsAt.Unix }}", "true 1060"),
        ("{{ with index .Alerts 1 }}{{ .EndsAt.Sub .StartsAt }}{{ end }}", "1m0s"),
        ('{{ (index .Alerts 0).StartsAt | tz "Europe/Paris" | date "Jan 2 15:04 MST" }}', "Jan 1 01:16 CET"),
        ("{{ since (index .Alerts 0).StartsAt | humanizeDuration }}", "10s"),
        ("{{ since (index .Alerts 0).StartsAt }} {{ humanizeDuration 3661.0 }}", "10s 1h 1m 1s"),
        (
            '{{ title "the QUICK fox" }} {{ "a" | toUpper }} {{ "A" | toLower }} [{{ trimSpace " a\t" }}]',
            "The Quick Fox A a [a]",
        ),
        ('{{ match "^sh" .CommonLabels.kafka_cluster }} {{ match "^h" "sh" }}', "true false"),
        ('{{ reReplaceAll "(.)op" "[$1]${1}" .CommonLabels.kafka_cluster }}', "s[h]h"),
        ('{{ "<b>" | safeHtml }} {{ "http://x?a=b" | safeUrl }}', "<b> http://x?a=b"),
        ('{{ urlUnescape "a%20b%2Fc" }} {{ "a b/c" | urlquery }}', "a b/c a+b%2Fc"),
        ("{{ .GroupLabels | toJson }}", '{"alertname": "Down", "kafka_cluster": "shop"}'),
        ('{{ toJson (stringSlice "a" "b") }} {{ len (list 1 2 3) }}', '["a", "b"] 3'),
        ('{{ (dict "a" 1).a }} {{ append (list "a") "b" | join "," }}', "1 a,b"),
        ('{{ define "own" }}<{{ .Status }}>{{ end }}{{ template "own" . }}', "<firing>"),
        ('{{ printf "%s-%d" .Status (len .Alerts) }}', "firing-2"),
        (
            "{{ .GroupLabels }}; {{- .GroupLabels.SortedPairs -}}",
            "alertname=Down, kafka_cluster=shop;alertname=Down, kafka_cluster=shop",
        ),
        (
            '{{ printf "%s %v" .GroupLabels .GroupLabels.Names }}',
            "alertname=Down, kafka_cluster=shop [alertname kafka_cluster]",
        ),
        ("{{ print .GroupLabels 1 2 .Status }}", "alertname=Down, kafka_cluster=shop1 2firing"),
        ("{{ println .GroupLabels true }}", "alertname=Down, kafka_cluster=shop true\n"),
        ("{{ .GroupLabels.String }}", "alertname=Down, kafka_cluster=shop"),
        ("{{ range .GroupLabels.SortedPairs }}{{ . }}{{ end }}", "{alertname Down}{kafka_cluster shop}"),
        ('{{ $x := .Status }}{{ $x = "}}" }}{{ $x }}{{ `{{ x }}` }}{{/* {{ don\'t */}}', "}}{{ x }}"),
        ('{{ len "é" }} {{ slice .Status 1 3 }} {{ len (slice .Alerts 1) }}', "2 ir 1"),
        ("[{{ .Incident }}]", "[]"),
        ('{{ if (dict "a" 1).b }}yes{{ else }}no{{ end }}', "no"),
    ],
)
def test_data_and_functions(text: str, wanted: str) -> None:
    assert shown(text, BOTH) == wanted


def test_its_default_messages() -> None:
    title = '{{ template "slack.default.title" . }}'
    assert shown(title) == "[FIRING:2] Down shop (critical)"
    assert shown(title, resolved()) == "[RESOLVED] Down shop (1 critical)"
    written_out = (
        '[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ .Alerts.Firing | len }}{{ end }}] '
        '{{ .GroupLabels.SortedPairs.Values | join " " }} {{ if gt (len .CommonLabels) (len .GroupLabels) }}'
        '({{ with .CommonLabels.Remove .GroupLabels.Names }}{{ .Values | join " " }}{{ end }}){{ end }}'
    )
    for told in (FIRING, BOTH, HOSTILE, resolved()):
        assert shown(written_out, told) == shown(title, told)
    text = shown('{{ template "sns.default.message" . }}', BOTH)
    firing, _, over = text.partition("Alerts Resolved:")
    assert "Alerts Firing:\nLabels:\n - alertname = Down\n - broker = 1\n" in firing
    assert "Annotations:\n - runbook_url = /runbooks/Down\n - summary = Down of 1\nSource: http://agent" in firing
    assert " - broker = 2\n" in over
    assert shown('{{ template "telegram.default.message" . }}', BOTH) == text
    assert shown('[{{ template "slack.default.pretext" . }}]') == "[]"
    for name in ("email.default.subject", "pagerduty.default.description", "msteamsv2.default.title"):
        assert shown(f'{{{{ template "{name}" . }}}}') == "[FIRING:2] Down shop (critical)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ .Nope }}", "can't evaluate field Nope in the data: there are .Receiver"),
        ("{{ .Alerts.Frring }}", "there are .Firing and .Resolved"),
        ("{{ range .Alerts }}{{ .StartAt }}{{ end }}", "can't evaluate field StartAt in an alert"),
        ('{{ template "slack.default.nope" . }}', "is not defined"),
        ('{{ tz "Mars" (index .Alerts 0).StartsAt }}', "unknown time zone Mars"),
        ('{{ match "(" "x" }}', "not a regular expression"),
        ("{{ (index .Alerts 9).Status }}", "index out of range"),
        ("{{ .Status.Nope }}", "Nope"),
        ("{{ .CommonLabels.nothing.Nope }}", "Nope"),
        ("{{ .Alerts.Firing.Nope }}", "Nope"),
        ("{{ (index .Alerts 0).EndsAt.Nope }}", "Nope"),
        ("{{ slice .Status 1 99 }}", "out of range"),
        ('{{ printf "%900000000d" 1 }}', "there is no end to it"),
        ('{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}', "template depth"),
    ],
)
def test_what_there_is_not_is_an_error(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".*") as caught:
        shown(text)
    assert said in str(caught.value)


def test_there_is_an_end_to_what_is_printed() -> None:
    doubled = '{{ $x = printf "%s%s" $x $x }}' * 40
    with pytest.raises(ValueError, match="there is no end to it"):
        shown('{{ $x := "x" }}' + doubled)


def test_there_is_an_end_to_every_template() -> None:
    with pytest.raises(TooLong):
        shown("{{ range .Alerts }}{{ range $.Alerts }}" + "x" * 200_000 + "{{ end }}{{ end }}")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "<!here> <https://wiki.example.com/x|{{ .CommonLabels.alertname }}>",
            "<!here> <https://wiki.example.com/x|Down>",
        ),
        ("{{ .CommonLabels.topic }}", "&lt;!channel&gt; a&amp;b"),
        (
            '{{ printf "<%s|%s>" .Runbook .CommonLabels.topic }}',
            "<https://wiki.example.com/Down.md|&lt;!channel&gt; a&amp;b>",
        ),
        ("{{ .CommonLabels.topic | toUpper }}", "&lt;!CHANNEL&gt; A&amp;B"),
        ('{{ eq .CommonLabels.topic "<!channel> a&b" }} {{ match "a&b" .CommonLabels.topic }}', "true true"),
        ("{{ .CommonLabels.topic | urlquery }}", "%3C%21channel%3E+a%26b"),
        ("{{ .GroupLabels | toJson }}", '{"alertname": "Down", "kafka_cluster": "shop"}'),
        ("{{ slice .CommonLabels.topic 0 3 }} {{ len .CommonLabels.topic }}", "&lt;!c 14"),
        ('{{ reReplaceAll "[<>]" "" .CommonLabels.topic }}', "!channel a&amp;b"),
        ('{{ reReplaceAll "(a&b)" "<http://x/|$1>" .CommonLabels.topic }}', "&lt;!channel&gt; <http://x/|a&amp;b>"),
        ('{{ reReplaceAll "&lt;" "<" .CommonLabels.topic }}', "&lt;!channel&gt; a&amp;b"),
        (
            "{{ .CommonLabels.Remove .GroupLabels.Names }}",
            "broker=1, severity=critical, topic=&lt;!channel&gt; a&amp;b",
        ),
        (
            '{{ range .CommonLabels.SortedPairs }}{{ if eq .Name "topic" }}{{ .Value }}{{ end }}{{ end }}',
            "&lt;!channel&gt; a&amp;b",
        ),
        (
            "{{ range .CommonAnnotations }}{{ . }}{{ end }}{{ .CommonLabels.topic | safeHtml }}",
            "/runbooks/DownDown of 1&lt;!channel&gt; a&amp;b",
        ),
    ],
)
def test_only_what_comes_from_alerts_is_escaped(text: str, wanted: str) -> None:
    assert shown(text, HOSTILE, escape=True) == wanted
