"""The Kinesis streams of one AWS account, and the stream that is probed by records."""

from dataclasses import dataclass

from streamwatch.settings.types import setting
from streamwatch.sources.kinesis.config import Config as Kinesis
from streamwatch.sources.probe_config import StreamProbe


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig(Kinesis):
    """The Kinesis streams of one AWS account, in one region or several."""

    stream_probe: StreamProbe = setting(
        "records of the agent's own through a stream of its own", default_factory=StreamProbe
    )

    def __post_init__(self) -> None:
        region = self.stream_probe.region
        if region is not None and region not in self.regions:
            there = ", ".join(self.regions)
            raise ValueError(f"stream_probe.region: {region!r} is none of regions: {there}")
        Kinesis.__post_init__(self)  # super() knows the class as it was before it got its slots

    @property
    def probed_region(self) -> str:
        """Where the probe's stream is."""
        return self.stream_probe.region or self.regions[0]
