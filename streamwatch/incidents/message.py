"""What a message says of an incident: one line, where its cause is known."""

from collections.abc import Mapping

from streamwatch.incidents.incident import Incident


def message(incident: Incident, remedies: Mapping[str, str], runbooks: str) -> str:
    """Return cause, impact, the first thing to do, and where the rest is; empty where the cause is not known.

    Args:
        incident: what is the matter.
        remedies: the first thing to do, by the name of a runbook.
        runbooks: the address below which runbooks are.

    """
    if incident.cause is None:
        return ""
    remedy = incident.first_remedy(remedies)
    if incident.runbook not in remedies:
        return incident.sentence
    return f"{incident.sentence} First: {remedy} {runbooks.rstrip('/')}/runbooks/{incident.runbook}"
