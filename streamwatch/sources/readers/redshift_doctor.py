"""A check-up of Redshift: every call that the agent makes is tried once for each warehouse, its right named."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError
from streamwatch.model.finding import Finding
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.session import Accounts, SourceCalls
from streamwatch.sources.aws.trial import Trial, TrialCall
from streamwatch.sources.readers.config import RedshiftDatabase, RedshiftViews
from streamwatch.sources.readers.redshift_rows import statements
from streamwatch.sources.readers.redshift_statements import SERVICE, has_ended, parameters

_WAIT_SECONDS: Final = 1.0
_MOST_WAITS: Final = 20


def examine(config: RedshiftViews, access: AwsAccess, region: str, clock: Clock) -> Iterator[Finding]:
    """Check each warehouse; it costs what a read of the agent costs.

    Args:
        config: which warehouses.
        access: who the agent is there.
        region: of warehouses that do not say theirs.
        clock: what time it is.

    """
    for warehouse in config.warehouses if config.enabled else ():
        caller = SourceCalls(Accounts(clock).get(access), clock, threading.Event().wait)
        where = warehouse.region or region
        trial = Trial(where, caller, clock, f"{where}, redshift {warehouse.name}")
        trying = _Trying(warehouse, trial, caller)
        for system, sql in statements(clock.now(), clock.now()).items():
            finding = trying.finding(system, sql)
            if trying.is_refused:
                break
            yield finding
        yield from trying.findings.values()


class _Trying:
    """Makes the calls for one warehouse."""

    def __init__(self, warehouse: RedshiftDatabase, trial: Trial, caller: SourceCalls) -> None:
        self._warehouse, self._trial, self._caller = warehouse, trial, caller
        self.findings: dict[str, Finding] = {}
        """What became of each operation."""
        self.is_refused = False

    def finding(self, system: str, sql: str) -> Finding:
        """Return what a statement about a system view came to; the calls have findings of their own."""
        statement = self._call("ExecuteStatement", parameters(self._warehouse, sql), "Id")
        try:
            is_there = statement is not None and self._has_ended(statement, system)
        except SourceError as error:
            hint = (
                "GRANT ROLE sys:monitor to the agent's user, and see that the view exists in this version of Redshift"
            )
            return self._trial.finding(system, "failed", str(error), hint)
        answer = (
            self._call("GetStatementResult", {"Id": statement["Id"]}, "Records") if statement and is_there else None
        )
        if answer is None:
            return self._trial.finding(system, "warning", "no answer within the time of a check-up", "try again")
        if not answer["Records"] and system == "sys_stream_scan_states":
            hint = "is it the right database, and may the agent's user see others' rows (ROLE sys:monitor)?"
            return self._trial.finding(system, "warning", "no view has read a stream in two days", hint)
        return self._trial.finding(system, "ok", "can be read")

    def _has_ended(self, statement: Mapping[str, Any], system: str) -> bool:
        for _ in range(_MOST_WAITS):
            answer = self._call("DescribeStatement", {"Id": statement["Id"]}, "Status")
            if answer is None:
                return False
            if has_ended(answer, system):
                return True
            self._caller.wait(_WAIT_SECONDS)
        return False

    def _call(self, operation: str, values: dict[str, Any], *wants: str) -> dict[str, Any] | None:
        answer, finding = self._trial.attempt(TrialCall(SERVICE, operation, values, wants))
        before = self.findings.get(operation)
        if before is None or before.verdict == "ok":
            self.findings[operation] = finding
        self.is_refused |= answer is None
        return answer
