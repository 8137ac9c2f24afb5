"""What the page says, as lines for people with curl: its headline, and a line for each incident."""

from collections.abc import Iterator

from streamwatch.core.words import printable
from streamwatch.export.web_page.view import PageView


def lines(shown: PageView) -> Iterator[str]:
    """Yield the headline, and what is the matter, for how long, and what to do first; nothing a terminal would obey."""
    yield printable(shown.headline)
    for incident in shown.incidents:
        first = f" First: {incident.remedy}" if incident.remedy else ""
        yield printable(f"  for {incident.since}: {incident.sentence}{first}")
    if shown.more_incidents:
        yield f"  and {shown.more_incidents} more: /api/v1/incidents has them"
