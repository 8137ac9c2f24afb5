"""kafka-python without its clients: the package imports them all, and they take 5 MB that the agent has no use for."""

import importlib.util
import sys
import threading
from types import ModuleType
from typing import Any, Final

_PACKAGE: Final = "kafka"


def import_without_clients() -> None:
    """Let ``kafka.protocol`` and its like be imported before the package itself, which is done when it is asked for.

    Who says ``from kafka import KafkaConsumer`` gets it as ever: an attribute that is not there has the package
    executed, which then finds its own modules as they were imported.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if _PACKAGE in sys.modules or spec is None:
        return
    package = importlib.util.module_from_spec(spec)
    lock = threading.RLock()

    def load(name: str) -> Any:  # noqa: ANN401 - any attribute
        with lock:
            if package.__dict__.pop("__getattr__", None) is not None and spec.loader is not None:
                spec.loader.exec_module(package)
        return ModuleType.__getattribute__(package, name)

    package.__dict__["__getattr__"] = load
    sys.modules.setdefault(_PACKAGE, package)
