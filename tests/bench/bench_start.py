"""What a start costs: ``--help``, ``check-config``, and the agent up to its first page, with the memory it holds.

    python tests/bench/bench_start.py [RUNS [PARTITIONS]]

The cluster is a reference of three brokers, in a process of its own. Prints figures, asserts nothing: wall time and
CPU of the best of so many runs; `listens` is the first page of any kind, `page` the first one with the cluster on it.
Bytecode is kept in a folder of its own, as an installed package has it; the run that writes it does not count.
"""

import os
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.waiting import wait_for

COMMAND = (sys.executable, "-m", "streamwatch")
TOPICS = 40
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def serve(partitions: int) -> None:
    """Run the cluster until standard input ends; print where it is."""
    from kafka.admin import KafkaAdminClient  # noqa: PLC0415 - only the cluster's process needs them

    from streamwatch.reference.kafka.server import ReferenceKafka  # noqa: PLC0415

    with ReferenceKafka() as kafka:
        admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        shape = {"num_partitions": partitions // TOPICS, "replication_factor": 3}
        admin.create_topics({f"orders-{n}": shape for n in range(TOPICS)})
        admin.close()
        print(kafka.bootstrap, flush=True)
        sys.stdin.read()


def command(*args: str) -> tuple[float, float]:
    """Run a command; return its wall time and its CPU."""
    before, began = os.times(), time.perf_counter()
    subprocess.run([*COMMAND, *args], check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    wall, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, used


def status(pid: int, field: str) -> float:
    """Return a size of a process, in MB."""
    return int(Path(f"/proc/{pid}/status").read_text().partition(f"{field}:")[2].split()[0]) / 1024


def cpu(pid: int) -> float:
    """Return what a process has used of the processors, in seconds."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])) / 100


def page(address: str) -> bytes:
    """Return the page of metrics."""
    connection = HTTPConnection(address, timeout=10)
    connection.request("GET", "/metrics")
    body = connection.getresponse().read()
    connection.close()
    return body


def run(bootstrap: str) -> tuple[float, ...]:
    """Start the agent; return when it listens and has the cluster on its page, its CPU then, and its memory later."""
    began = time.perf_counter()
    args = [*COMMAND, "run", "--kafka", bootstrap, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as agent:
        assert agent.stderr is not None
        line = agent.stderr.readline()
        address = line.removeprefix("serving http://").removesuffix("/metrics\n")
        page(address)
        listens = time.perf_counter() - began
        wait_for(lambda: b"kafka_topic_partitions{" in page(address), 60.0, "the page")
        seen, used, then = time.perf_counter() - began, cpu(agent.pid), status(agent.pid, "VmRSS")
        wait_for(lambda: b'streamwatch_job_runs_total{job_name="127.0.0.1"} 2' in page(address), 60.0, "the page")
        held, most = status(agent.pid, "VmRSS"), status(agent.pid, "VmHWM")
        agent.kill()
    return listens, seen, used, then, held, most


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
        return
    runs, partitions = (*map(int, sys.argv[1:]), *(5, 2_000)[len(sys.argv) - 1 :])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "agent.yaml"
        file.write_text("kafka: [{name: orders, bootstrap: ['127.0.0.1:9092']}]\n")
        ENVIRONMENT["PYTHONPYCACHEPREFIX"] = folder
        for args in (("--help",), ("run", "--help"), ("check-config", str(file))):
            wall, used = map(min, zip(*[command(*args) for _ in range(runs + 1)][1:], strict=True))
            print(f"{' '.join(args).removesuffix(str(file)):<13} {wall:5.2f} s, CPU {used:.2f} s", flush=True)
        measure(runs, partitions)


def measure(runs: int, partitions: int) -> None:
    """Start the agent beside a cluster of so many partitions, and print what it took."""
    server = [sys.executable, __file__, "serve", str(partitions)]
    with subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as kafka:
        assert kafka.stdout is not None
        bootstrap = kafka.stdout.readline().strip()
        found = [run(bootstrap) for _ in range(runs + 1)][1:]
        listens, seen, used, then, held, most = map(min, zip(*found, strict=True))
        kafka.communicate("")
    print(f"run, {partitions} partitions: listens {listens:.2f} s, page {seen:.2f} s, CPU {used:.2f} s", flush=True)
    print(f"memory: {then:.0f} MB at the first page, {held:.0f} MB after two reads, {most:.0f} MB at most", flush=True)


if __name__ == "__main__":
    main()
