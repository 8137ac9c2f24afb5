"""Whether a Kafka cluster or Kinesis is probed, by records of the agent's own, and how."""

from dataclasses import dataclass

from streamwatch.settings.types import Duration, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaProbe:
    """Records that the agent writes and reads itself, through each broker; off by default (docs/probe.md).

    It takes the rights to write and read this one topic, which the agent otherwise does not need.
    """

    enabled: bool = setting("whether the cluster is probed", default=False)
    topic: str = setting("the topic, which nobody else writes", default="streamwatch-probe")
    interval: Duration = setting(
        "how often a record is written through each broker", default=1.0, minimum=0.1, maximum=60
    )
    timeout: Duration = setting(
        "how long a record may take to be acknowledged by all in-sync replicas, and consumed; it is written again until"
        " then where Kafka's clients would",
        default=5.0,
        minimum=0.1,
        maximum=60,
    )
    create: bool = setting(
        "whether the agent makes the topic, adds a partition for a broker that leads none, and has preferred leaders"
        " elected; otherwise the topic is used as it is",
        default=False,
    )
    replication_factor: int = setting(
        "replicas of each partition, where the agent makes it; fewer brokers have fewer", default=3, minimum=1
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamProbe:
    """Records that the agent writes and reads itself, through a stream of its own; off by default (docs/probe.md).

    It takes the rights to write and read this one stream, which the agent otherwise does not need. The stream costs
    dollars: `streamwatch doctor` says how many, before an agent runs with it.
    """

    enabled: bool = setting("whether records are written and read", default=False)
    stream: str = setting("the stream, which nobody else writes; the agent makes none", default="streamwatch-probe")
    region: str | None = setting("which of the regions it is in; left out, the first", default=None)
    interval: Duration = setting("how often a record is written", default=1.0, minimum=0.5, maximum=60)
    timeout: Duration = setting(
        "how long a record may take to be acknowledged, and consumed; it is written again until then where AWS's SDKs"
        " would",
        default=5.0,
        minimum=0.1,
        maximum=60,
    )
