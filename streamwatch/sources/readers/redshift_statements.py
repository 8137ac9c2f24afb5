"""Statements of Redshift by its Data API: one is started, looked at until it has ended, and its rows come in pages.

What has not ended by the deadline is not started again: it is looked at at the next read, and costs once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceDenied, SourceError, SourceUnavailable
from streamwatch.sources.aws.errors import NotInTurn, taken_apart
from streamwatch.sources.aws.page_tokens import PageTokens
from streamwatch.sources.aws.session import SourceCalls
from streamwatch.sources.readers.config import RedshiftDatabase
from streamwatch.sources.readers.redshift_rows import MOST_ROWS, Cell, cell

SERVICE: Final = "redshift-data"
_FIRST_WAIT_SECONDS: Final = 0.5
_LONGEST_WAIT_SECONDS: Final = 5.0
Rows = list[list[Cell]]


class StatementFailed(SourceError):
    """Redshift ran the statement, and it failed: it costs as one that did not."""


class StatementDenied(SourceDenied, StatementFailed):
    """The user of the database may not read what was asked for."""


class StillRunning(SourceUnavailable):
    """The statement has not ended yet."""


@dataclass(slots=True)
class StatementRound:
    """All that a warehouse is asked at once, statement by statement."""

    statements: Mapping[str, str]
    since: float
    until: float
    """Records that were passed over count between the two."""
    answers: dict[str, Rows | SourceError] = field(default_factory=dict)
    running: str = ""
    """Id of the statement that runs; empty where none does."""

    @property
    def first(self) -> str:
        """What the others say nothing without."""
        return next(iter(self.statements))

    @property
    def next(self) -> str:
        """What is to be asked next; empty where all is answered."""
        return next((name for name in self.statements if name not in self.answers), "")


class WarehouseStatements:
    """The statements of one warehouse."""

    def __init__(self, warehouse: RedshiftDatabase, region: str, caller: SourceCalls, clock: Clock) -> None:
        self._warehouse, self._region, self._caller, self._clock = warehouse, region, caller, clock

    def go_on(self, round_: StatementRound, deadline: float) -> None:
        """Ask what is left; what fails is the answer.

        Raises:
            StillRunning: a statement has not ended by the deadline, or it was too late to call.

        """
        while name := round_.next:
            try:
                with taken_apart(f"redshift-data in {self._region}"):
                    round_.answers[name] = self._rows(round_, name, deadline)
            except NotInTurn as error:
                raise StillRunning(str(error)) from error
            except StillRunning:
                raise
            except SourceError as error:
                round_.answers[name] = error
                if name == round_.first:
                    return  # the others say nothing without it, and would cost
            round_.running = ""

    def _rows(self, round_: StatementRound, name: str, deadline: float) -> Rows:
        if not round_.running:
            wanted = parameters(self._warehouse, round_.statements[name])
            round_.running = self._call("ExecuteStatement", wanted, "Id", deadline=deadline)["Id"]
        self._await(round_.running, name, deadline)
        rows: Rows = []
        page: dict[str, Any] = {"Id": round_.running}
        tokens = PageTokens(f"redshift-data GetStatementResult of {name}")
        while True:
            answer = self._call("GetStatementResult", page, "Records", deadline=deadline)
            rows += [[cell(field) for field in row] for row in answer["Records"]]
            if not answer.get("NextToken") or len(rows) > MOST_ROWS:
                break
            tokens.follow(answer["NextToken"])
            page["NextToken"] = answer["NextToken"]
        return rows

    def _await(self, statement: str, name: str, deadline: float) -> None:
        wait = _FIRST_WAIT_SECONDS
        while True:
            answer = self._call("DescribeStatement", {"Id": statement}, "Status", deadline=deadline)
            if has_ended(answer, f"{self._warehouse.name}: {name}"):
                return
            if self._clock.monotonic() + wait >= deadline:
                raise StillRunning(f"{self._warehouse.name}: {name}: no answer before the deadline: it still runs")
            if self._caller.wait(wait):
                raise StillRunning(f"{self._warehouse.name}: {name}: no answer yet, and the agent ends")
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)

    def _call(self, operation: str, values: dict[str, Any], *wants: str, deadline: float) -> dict[str, Any]:
        return self._caller.call(SERVICE, self._region, operation, values, wants=wants, deadline=deadline)


def parameters(warehouse: RedshiftDatabase, sql: str) -> dict[str, Any]:
    """Return the parameters of ExecuteStatement."""
    login = {
        "WorkgroupName": warehouse.workgroup,
        "ClusterIdentifier": warehouse.cluster,
        "DbUser": warehouse.db_user,
        "SecretArn": warehouse.secret_arn,
    }
    known = {name: value for name, value in login.items() if value is not None}
    return {**known, "Database": warehouse.database, "Sql": sql, "StatementName": "streamwatch"}


def has_ended(answer: Mapping[str, Any], what: str) -> bool:
    """Return whether DescribeStatement says that there are rows to fetch.

    Raises:
        StatementFailed: it says that there never will be.

    """
    status = answer["Status"]
    if status in {"FAILED", "ABORTED"}:
        why = str(answer.get("Error") or status).partition("\n")[0]
        if "permission denied" in why.lower():
            raise StatementDenied(f"{what}: {why}: GRANT ROLE sys:monitor to the agent's user")
        raise StatementFailed(f"{what}: {why}")
    return bool(status == "FINISHED")
