"""Kafka's programs as commands: the class path, the flags, and where a tool lives in which version."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.real.artefacts import jmx_agent, kafka_libs, program

FLAGS: Final = (
    # Quick to start, small, and no verification of the byte code of jars that are known: 2 s less for four nodes.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
)
_TOOL_HEAP: Final = 256
_TOOL_SECONDS: Final = 90
_KAFKA_TOOLS: Final = "org.apache.kafka.tools"
_HOMES: Final[Mapping[str, str]] = {
    "": _KAFKA_TOOLS,
    "ConsumerGroupCommand": f"{_KAFKA_TOOLS}.consumer.group",
    "ShareGroupCommand": f"{_KAFKA_TOOLS}.consumer.group",
    "StreamsGroupCommand": f"{_KAFKA_TOOLS}.streams",
    "ConsoleConsumer": f"{_KAFKA_TOOLS}.consumer",
    "ReassignPartitionsCommand": f"{_KAFKA_TOOLS}.reassign",
    "ConfigCommand": "kafka.admin",
    "StorageTool": "kafka.tools",
}
"""The package of each tool; the empty name stands for the others."""
_HOMES_BY_LINE: Final[Mapping[str, Mapping[str, str]]] = {
    "2": {"": "kafka.admin", "ConsoleConsumer": "kafka.tools", "ProducerPerformance": _KAFKA_TOOLS},
    "3": {**_HOMES, "AclCommand": "kafka.admin"},
    "4": _HOMES,
}
_LOG4J2: Final = """\
<Configuration status="ERROR">
  <Appenders>
    <Console name="err" target="SYSTEM_ERR">
      <PatternLayout pattern="%d{ABSOLUTE} %p %c{1} %m%n%throwable"/>
    </Console>
  </Appenders>
  <Loggers>
    <Logger name="kafka.server.KafkaConfig" level="WARN"/>
    <Logger name="org.apache.kafka.common.config" level="WARN"/>
    <Root level="${sys:level}"><AppenderRef ref="err"/></Root>
  </Loggers>
</Configuration>
"""
_LOG4J1: Final = """\
log4j.rootLogger=${level}, err
log4j.logger.kafka.server.KafkaConfig=WARN
log4j.logger.org.apache.kafka.common.config=WARN
log4j.appender.err=org.apache.log4j.ConsoleAppender
log4j.appender.err.Target=System.err
log4j.appender.err.layout=org.apache.log4j.PatternLayout
log4j.appender.err.layout.ConversionPattern=%d{ABSOLUTE} %p %c{1} %m%n
"""


class ToolFailed(Exception):
    """One of Kafka's tools ended with an error; says what it printed."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """The JMX exporter in a node: the port of its page, and the file of its rules."""

    port: int
    rules: Path


@dataclass(frozen=True, slots=True)
class Parts:
    """What must be had before anything can run."""

    version: str
    java: str
    libs: Path
    agent: Path

    @classmethod
    def of(cls, version: str) -> Self:
        """Get them all; raises Unavailable."""
        return cls(version, program("java"), kafka_libs(version), jmx_agent())


class Java:
    """Builds the commands that run one Kafka version."""

    def __init__(self, parts: Parts, folder: Path, classes: Path | None = None) -> None:
        self._parts = parts
        # Of an archive that does not fit a JVM warns, which is nothing that a tool prints.
        archive = (f"-XX:SharedArchiveFile={classes}", "-Xlog:disable", "-Xlog:all=warning:stderr")
        self._flags = (*FLAGS, *archive) if classes else FLAGS
        self._class_path = f"{parts.libs}/*"
        self._log4j2 = folder / "log4j2.xml"
        self._log4j1 = folder / "log4j.properties"
        self._log4j2.write_text(_LOG4J2)
        self._log4j1.write_text(_LOG4J1)

    def node(self, main: str, properties: Path, heap_mb: int, exporter: Exporter | None = None) -> list[str]:
        """The command of a server."""
        agent = [f"-javaagent:{self._parts.agent}=127.0.0.1:{exporter.port}:{exporter.rules}"] if exporter else []
        return self._command("INFO", heap_mb, *agent, "-cp", self._class_path, main, str(properties))

    def tool(self, name: str, *args: str) -> list[str]:
        """The command of a tool."""
        return self._command("WARN", _TOOL_HEAP, "-cp", self._class_path, self.main_class(name), *args)

    def run_tool(self, name: str, *args: str) -> str:
        """Run a tool to its end, and return what it printed."""
        ran = subprocess.run(self.tool(name, *args), capture_output=True, text=True, timeout=_TOOL_SECONDS, check=False)
        if ran.returncode:
            raise ToolFailed(f"{name} {' '.join(args)} ended with {ran.returncode}: {ran.stdout}{ran.stderr}")
        return ran.stdout

    def main_class(self, name: str) -> str:
        """The full name of a tool's class; a name with a dot is one already."""
        if "." in name:
            return name
        homes = _HOMES_BY_LINE[self._parts.version[0]]
        return f"{homes.get(name, homes[''])}.{name}"

    def _command(self, level: str, heap_mb: int, *rest: str) -> list[str]:
        heap = [f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m"]
        logs = [f"-Dlevel={level}", f"-Dlog4j2.configurationFile={self._log4j2}"]
        return [self._parts.java, *self._flags, *heap, *logs, f"-Dlog4j.configuration=file:{self._log4j1}", *rest]
