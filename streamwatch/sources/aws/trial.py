"""One call at a time, to see whether the agent may make it; and what to put into the policy where it may not."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceDenied, SourceError, SourceThrottled
from streamwatch.model.finding import Finding, Verdict
from streamwatch.sources.aws.credentials import NO_CREDENTIALS_REMEDY
from streamwatch.sources.aws.errors import NoCredentials, NotThere
from streamwatch.sources.aws.minutes import MINUTE
from streamwatch.sources.aws.rights import rights_of
from streamwatch.sources.aws.session import SourceCalls

_DEADLINE_SECONDS: Final = 60.0
_TRIES: Final = 3
_AGAIN_SECONDS: Final = 1.1


@dataclass(frozen=True, slots=True)
class TrialCall:
    """One call that the agent makes."""

    service: str
    operation: str
    parameters: dict[str, Any]
    wants: tuple[str, ...] = ()


def newest_point(namespace: str, metric: str, statistic: str, now: float, at: Mapping[str, str]) -> TrialCall:
    """Return the step that asks CloudWatch for the last five minutes of a metric with these dimensions."""
    named = {
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in at.items()],
    }
    parameters = {
        "MetricDataQueries": [{"Id": "q", "MetricStat": {"Metric": named, "Period": MINUTE, "Stat": statistic}}],
        "StartTime": datetime.fromtimestamp(now - 5 * MINUTE, UTC),
        "EndTime": datetime.fromtimestamp(now, UTC),
    }
    return TrialCall("cloudwatch", "GetMetricData", parameters, ("MetricDataResults",))


class Trial:
    """Tries calls in one region."""

    def __init__(self, region: str, caller: SourceCalls, clock: Clock, target: str = "") -> None:
        """Begin; all of it must end within a minute.

        Args:
            region: where.
            caller: who calls.
            clock: what time it is.
            target: what the findings are about, where it is not the region.

        """
        self.region = region
        self._target = target or region
        self._caller = caller
        self.deadline = clock.monotonic() + _DEADLINE_SECONDS

    def attempt(self, step: TrialCall) -> tuple[dict[str, Any] | None, Finding]:
        """Return the answer, None without one, and what became of the call."""
        rights = rights_of(step.service, step.operation)
        name = step.operation
        try:
            answer = self._call(step)
        except NotThere as error:
            return None, self.finding(name, "warning", str(error), "it may have gone a moment ago: try again")
        except SourceDenied as error:
            return None, self.finding(name, "failed", str(error), _remedy(rights))
        except SourceThrottled as error:
            hint = "others use up the account's rate for this call; the agent tries again by itself"
            return None, self.finding(name, "warning", str(error), hint)
        except SourceError as error:
            hint = "check the region, the network, and `access.endpoint_url`"
            return None, self.finding(name, "failed", str(error), hint)
        return answer, self.finding(name, "ok", "allowed")

    def _call(self, step: TrialCall, tries: int = _TRIES) -> dict[str, Any]:
        """Call; a rate that is used up at the moment says nothing about the right, and is waited for."""
        try:
            return self._caller.call(
                step.service, self.region, step.operation, step.parameters, wants=step.wants, deadline=self.deadline
            )
        except SourceThrottled:
            if not tries:
                raise
            self._caller.wait(_AGAIN_SECONDS)
            return self._call(step, tries - 1)

    def identity(self) -> tuple[bool, Finding]:
        """Return whether there are credentials to go on with, and who the agent is with them.

        STS need not be in reach, nor allowed: nothing but a role's keys hangs on it.
        """
        try:
            answer = self._call(TrialCall("sts", "GetCallerIdentity", {}, ("Account", "Arn")))
        except NoCredentials as error:
            why = str(error).removesuffix(f": {NO_CREDENTIALS_REMEDY}")
            remedy = _remedy(()) if why == str(error) else NO_CREDENTIALS_REMEDY
            return False, self.finding("credentials", "failed", self._tried(why), remedy)
        except SourceError as error:
            hint = "STS is not needed to read; where a private network has no endpoint for it, leave it at that"
            return True, self.finding("credentials", "warning", self._tried(str(error)), hint)
        identity = f"{answer['Arn']} in account {answer['Account']}"
        return True, self.finding("credentials", "ok", self._tried(identity))

    def _tried(self, identity: str) -> str:
        """Return it with the provider of the credentials, where there is one."""
        return f"{identity}; from {self._caller.provider}" if self._caller.provider else identity

    def finding(self, step: str, verdict: Verdict, detail: str, remedy: str = "") -> Finding:
        """Return a finding about the target."""
        return Finding(self._target, step, verdict, detail, remedy)


def _remedy(rights: Sequence[str]) -> str:
    if not rights:
        return "check the access key, its secret, the session token and this machine's clock"
    statement = {"Effect": "Allow", "Action": rights[0] if len(rights) == 1 else list(rights), "Resource": "*"}
    return f"add to the policy of the agent's user or role: {json.dumps(statement)}"
