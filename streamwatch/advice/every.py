"""Every advice there is: of the last reads, the newest samples, and the hours before."""

from collections.abc import Iterable

from streamwatch.advice.advice import Advice
from streamwatch.advice.brokers import advise_brokers
from streamwatch.advice.config import Prices
from streamwatch.advice.disks import advise_disks
from streamwatch.advice.groups import advise_groups
from streamwatch.advice.instances import advise_instances
from streamwatch.advice.past import Lookup, PastHours
from streamwatch.advice.readers import advise_readers
from streamwatch.advice.streams import advise_stream
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.newest_samples import NewestSamples
from streamwatch.model.snapshot import Snapshot


def every_advice(
    reads: Iterable[Snapshot | None], samples: NewestSamples, curve: Lookup, now: float, prices: Prices | None
) -> list[Advice]:
    """Return what to change of all that was read."""
    past = PastHours(curve, now)
    found = advise_readers(samples, past)
    for read in reads:
        if isinstance(read, StreamsSnapshot):
            for stream in read.streams or ():
                found += advise_stream(stream, past, prices)
        elif isinstance(read, ClusterSnapshot):
            found += advise_groups(read, past)
            found += advise_disks(read, past)
            found += advise_brokers(read, samples, past)
            found += advise_instances(read, samples, past)
    return found
