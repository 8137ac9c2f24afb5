"""Which cluster this is: addresses are given to others, a cluster's id is not."""

from streamwatch.core.errors import SourceForeign


class Identity:
    """The id of the cluster that is watched: the configured one, else the one that the first read found."""

    def __init__(self, configured: str | None) -> None:
        self._known = configured

    def learn(self, found: str | None) -> bool:
        """Take an id for this cluster's where none is known yet; say whether it was taken."""
        if self._known is not None or not found:
            return False
        self._known = found
        return True

    def check(self, found: str | None, address: str) -> None:
        """Compare the id that a broker gives; one that gives none proves nothing.

        Raises:
            SourceForeign: it is another cluster's.

        """
        if self._known is not None and found and found != self._known:
            raise SourceForeign(
                f"another cluster (id {found!r}) answers at {address}; this one's id is {self._known!r}:"
                " restart the agent or set `cluster_id` if that is meant"
            )
