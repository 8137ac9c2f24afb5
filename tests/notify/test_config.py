"""Mistakes in what is told to whom are told at once, with their place, and without a secret."""

import re
from pathlib import Path

import pytest

from streamwatch.agent.config import parse
from streamwatch.cli.check_config import check
from streamwatch.core.errors import ConfigError
from streamwatch.notify.config import Config
from streamwatch.settings.reader import read_settings

KAFKA = "kafka: [{name: shop, bootstrap: ['h:9092']}]\n"
SECRET = "s3cr3t"
INTERVAL = "{{name: n, time_intervals: [{{{}}}]}}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{pagerduty: [{name: p}]}", "notify.pagerduty[0]: 'routing_key' is missing"),
        ("{slack: [{name: s, url: 's3cr3t'}]}", "notify.slack[0].url: this is no address: write 'https://host/path'"),
        ("{slack: [{name: s, url: 'http://h:99999/s3cr3t'}]}", "notify.slack[0].url: this is no address"),
        ("{slack: [{name: s, url: 'https://h', title: '{{ .A'}]}", "notify.slack[0].title: not a template"),
        ("{log: [{name: a}, {name: a}]}", "notify: more than one channel is called 'a'"),
        ("{log: [{name: a}], routes: [{channels: [b]}]}", "notify.routes[0].channels: no channel is called 'b'"),
        ("{fallback: [b]}", "notify.fallback: no channel is called 'b': there are 'log'"),
        ("{routes: [{matchers: ['severity'], channels: []}]}", "routes[0].matchers: 'severity' is no condition"),
        ("{routes: [{matchers: ['a=~\"(\"'], channels: []}]}", "not a regular expression"),
        (
            "{mute_time_intervals: [{cron: '0 22 * * fri', duration: 1h}]}",
            "notify: 'mute_time_intervals' is no key any more: routes have it now, as in Alertmanager: name the times",
        ),
        (
            "{mute_time_intervals: [{name: n, time_intervals: [{weekdays: [saturday]}]}]}",
            "notify: 'mute_time_intervals' is called 'time_intervals' now: rename it",
        ),
        (
            "{routes: [{match: {severity: warning, team: x}, channels: []}]}",
            "'match' is called 'matchers' now: write ['severity=\"warning\"', 'team=\"x\"']",
        ),
        ("{routes: [{match_re: {severity: a|b}, channels: []}]}", "'match_re' is no key any more: its conditions are"),
        (
            f"{{time_intervals: [{INTERVAL.format('weekdays: saturday')}]}}",
            "notify.time_intervals[0].time_intervals[0].weekdays: 'saturday' is not a list",
        ),
        ("{mutes: []}", "notify: 'mutes' is no key any more: routes have it now"),
        (
            f"{{time_intervals: [{INTERVAL.format('times: []')}]}}",
            "times: an empty list holds at no time: leave it out",
        ),
        (f"{{time_intervals: [{INTERVAL.format('location: Here/There')}]}}", "'Here/There' is no time zone: write one"),
        (
            f"{{time_intervals: [{INTERVAL.format('times: [{start_time: 22:00, end_time: 06:00}]')}]}}",
            "notify.time_intervals[0].time_intervals[0].times[0].end_time: it is not after start_time: over midnight",
        ),
        (f"{{time_intervals: [{INTERVAL.format('times: [{start_time: 7:00}]')}]}}", "times[0]: 'end_time' is missing"),
        (
            f"{{time_intervals: [{INTERVAL.format('weekdays: [saturday:sunday]')}]}}",
            "time_intervals[0].weekdays[0]: 'saturday:sunday' ends before it begins: a week begins on sunday",
        ),
        (
            "{time_intervals: [{name: n, time_intervals: []}]}",
            "time_intervals[0].time_intervals: at least one is wanted",
        ),
        (
            f"{{time_intervals: [{INTERVAL.format('')}, {INTERVAL.format('')}]}}",
            "notify.time_intervals: more than one is called 'n'",
        ),
        (
            f"{{time_intervals: [{INTERVAL.format('')}], routes: [{{channels: [], active_time_intervals: [m]}}]}}",
            "notify.routes[0].active_time_intervals: no time interval is called 'm': there are 'n'",
        ),
        ("{routes: [{channels: [], mute_time_intervals: [m]}]}", "called 'm': there are none is configured"),
        ("{sns: [{name: n, topic_arn: topic}]}", "notify.sns[0].topic_arn: 'topic' is no topic"),
        ("{command: [{name: c, run: []}]}", "notify.command[0].run: a command is wanted"),
        ("{alertmanager: [{name: a, urls: []}]}", "notify.alertmanager[0].urls: at least one is wanted"),
        ("{mail: [{name: m, smarthost: 'h:25', from: me, to: [a@b]}]}", "notify.mail[0].from: an address is wanted"),
        ("{inhibit_rules: [{source_matchers: ['a=b'], target_matchers: ['x']}]}", "target_matchers: 'x' is no"),
        ("{http: {proxy: 's3cr3t'}}", "notify.http.proxy: this is no address"),
        ("{heartbeat: {url: 's3cr3t'}}", "notify.heartbeat.url: this is no address"),
        ("{links: {dashboard: 'd/kafka'}}", "notify.links.dashboard: this is no address"),
        ("{links: {runbooks: wiki.example.com}}", "notify.links.runbooks: this is no address"),
        *(
            (f"{{mail: [{{name: m, smarthost: 'h:25', from: a@b, to: ['{to}']}}]}}", "notify.mail[0].to: an address is")
            for to in ("a@b,c@d", "a@b;c@d", "Me <a@b>", "a@b@c", "@b", "a@", "a b@c")
        ),
    ],
)
def test_a_mistake_is_told(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"{KAFKA}notify: {text}\n", "file.yaml", Path())
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
    assert str(caught.value).startswith("file.yaml:2: ")


