"""The dashboards as files: ``python -m streamwatch.dashboards.files`` writes ``dashboards/``."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from streamwatch.dashboards import agent, groups, kafka, kinesis, overview, readers, topics
from streamwatch.dashboards.grafana import text

ALL: Final = [
    overview.OVERVIEW,
    kafka.CLUSTER,
    topics.TOPICS,
    groups.GROUPS,
    kinesis.STREAM,
    readers.READERS,
    agent.AGENT,
]


def files() -> Mapping[str, str]:
    """Return every file's text, by its name."""
    return {f"{one.uid.removeprefix('streamwatch-')}.json": text(one, ALL) for one in ALL}


def write(folder: Path) -> None:
    """Write every file into a folder, which is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
