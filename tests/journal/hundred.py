"""A hundred changes, each in the journal once: ``python -m tests.journal.hundred [--changes N] [--seed S]``."""

import argparse
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.journal.world import World
from tests.real.kafka import KafkaCluster


def main() -> int:
    """Make the changes, and print what was done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", action="store_true", help="on brokers of Apache Kafka 4.3, as in tests/real")
    params = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        brokers = stack.enter_context(KafkaCluster()) if params.real else None
        world = stack.enter_context(World(folder, params.seed, brokers))
        for number in range(1, params.changes + 1):
            sys.stdout.write(f"{number:4} {world.change()}\n")
            sys.stdout.flush()
        missing, invented = world.difference()
        kinds = Counter(kind for kind, _ in world.expected.elements())
        sys.stdout.write(
            f"{params.changes} changes of {len(kinds)} kinds, {world.restarts} of them while no agent ran, "
            f"{world.kills} brokers killed, {world.unasked} settings changed by brokers that came back: "
            f"{sum(missing.values())} missing, {sum(invented.values())} invented\n"
        )
        return bool(missing or invented)


if __name__ == "__main__":
    sys.exit(main())
