"""Amazon's Java libraries on the reference AWS: how they run, and DynamoDB Local for the leases of KCL."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from tests.real.artefacts import dynamodb_libs, kcl_libs, program
from tests.real.java import FLAGS
from tests.real.processes import Server, free_ports
from tests.waiting import wait_for

_SOURCES: Final = Path(__file__).parent / "java"
_COMPILER: Final = "jdk.compiler/com.sun.tools.javac.Main"
"""The compiler without its launcher: Debian's Java without development kit has only the one."""
_COMPILE_SECONDS: Final = 60.0
_START_SECONDS: Final = 30.0
_KCL_SOURCES: Final = ("KclReader.java", "software/amazon/kinesis/coordinator/QuickScheduler.java")
_LOG: Final = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    # It warns at every read that it does not know the shard yet, which matters to aggregated records only.
    "-Dorg.slf4j.simpleLogger.log.software.amazon.kinesis.lifecycle.ProcessTask=error",
)
_BY_OWNER: Final = "LeaseOwnerToLeaseKeyIndex"


class CompileFailed(Exception):
    """A program of tests/real/java is not one to the compiler; says why."""


def client(service: str, url: str, authority: Path | None = None) -> Any:
    """A client of boto3 that lets no failure pass unseen; over TLS it trusts the authority."""
    once = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10)
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
    verify = None if authority is None else str(authority)
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", config=once, verify=verify, **keys)


def is_active(kinesis: Any, stream: str) -> bool:
    """Whether a stream is there and not being changed, as far as we are told."""
    try:
        told = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    except kinesis.exceptions.LimitExceededException:  # Amazon's libraries ask too, and the rate is the account's
        return False
    return bool(told["StreamStatus"] == "ACTIVE")


def compiled(libs: Path, folder: Path, *sources: str) -> list[str]:
    """Compile programs of tests/real/java; return the command that runs their classes, without the class."""
    java, path = program("java"), ":".join(map(str, sorted(libs.glob("*.jar"))))
    given = ("-nowarn", "-proc:none", "-cp", path, "-d", str(folder), *(str(_SOURCES / name) for name in sources))
    command = (java, *FLAGS, "-m", _COMPILER, *given)
    ran = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_SECONDS, check=False)
    if ran.returncode:
        raise CompileFailed(ran.stderr)
    return [java, *FLAGS, "-Xmx256m", *_LOG, "-cp", f"{folder}:{path}"]


class Leases:
    """The lease tables that the workers of an application share, in a DynamoDB."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._dynamodb = client("dynamodb", url)

    def answers(self) -> bool:
        """Whether the database is up."""
        try:
            self._dynamodb.list_tables()
        except BotoCoreError:
            return False
        return True

    def make(self, application: str) -> None:
        """Make an application's lease table as KCL 3 does, which else would look after 10 s whether it is there."""
        self._dynamodb.create_table(
            TableName=application,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("leaseKey", "leaseOwner")],
            KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": _BY_OWNER,
                    "KeySchema": [
                        {"AttributeName": "leaseOwner", "KeyType": "HASH"},
                        {"AttributeName": "leaseKey", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        )

    def delete(self, application: str, shard: str) -> None:
        """Delete a lease, as by hand."""
        self._dynamodb.delete_item(TableName=application, Key={"leaseKey": {"S": shard}})

    def column(self, application: str, name: str) -> dict[str, str]:
        """What stands in a column of each shard's lease; nothing where there is none."""
        found = self._dynamodb.scan(TableName=application, ConsistentRead=True)["Items"]
        return {one["leaseKey"]["S"]: one.get(name, {}).get("S", "") for one in found}


@contextmanager
def dynamodb(folder: Path) -> Iterator[Leases]:
    """DynamoDB Local, in memory."""
    libs = dynamodb_libs()
    (port,) = free_ports(1)
    main = ("com.amazonaws.services.dynamodbv2.local.main.ServerRunner", "-inMemory", "-disableTelemetry")
    path = (f"-Djava.library.path={libs}", "-cp", f"{libs}/*")
    server = Server(
        "DynamoDB", [program("java"), *FLAGS, "-Xmx256m", *path, *main, "-port", str(port)], folder / "dynamodb.log"
    )
    leases = Leases(f"http://127.0.0.1:{port}")
    server.start()
    try:
        wait_for(leases.answers, _START_SECONDS, "DynamoDB answers")
        yield leases
    finally:
        server.kill()


@dataclass(frozen=True, slots=True)
class Read:
    """A record as a worker printed it."""

    shard: str
    sequence: int
    key: str
    number: int


@dataclass(frozen=True, slots=True)
class Behind:
    """What KCL says of its own lag, at a batch: MillisBehindLatest of the read that it came from."""

    seconds: float
    records: int
    at: float
    """When the batch was done with."""


class KclWorker:
    """One worker of an application; it runs while the context is entered, and what it said can be read after that."""

    def __init__(self, command: list[str], name: str, log: Path) -> None:
        self.server = Server(name, command, log)

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.kill()

    def said(self, *words: str) -> list[list[str]]:
        """The lines that begin with one of the words, in order, split."""
        if not self.server.log.exists():
            return []
        whole = self.server.log.read_text(errors="replace").rpartition("\n")[0]
        return [fields for line in whole.splitlines() if (fields := line.split()) and fields[0] in words]

    def read(self) -> list[Read]:
        """The records that it processed."""
        return [Read(shard, int(at), key, int(data)) for _, shard, at, key, data in self.said("record")]

    def behind(self) -> list[tuple[str, Behind]]:
        """What it knew of how far it is behind, by shard, in order."""
        return [
            (shard, Behind(int(millis) / 1000, int(many), int(at) / 1000))
            for _, shard, millis, many, at in self.said("behind")
        ]

    def problems(self) -> str:
        """The end of what else is in its log, for an error message."""
        ours = ("record ", "start ", "end ", "lost ", "behind ")
        lines = [line for line in self.server.log.read_text(errors="replace").splitlines() if not line.startswith(ours)]
        return "\n".join([f"--- {self.server.name}: {'runs' if self.server.running else 'ended'}", *lines[-40:]])


class Kcl:
    """The Kinesis Client Library in each version, compiled once with the reader of the tests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._commands: dict[str, list[str]] = {}

    def command(self, version: str) -> list[str]:
        """The command that a worker's begins with; raises Unavailable."""
        if version not in self._commands:
            classes = Path(tempfile.mkdtemp(prefix=f"kcl-{version}-", dir=self._folder))
            self._commands[version] = [*compiled(kcl_libs(version), classes, *_KCL_SOURCES), "KclReader"]
        return self._commands[version]

    def worker(self, version: str, given: Mapping[str, str], name: str = "one") -> KclWorker:
        """A worker of an application; given are endpoint, leases, stream, application, how; perhaps start, failover."""
        order = [given["endpoint"], given["leases"], given["stream"], given["application"], name, given["how"]]
        order += [given[one] for one in ("start", "failover") if one in given]
        log = self._folder / f"{given['application']}-{name}.log"
        return KclWorker([*self.command(version), *order], f"{given['application']} {name}", log)
