"""What all connections of one broker share: its queue of requests, its handler threads, and whether it runs at all."""

import asyncio
from collections.abc import Callable

from streamwatch.reference.kafka.broker import Broker
from streamwatch.reference.kafka.measures import Measures
from streamwatch.reference.kafka.site import Site


class RequestChannel:
    """Between the network and the handlers of a broker, as Kafka's class of this name."""

    def __init__(self, site: Site, broker: Broker, pulse: Callable[[], None]) -> None:
        self.site = site
        self.broker = broker
        self.pulse = pulse
        """To be called when the model may have changed."""
        self.measures: Measures = site.measures[broker.id]
        settings = site.cluster.settings
        self.queue = asyncio.Semaphore(settings.number("queued.max.requests"))
        self.handlers = asyncio.Semaphore(settings.number("num.io.threads"))
        self.awake = asyncio.Event()
        """Cleared while the broker is frozen."""
        self.awake.set()
