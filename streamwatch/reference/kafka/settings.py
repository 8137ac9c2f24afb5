"""Configurations of topics, brokers and groups: what a cluster has set, and how one falls back to another."""

from collections.abc import Mapping

from streamwatch.reference.kafka.settings_brokers import BROKER
from streamwatch.reference.kafka.settings_groups import GROUP, out_of_bounds
from streamwatch.reference.kafka.settings_kinds import BadSetting, check
from streamwatch.reference.kafka.settings_topics import TOPIC


class Settings:
    """The settings of a cluster, but for those that topics have of their own."""

    def __init__(self, static: Mapping[str, str]) -> None:
        for name, value in static.items():
            check(BROKER, name, value)
        self.static = dict(static)
        self.dynamic: dict[str, str] = {}
        """What was altered while the cluster ran: of all brokers alike."""
        self.of_broker: dict[str, dict[str, str]] = {}
        """What was altered of one broker, by its id: it is shown, and changes nothing that the model does."""
        self.of_group: dict[str, dict[str, str]] = {}
        """What groups have of their own."""
        self.of_metrics: dict[str, dict[str, str]] = {}
        """What subscriptions to clients' metrics have of their own."""

    def broker(self, name: str) -> str:
        """Return a broker's setting."""
        return self.dynamic.get(name) or self.static.get(name) or BROKER[name].default

    def number(self, name: str) -> int:
        """Return a broker's setting that is a number."""
        return int(self.broker(name))

    def seconds(self, name: str) -> float:
        """Return a broker's setting that is in milliseconds."""
        return int(self.broker(name)) / 1000

    def topic(self, own: Mapping[str, str], name: str) -> str:
        """Return a topic's setting: its own, or the broker's, or the default."""
        if name in own:
            return own[name]
        known = TOPIC[name]
        return self.broker(known.broker) if known.broker is not None else known.default

    def group(self, group: str, name: str) -> str:
        """Return a group's setting: its own, or the broker's, or the default."""
        own = self.of_group.get(group, {})
        if name in own:
            return own[name]
        known = GROUP[name]
        return self.broker(known.broker) if known.broker is not None else known.default

    def check_group(self, values: Mapping[str, str]) -> None:
        """Raise BadSetting where a value is not within what the brokers allow groups to have."""
        for name, value in values.items():
            wrong = out_of_bounds(name, int(value), self.number) if GROUP[name].kind == "int" else None
            if wrong is not None:
                raise BadSetting(wrong)
