"""Agents that lack one thing each: an answer comes from whatever it is not known without."""

import re
from collections.abc import Collection, Mapping
from copy import copy
from typing import Any, Final

from streamwatch.core.errors import SourceDenied
from streamwatch.sources.aws.session import Accounts
from tests.sources.kinesis.watching import config
from tests.sources.readers.every_kind import Agent, Everything

STREAMS: Final = "streams"
"""The source of the streams themselves: what it learns is part of an answer, too."""
_METRICS: Final = "GetMetricData"
_QUERIES: Final = "MetricDataQueries"
_VIEW: Final = re.compile(r"\b(?:sys|svv)_\w+")


class Deprived:
    """The calls of one source, which never gets some things; and what it asked for, in order."""

    def __init__(self, source: Any, without: Collection[str]) -> None:
        self._call, self._without = source._caller.call, without
        source._caller.call = self
        self.operations: dict[str, None] = {}
        """And the system views of Redshift."""
        self.metrics: dict[str, None] = {}
        """Of CloudWatch."""

    @property
    def things(self) -> list[str]:
        """All that it asked for."""
        return [*self.operations, *self.metrics]

    def __call__(
        self, service: str, region: str, operation: str, parameters: Mapping[str, Any], **more: Any
    ) -> dict[str, Any]:
        if operation == _METRICS:
            return self._numbers(self._call(service, region, operation, parameters, **more), parameters[_QUERIES])
        asked = (operation, *_VIEW.findall(parameters.get("Sql", "")))
        self.operations.update(dict.fromkeys(asked))
        if any(one in self._without for one in asked):
            raise SourceDenied(f"{service} {operation} in {region}: not given")
        answer: dict[str, Any] = self._call(service, region, operation, parameters, **more)
        return answer

    def _numbers(self, answer: dict[str, Any], queries: Collection[Mapping[str, Any]]) -> dict[str, Any]:
        names = {one["Id"]: one["MetricStat"]["Metric"]["MetricName"] for one in queries}
        self.metrics.update(dict.fromkeys(sorted(names.values())))
        for one in answer["MetricDataResults"]:
            if names[one["Id"]] in self._without:
                one["Timestamps"], one["Values"] = [], []
        return answer


def agent_without(account: Everything, lacks: Mapping[str, Collection[str]]) -> tuple[Agent, dict[str, Deprived]]:
    """Return an agent whose sources lack some things, and their calls, by source; others do not delay its own."""
    accounts, own = Accounts(account.clock), copy(account.account)
    own._paces = {}
    accounts._known[config(account.aws.url).access] = own
    agent = Agent(account.aws.url, account.clock, accounts)
    sources = {STREAMS: agent._streams.source} | {kind: one.source for kind, one in agent._readers.items()}
    return agent, {name: Deprived(source, lacks.get(name, ())) for name, source in sources.items()}
