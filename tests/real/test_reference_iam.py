"""AWS_MSK_IAM: Amazon's own login module for the Java client against the reference brokers."""

import os
import subprocess
from pathlib import Path

import pytest

from streamwatch.reference.kafka.sasl import BrokerUsers
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Access, KafkaListener
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.kafka.tls import server_context
from tests.real import artefacts
from tests.real.certificates import Authority
from tests.real.conftest import had
from tests.real.java import Java, Parts

KEY, SECRET = "AKIDEXAMPLE", "example-secret-key"


@pytest.mark.parametrize(("secret", "comes_in"), [(SECRET, True), ("another-secret", False)])
def test_what_amazons_signer_signs_comes_in(secret: str, comes_in: bool, tmp_path: Path) -> None:  # noqa: FBT001
    parts, iam = had(lambda: Parts.of("4.3.0")), had(artefacts.msk_iam_libs)
    authority = Authority(tmp_path)
    identity = authority.issue("broker")
    context = server_context(Path(identity.certificate), Path(identity.key))
    access = Access(
        listeners=(KafkaListener("IAM", context, ("AWS_MSK_IAM",)),),
        credentials=BrokerUsers(aws_keys={KEY: SECRET}, aws_region="us-east-1"),
    )
    settings = tmp_path / "client.properties"
    settings.write_text(
        "security.protocol=SASL_SSL\nsasl.mechanism=AWS_MSK_IAM\n"
        "sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required;\n"
        "sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler\n"
        f"ssl.truststore.type=PEM\nssl.truststore.location={authority.file}\n"
        "ssl.endpoint.identification.algorithm=\ndefault.api.timeout.ms=8000\nrequest.timeout.ms=5000\n"
    )
    with ReferenceKafka(Spec(), access) as kafka:
        way_in = ("--bootstrap-server", kafka.bootstrap, "--command-config", str(settings))
        command = Java(parts, tmp_path).tool("TopicCommand", *way_in, "--create", "--topic", "iam")
        classes = command.index("-cp") + 1
        command[classes] += f":{iam}/*"
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
        }
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
        made = kafka.do(lambda site, _: "iam" in site.cluster.topics)

    assert made is comes_in, ran.stderr[-2000:]
    if not comes_in:
        assert "Access denied" in ran.stdout + ran.stderr
