"""Who imports what, so that nobody pays for what he does not use: by modules, since times differ by machine."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from streamwatch.cli.main import _Commands, main
from streamwatch.reference.kafka.server import ReferenceKafka

ROOT = Path(__file__).parent.parent
MANY = 1000


def modules(program: str, *args: str) -> set[str]:
    """Run a program in a process of its own; return the modules that it has then."""
    told = f"import sys\ntry:\n    {program}\nfinally:\n    print('\\n'.join(['', 'MODULES', *sys.modules]))"
    answer = subprocess.run([sys.executable, "-c", told, *args], check=True, cwd=ROOT, capture_output=True, text=True)
    return set(answer.stdout.partition("\nMODULES\n")[2].split())


def imported(program: str, *args: str) -> set[str]:
    """Run a program in a process of its own; return the top-level packages, and own modules, that it has then."""
    names = modules(program, *args)
    return {name if name.startswith("streamwatch.") else name.partition(".")[0] for name in names}


def command(*args: str) -> set[str]:
    """Return what a command imports."""
    return imported("from streamwatch.cli.main import main; main(standalone_mode=False)", *args)


@pytest.mark.parametrize("args", [("--help",), ("--version",), ("run", "--help"), ("doctor", "--help")])
def test_help_imports_no_more_than_the_command_line(args: tuple[str, ...]) -> None:
    now = command(*args)

    assert {one for one in now if one.startswith("streamwatch.")} == {
        "streamwatch.cli",
        "streamwatch.cli.main",
        "streamwatch.cli.named_config",
        "streamwatch.core",
        "streamwatch.core.errors",
    }
    assert not now & {
        "numpy",
        "kafka",
        "boto3",
        "botocore",
        "gotpl",
        "re2",
        "yaml",
        "apscheduler",
        "sqlite3",
        "asyncio",
    }


def test_the_library_of_the_screen_is_imported_for_a_screen_only() -> None:
    assert not command("top", "--help") & {"textual", "kafka", "boto3", "yaml", "asyncio"}


@pytest.mark.parametrize("name", sorted(_Commands._elsewhere))
def test_the_list_says_of_a_command_elsewhere_what_it_says_itself(name: str) -> None:
    assert isinstance(main, _Commands)
    real = main.get_command(click.Context(main), name)

    assert real is not None
    assert main._short_help(name, MANY) == real.get_short_help_str(MANY)


KAFKA = "kafka: [{name: orders, bootstrap: ['127.0.0.1:9092']}]\n"
STREAMS = "kinesis: [{name: mine, regions: [eu-west-1]}]\n"
AWS = {"boto3", "botocore"}
SENDING = {"cramjam", "apprise", "requests"}
LOOKING = {"jinja2", "rich", "grafana_api"}
READING = {"kafka", *AWS}
EXTRAS = {"gotpl", "re2", "apscheduler"}
"""What only some rules, templates of messages and time intervals need."""


@pytest.mark.parametrize("text", [KAFKA, STREAMS, KAFKA + STREAMS])
def test_a_configuration_is_checked_without_what_reads_sources(tmp_path: Path, text: str) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text(text)

    assert not command("check-config", str(file)) & (READING | SENDING | LOOKING)


WIRED = """
from pathlib import Path
    from streamwatch.agent.app import App
    from streamwatch.core.clock import SystemClock
    from streamwatch.agent.config import parse
    from streamwatch.agent.targets import TargetFactory
    clock, config = SystemClock(), parse(sys.argv[1], "here", Path())
    app = App(config, clock)
    sources = [one.source for part in config.sources for one in TargetFactory(clock).targets(part, lambda: None)]
    [one.close() for one in sources]
"""
"""The agent, and its sources, which read nothing yet."""


@pytest.mark.parametrize(
    ("text", "unused"),
    [
        (
            KAFKA,
            AWS | SENDING | LOOKING | EXTRAS | {"streamwatch.sources.open_monitoring.source", "streamwatch.reference"},
        ),
        (STREAMS, {"kafka"} | SENDING | LOOKING | EXTRAS | {"streamwatch.sources.msk.source"}),
    ],
    ids=["kafka", "kinesis"],
)
def test_an_agent_imports_only_what_its_configuration_needs(text: str, unused: set[str]) -> None:
    assert not imported(WIRED.strip(), text) & unused


READING_AGENT = """
from pathlib import Path
    from streamwatch.agent.app import App
    from streamwatch.agent.config import parse
    from streamwatch.core.clock import SystemClock
    from tests.waiting import wait_for
    app = App(parse(sys.argv[1], "here", Path()), SystemClock())
    app.start()
    wait_for(lambda: not app.ready().reasons, 180.0, "the cluster was read")
    app.stop()
"""
OF_OTHERS = {
    "email.policy": "who sends mail",
    "kafka.net": "who has SASL",
    "numpy.ma": "",
    "smtplib": "who sends mail",
    "sysconfig": "who has time zones",
    "zoneinfo": "who has time zones",
    "streamwatch.advice.every": "who is asked for advice",
    "streamwatch.agent.answers": "who is looked at",
    "streamwatch.audit.checks": "who is asked for an audit, or ignores a finding",
    "streamwatch.catalogue.cloudwatch_mappings": "who has MSK",
    "streamwatch.catalogue.exporter_mappings": "who reads exporters",
    "streamwatch.collectors.connect": "who has Kafka Connect",
    "streamwatch.collectors.kafka_exporter": "who wants its names",
    "streamwatch.collectors.msk": "who has MSK",
    "streamwatch.collectors.probe": "who probes",
    "streamwatch.collectors.readers": "who has streams",
    "streamwatch.collectors.streams": "who has streams",
    "streamwatch.export.remote_write.sender": "who has receivers",
    "streamwatch.export.web_page.view": "who is looked at",
    "streamwatch.flow.graph": "who is looked at",
    "streamwatch.pair.pair": "who has peers",
}
"""What takes 0.1 to 3 MB each, and who has it; nobody where it is empty."""


def test_an_agent_that_reads_a_cluster_has_nothing_of_what_others_need() -> None:
    with ReferenceKafka() as kafka:
        text = f"kafka: [{{name: orders, bootstrap: [{kafka.bootstrap}]}}]\nlisten: {{address: '127.0.0.1:0'}}\n"
        now = modules(READING_AGENT.strip(), text)

    assert "streamwatch.sources.kafka.read" in now, "it was read"
    assert not now & OF_OTHERS.keys()
