"""What answers people: the page for browsers, the map, the pages of single things, the audit, may-restart.

Imported when the first of them asks: an agent that is only scraped, and pages, has none of it in memory.
"""

from collections.abc import Callable

from streamwatch.agent.auditing import Audits
from streamwatch.agent.entity_pages import EntityPages
from streamwatch.agent.flow_page import FlowPage
from streamwatch.agent.home_page import HomePage
from streamwatch.agent.journaling import AgentJournal
from streamwatch.agent.restarts import Restarts
from streamwatch.archive.archive import Archive
from streamwatch.core.clock import Clock
from streamwatch.samples.hub import Hub


class Answers:
    """One of each. They may be used from any thread."""

    def __init__(
        self, hub: Hub, clock: Clock, journal: AgentJournal, past: Callable[[], Archive], wake: Callable[[str], None]
    ) -> None:
        """Wire them; nothing is made before somebody asks.

        Args:
            hub: what the sources say.
            clock: what time it is.
            journal: what changed.
            past: returns the hours before.
            wake: has a source read now.

        """
        self.home = HomePage(hub, clock, journal.recent, past)
        self.flow = FlowPage(hub, clock)
        self.entities = EntityPages(hub, clock, journal.journal.changes)
        self.audits = Audits(hub, clock, journal.journal.changes)
        self.restarts = Restarts(clock, wake)
