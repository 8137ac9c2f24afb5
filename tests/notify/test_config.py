"""Mistakes in what is told to whom are told at once, with their place, and without a secret."""

from pathlib import Path

import pytest

from streamwatch.config import parse
from streamwatch.errors import ConfigError

KAFKA = "kafka: [{name: shop, bootstrap: ['h:9092']}]\n"
SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{pagerduty: [{name: p}]}", "notify.pagerduty[0]: 'routing_key' is missing"),
        ("{slack: [{name: s, url: 's3cr3t'}]}", "notify.slack[0].url: this is no address: write 'https://host/path'"),
        ("{slack: [{name: s, url: 'http://h:99999/s3cr3t'}]}", "notify.slack[0].url: this is no address"),
        ("{slack: [{name: s, url: 'https://h', title: '{{ .A'}]}", "notify.slack[0].title: not a template"),
        ("{log: [{name: a}, {name: a}]}", "notify: more than one channel is called 'a'"),
        ("{log: [{name: a}], routes: [{channels: [b]}]}", "notify: routes[0].channels: no channel is called 'b'"),
        ("{fallback: [b]}", "notify.fallback: no channel is called 'b': there are 'log'"),
        ("{routes: [{match: ['severity'], channels: []}]}", "routes[0].match: 'severity' is no condition on a label"),
        ("{routes: [{match: ['a=~\"(\"'], channels: []}]}", "not a regular expression"),
        ("{mutes: [{cron: '0 22 * *', lasts: 1h}]}", "notify.mutes[0].cron: '0 22 * *' has not five fields"),
        ("{mutes: [{cron: '0 25 * * *', lasts: 1h}]}", "notify: mutes[0].cron: '0 25 * * *'"),
        ("{mutes: [{cron: '0 2 * * *', lasts: 1h, zone: Here/There}]}", "'Here/There' is no time zone"),
        ("{sns: [{name: n, topic_arn: topic}]}", "notify.sns[0].topic_arn: 'topic' is no topic"),
        ("{command: [{name: c, run: []}]}", "notify.command[0].run: a command is wanted"),
        ("{alertmanager: [{name: a, urls: []}]}", "notify.alertmanager[0].urls: at least one is wanted"),
        ("{mail: [{name: m, server: 'h:25', sender: me, to: [a@b]}]}", "notify.mail[0].sender: an address is wanted"),
        ("{inhibit: [{source_matchers: ['a=b'], target_matchers: ['x']}]}", "inhibit[0].target_matchers: 'x' is no"),
        ("{http: {proxy: 's3cr3t'}}", "notify.http.proxy: this is no address"),
    ],
)
def test_a_mistake_is_told(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"{KAFKA}notify: {text}\n", "file.yaml", Path())
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
    assert str(caught.value).startswith("file.yaml:2: ")
