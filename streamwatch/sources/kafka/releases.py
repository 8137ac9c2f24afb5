"""The releases of a cluster's brokers, and the metadata version that they have agreed upon."""

import asyncio

from streamwatch import __version__
from streamwatch.core.errors import SourceError
from streamwatch.sources.kafka.apis import API_VERSIONS
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.fanout import Asking, Fanout
from streamwatch.sources.kafka.link import Link
from streamwatch.sources.kafka.problems import problem
from streamwatch.sources.kafka.release import Offer, offer_of


class ReleaseReader:
    """Takes what each session began with; one broker is asked again now and then, for features change meanwhile."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._newest = Offer()
        """The answer to the last such question."""
        self._asked_at: float | None = None

    async def refresh(self, asking: Asking, fanout: Fanout) -> None:
        """Ask one broker anew when it is time to."""
        now = asyncio.get_running_loop().time()
        if self._asked_at is None:
            self._asked_at = now  # The sessions are as new as the source.
        link = next((one for one in fanout.links.values() if one.up), None)
        if link is None or now - self._asked_at < self._config.topic_settings_interval:
            return
        self._asked_at, self._newest = now, Offer()
        try:
            self._newest = await _ask(asking, link)
        except SourceError as error:
            asking.problems.append(problem("broker", error, f"broker {link.name}: finalized features: {error}"))

    def releases(self, fanout: Fanout) -> dict[int, str]:
        """Return the release of each broker that is up and of which it is known."""
        links = {node: fanout.links[node] for node in sorted(fanout.links) if fanout.links[node].up}
        return {node: link.offer.release for node, link in links.items() if link.offer.release}

    def cluster(self, fanout: Fanout) -> tuple[str, str]:
        """Return the oldest release that a broker runs, and the metadata version; empty where that is not known."""
        offers = [link.offer for link in fanout.links.values() if link.up]
        if not offers:
            return "", ""
        releases = [offer.release for offer in offers]
        oldest = "" if "" in releases else min(releases, key=_ordered)
        return oldest, max([self._newest, *offers], key=lambda offer: offer.epoch).metadata_version


async def _ask(asking: Asking, link: Link) -> Offer:
    version = link.versions[API_VERSIONS.key]
    software = {"client_software_name": "streamwatch", "client_software_version": __version__} if version else {}
    answer = await asking.ask(link, API_VERSIONS, API_VERSIONS.encode(version, **software))
    return offer_of(API_VERSIONS.decode(version, answer))


def _ordered(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))
