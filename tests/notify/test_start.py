"""An agent that begins says nothing of what is as it should be."""

import subprocess
from pathlib import Path

from tests.agent_process import COMMAND, Agent
from tests.notify.receiver import receiver
from tests.waiting import wait_for

CONFIG = """
kafka: [{{name: shop, bootstrap: ['127.0.0.1:1'], interval: 1s}}]
listen: {{address: '127.0.0.1:0'}}
rules: {{evaluation_interval: 500ms}}
notify: {{heartbeat: {{url: '{url}/beat', interval: 1s}}}}
"""


def test_neither_the_heartbeat_nor_the_watchdog_is_a_warning(tmp_path: Path) -> None:
    file, log = tmp_path / "agent.yaml", tmp_path / "log"
    with receiver() as service, log.open("w") as out:
        file.write_text(CONFIG.format(url=service.url))
        file.chmod(0o600)  # it holds a secret
        command = [*COMMAND, "run", "--config", str(file)]
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            one = Agent(process, line.removeprefix("serving http://").removesuffix("/metrics\n"))
            wait_for(lambda: len(service.requests) > 1, 30, "two signs of life")
            wait_for(lambda: '"StreamWatchWatchdog"' in one.get("/api/v1/alerts")[1], 30, "the watchdog fires")
        finally:
            process.kill()
            process.communicate()
    text = log.read_text()
    assert "heartbeat" not in text
    assert "StreamWatchWatchdog" not in text
