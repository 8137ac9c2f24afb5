"""A load that takes orders, as lines of JSON on standard input, and ends when that does."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol


class Load(Protocol):
    """Producers and consumers that run in threads."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End all threads."""

    def obey(self, order: dict[str, Any]) -> None:
        """Do what an order says; raises LookupError, StopIteration or ValueError for one that makes no sense."""


def serve(make: Callable[[str, float], Load], address: str, what: str) -> None:
    """Read the command line, run the load that ``make`` makes of address and rate, and pass orders on."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("address", help=address)
    parser.add_argument("--rate", type=float, default=50.0, help="records a second and topic or stream  [50]")
    parser.add_argument("--nice", type=int, default=0, help="how far it gives way to other processes  [0]")
    given = parser.parse_args()
    os.nice(given.nice)
    logging.basicConfig(level=logging.CRITICAL)
    load = make(given.address, given.rate)
    load.start()
    try:
        for line in sys.stdin:
            try:
                load.obey(json.loads(line))
            except (LookupError, ValueError, StopIteration) as error:
                sys.stderr.write(f"load: {line.strip()}: {error!r}\n")
    except KeyboardInterrupt:
        pass
    finally:
        load.stop()
