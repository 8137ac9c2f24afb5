"""The templates that Alertmanager's configurations name without defining them: written anew, from its documentation."""

from typing import Final

_TEXTS: Final = """
{{- define "__alertmanager" }}StreamWatch{{ end -}}
{{- define "__alertmanagerURL" }}{{ .ExternalURL }}/{{ end -}}
{{- define "__description" }}{{ end -}}
{{- define "__subject" }}[{{ toUpper .Status }}{{ if eq .Status "firing" }}:{{ len .Alerts.Firing }}{{ end }}]
{{- " " }}{{ join " " .GroupLabels.Values }}{{ " " }}
{{- if lt (len .GroupLabels) (len .CommonLabels) }}(
{{- with .CommonLabels.Remove .GroupLabels.Names }}{{ join " " .Values }}{{ end }}){{ end }}{{ end -}}
{{- define "slack.default.fallback" }}{{ template "__subject" . }} | {{ template "__alertmanagerURL" . }}{{ end -}}
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
"""
_NAMED: Final = {
    "__subject": (
        "slack.default.title", "pagerduty.default.description", "email.default.subject", "sns.default.subject",
        "msteams.default.summary", "msteams.default.title", "msteamsv2.default.title", "discord.default.title",
        "opsgenie.default.message", "pushover.default.title", "victorops.default.entity_display_name",
        "mattermost.default.title", "rocketchat.default.title", "incidentio.default.title", "jira.default.summary",
    ),
    "__text_both": (
        "sns.default.message", "msteams.default.text", "msteamsv2.default.text", "discord.default.message",
        "email.default.html", "opsgenie.default.description", "pushover.default.message", "telegram.default.message",
        "victorops.default.state_message", "webex.default.message", "wechat.default.message",
        "mattermost.default.text", "jira.default.description",
    ),
    "__text_alert_list": ("pagerduty.default.instances", "__text_alert_list_markdown"),
    "__alertmanager": ("slack.default.username", "pagerduty.default.client", "victorops.default.monitoring_tool"),
    "__alertmanagerURL": ("slack.default.titlelink", "pagerduty.default.clientURL", "pushover.default.url"),
    "__description": (
        "slack.default.text", "slack.default.pretext", "slack.default.callbackid", "slack.default.color",
        "slack.default.iconemoji", "slack.default.iconurl", "slack.default.footer",
    ),
}  # fmt: skip
"""What Alertmanager's configurations name without defining it, and which of ours each is."""
DEFAULTS: Final = _TEXTS.rstrip() + "".join(
    f'{{{{- define "{name}" }}}}{{{{ template "{ours}" . }}}}{{{{ end -}}}}'
    for ours, names in _NAMED.items()
    for name in names
)
