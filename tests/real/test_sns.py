"""Amazon SNS as moto has it: what the channel publishes arrives in a queue that subscribes to the topic."""

import json
from pathlib import Path

import boto3
import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.http.client import HttpClient, HttpConfig
from streamwatch.notify.channel import Tools
from streamwatch.notify.channels.sns import Config, Sns
from streamwatch.notify.text import Links
from streamwatch.settings.types import Secret
from tests.notify.alerts import notification, resolved
from tests.real import emulators
from tests.real.conftest import had


def test_what_is_published_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "agent")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "agent")
    clock = SystemClock()
    with had(lambda: emulators.moto(tmp_path)) as moto:
        session = boto3.session.Session(region_name="eu-west-1")
        sns, sqs = (session.client(name, endpoint_url=moto.url) for name in ("sns", "sqs"))
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        channel = Sns(
            Config(name="n", topic_arn=topic, endpoint_url=Secret(moto.url)),
            Tools(HttpClient(HttpConfig(), clock), clock, Links(), "http://agent"),
        )
        channel.send([notification(), resolved()])
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5)
        told = [json.loads(one["Body"]) for one in answer["Messages"]]
        for client in (sns, sqs):
            client.close()
    assert {one["Subject"] for one in told} == {"Down of 1", "RESOLVED: Down of 1"}
    assert {one["MessageAttributes"]["status"]["Value"] for one in told} == {"firing", "resolved"}