MANY = """
kafka: [{name: shop, bootstrap: ['h:9092'], interval: soon}]
rules: {pack: false, files: [none.yml, broken.yml]}
notify:
  slack:
    - {name: chat, url: 'no address', title: '{{ .A', text: '{{ range'}
    - {name: once, url: 'https://h/x', text: '{{ if eq .Status "firing" }}{{ .CommonLabels.alertname }}{{ end }}'}
    - {name: odd, url: 'https://h/x', title: '{{ .Alerts.Frring }}', text: '{{ index (dict "a" 1) "a" }} {{ .Nope }}'}
  routes:
    - {channels: [pagr]}
    - {matchers: ['severity'], channels: [chat]}
  apprise:
    - {name: other, url: 'json://h/x', text: '{{ if eq .Status "firing" }}x{{ end }}'}
  heartbeat: {url: nope, interval: 0s}
  links: {dashboard: nope}
  http: {proxy: nope, timeout: 1000s}
  time_intervals:
    - {name: n, time_intervals: [{weekdays: [fri], location: Here/There}]}
remote_write:
  - {name: a, url: nope, interval: soon, username: me, external_labels: {'=': b}, headers: {'no ne': x}}
log: {level: loud}
"""


def test_no_mistake_hides_another(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text(MANY)
    (tmp_path / "broken.yml").write_text("groups: [{name: g, rules: [{alert: A, expr: 'up ='}]}]")
    with pytest.raises(ConfigError) as caught:
        check(file)
    told = "\n".join(caught.value.mistakes)
    for line, part in (
        (2, "kafka[0].interval: 'soon'"),
        (6, "notify.slack[0].url: this is no address"),
        (6, "notify.slack[0].title: not a template"),
        (6, "notify.slack[0].text: not a template"),
        (7, "notify.slack[1].text: nothing is to be seen for an alert that is over"),
        (8, "notify.slack[2].title: the template fails for an alert that fires: can't evaluate field Frring"),
        (8, "notify.slack[2].text: the template fails for an alert that is over: can't evaluate field Nope"),
        (10, "notify.routes[0].channels: no channel is called 'pagr'"),
        (11, "notify.routes[1].matchers: 'severity' is no condition"),
        (13, "notify.apprise[0].text: nothing is to be seen for an alert that is over"),
        (14, "notify.heartbeat.url: this is no address"),
        (14, "notify.heartbeat.interval: '0s' is too little"),
        (15, "notify.links.dashboard: this is no address"),
        (16, "notify.http.proxy: this is no address"),
        (16, "notify.http.timeout: '1000s' is too much"),
        (18, "notify.time_intervals[0].time_intervals[0].weekdays[0]: 'fri' is no weekday: write one like 'monday'"),
        (18, "notify.time_intervals[0].time_intervals[0].location: 'Here/There' is no time zone"),
        (20, "remote_write[0].url: this is no address"),
        (20, "remote_write[0].interval: 'soon'"),
        (20, "remote_write[0].username: a name and a password belong together"),
        (20, "remote_write[0].external_labels: '=' is no name of a label"),
        (20, "remote_write[0].headers: a name has other characters"),
        (21, "log.level: 'loud' is not allowed"),
    ):
        assert f"agent.yaml:{line}: {part}" in told
    assert "none.yml: cannot be read" in told
    assert "broken.yml" in told


@pytest.mark.parametrize(
    "text",
    [
        '{{ template "slack.default.title" . }}',
        "{{ range .Alerts }}{{ .Annotations.impact }}{{ end }}",
        "{{ .CommonLabels.team }}",
        '{{ if eq .CommonLabels.severity "page" }}wake up{{ end }}',
    ],
)
def test_a_template_that_works_is_fine(text: str, tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text(
        "kafka: [{name: shop, bootstrap: ['h:9092']}]\nrules: {pack: false, files: [own.yml]}\n"
        f"notify: {{slack: [{{name: chat, url: 'https://h/x', title: '{text}'}}]}}\n"
    )
    (tmp_path / "own.yml").write_text(
        "groups: [{name: g, rules: [{alert: A, expr: up == 0, labels: {team: t}, annotations: {impact: much}}]}]"
    )
    assert [rule.name for group in check(file).groups for rule in group.rules] == ["A"]


def test_a_key_of_older_files_is_refused_and_the_message_names_the_new_one() -> None:
    text = """\
repeat: 1h
routes: [{match: ['a=b'], channels: [], go_on: true, repeat: 1m}]
inhibit: []

alertmanager: [{name: a, urls: ['http://h'], resend: 1m}]
mail: [{name: m, server: 'h:25', sender: a@b, to: [a@b]}]
"""
    with pytest.raises(ConfigError) as caught:
        read_settings(Config, text, "x.yml", Path())

    assert [re.sub(r"^x.yml:(\d).*'(\w+)' is called '(\w+)' now: rename it$", r"\1 \2 \3", mistake) for mistake in
            caught.value.mistakes] == [
        "1 repeat repeat_interval",
        "2 match matchers",
        "2 go_on continue",
        "2 repeat repeat_interval",
        "3 inhibit inhibit_rules",
        "5 resend resend_delay",
        "6 server smarthost",
        "6 sender from",
    ]  # fmt: skip
