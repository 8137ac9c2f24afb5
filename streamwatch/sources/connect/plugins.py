"""Which connectors are Debezium's or MirrorMaker 2's, by their class, and what they are set to."""

from collections.abc import Mapping
from typing import Any, Final

_MIRROR: Final = "org.apache.kafka.connect.mirror."
_DEBEZIUM: Final = "io.debezium.connector."
_ALIASES: Final = frozenset({"PostgresConnector", "MySqlConnector", "MariaDbConnector", "SqlServerConnector"})
"""Of Debezium's connectors: a class may be named without its package."""


def is_mirror(settings: Mapping[str, Any], name: str) -> bool:
    """Say whether it is this connector of MirrorMaker 2; Connect takes the name without its package, too."""
    return text(settings, "connector.class", "") in {name, f"{_MIRROR}{name}", name.removesuffix("Connector")}


def is_debezium(settings: Mapping[str, Any]) -> bool:
    """Say whether it is a connector of Debezium that reads a database."""
    plugin = text(settings, "connector.class", "")
    return (plugin.startswith(_DEBEZIUM) and ".jdbc." not in plugin) or plugin in _ALIASES


def text(settings: Mapping[str, Any], key: str, default: str) -> str:
    """Return a setting; the default where it is not there, or no text."""
    value = settings.get(key)
    return value.strip() if isinstance(value, str) else default
