"""Templates, and what Prometheus 3.5 makes of them (asked of promtool by tests/real/test_rules.py)."""

from streamwatch.model.labels import Labels

LABELS = Labels({"__name__": "x", "instance": "host-1.example.com:9092", "job": "kafka", "topic": "orders"})
VALUE = 1234567.5

TEMPLATES = {
    "plain": "plain",
    "{{ $labels.instance }} of {{ .Labels.job }}": "host-1.example.com:9092 of kafka",
    "[{{ $labels.missing }}]": "[]",
    "{{ $value }}": "1.2345675e+06",
    '{{ $value | printf "%.2f" }} {{ printf "%s-%d" "a" 3 }}': "1234567.50 a-3",
    "{{ $value | humanize }} {{ humanize 0.0123 }} {{ humanize 0 }} {{ humanize 999999 }}": "1.235M 12.3m 0 1000k",
    "{{ $value | humanize1024 }} {{ humanize1024 1 }}": "1.177Mi 1",
    "{{ humanizePercentage 0.12345 }}": "12.35%",
    "{{ humanizeDuration 0.0123 }} {{ humanizeDuration 61.5 }}": "12.3ms 1m 1s",
    "{{ humanizeDuration 93784 }} {{ humanizeDuration 12.345 }}": "1d 2h 3m 4s 12.35s",
    "{{ humanizeDuration 0 }} {{ humanizeDuration -3700 }}": "0s -1h 1m 40s",
    "{{ humanizeTimestamp 1435065584.128 }}": "2015-06-23 13:19:44.128 +0000 UTC",
    '{{ toUpper $labels.job }} {{ toLower "ABC" }} {{ title "some words" }}': "KAFKA abc Some Words",
    '{{ if match "^ka" $labels.job }}yes{{ else }}no{{ end }}': "yes",
    '{{ reReplaceAll "(o)(r)" "$2$1" $labels.topic }}': "roders",
    "{{ stripPort $labels.instance }} {{ stripDomain $labels.instance }}": "host-1.example.com host-1:9092",
    "{{ if gt $value 100.0 }}large{{ end }}": "large",
    '{{ parseDuration "1h30m" }}': "5400",
    "{{ $labels }}": "map[__name__:x instance:host-1.example.com:9092 job:kafka topic:orders]",
    "{{ with $labels.topic }}<{{ . }}>{{ end }}": "<orders>",
    '{{ len $labels.topic }} {{ index $labels "job" }}': "6 kafka",
    '{{ define "x" }}in {{ . }}{{ end }}{{ template "x" $labels.job }}': "in kafka",
    '{{ $labels.topic | urlquery }} {{ "a b" | js }}': "orders a b",
}  # fmt: skip
