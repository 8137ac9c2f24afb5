"""Which cluster this is: addresses are given to others, a cluster's id is not."""

from streamwatch.core.errors import SourceForeign


class Identity:
    """The id of the cluster that is watched: the configured one, else the one that the first read found."""

    def __init__(self, configured: str | None) -> None:
        self._known = configured

    def learn(self, cluster_id: str | None) -> bool:
        """Take an id for this cluster's where none is known yet; say whether it was taken."""
        if self._known is not None or not cluster_id:
            return False
        self._known = cluster_id
        return True

    def check(self, cluster_id: str | None, address: str) -> None:
        """Compare the id that a broker gives; one that gives none proves nothing.

        Raises:
            SourceForeign: it is another cluster's.

        """
        if self._known is not None and cluster_id and cluster_id != self._known:
            raise SourceForeign(
                f"another cluster (id {cluster_id!r}) answers at {address}; this one's id is {self._known!r}:"
                " restart the agent or set `cluster_id` if that is meant"
            )
