"""Several agents that act as one: who notifies, and who hears whom."""

from typing import Final

from streamwatch.model.metric import Metric, Tier

PEER: Final = ("peer",)
"""Host and port of another agent, as they stand in ``ha.peers``."""

NOTIFIES = Metric(
    name="streamwatch_pair_notifies",
    kind="gauge",
    unit="",
    labels=(),
    tier=Tier.AGENT,
    help="Whether this agent is the one that notifies now (1) or not (0); absent without `ha`.",
    question="Which agent pages?",
)
HOLDS = Metric(
    name="streamwatch_pair_lease_held",
    kind="gauge",
    unit="",
    labels=(),
    tier=Tier.AGENT,
    help="Whether this agent holds the lease (1) or not (0); absent without `ha`.",
    question="Who holds the lease?",
)
LEASE_UP = Metric(
    name="streamwatch_pair_lease_up",
    kind="gauge",
    unit="",
    labels=(),
    tier=Tier.AGENT,
    help="Whether the lease's home answered when it was asked last (1) or not (0); absent without `ha`.",
    question="Can the agents agree on who notifies?",
)
LEASE_HOLDERS = Metric(
    name="streamwatch_pair_lease_holders",
    kind="gauge",
    unit="",
    labels=(),
    tier=Tier.AGENT,
    help="How many agents hold the lease, as far as this one knows; 1 is right.",
    question="Does nobody hold the lease, or do several?",
)
TAKEOVERS = Metric(
    name="streamwatch_pair_takeovers_total",
    kind="counter",
    unit="",
    labels=(),
    tier=Tier.AGENT,
    help="How often this agent has begun to notify.",
    question="Does it go back and forth?",
)
PEER_UP = Metric(
    name="streamwatch_pair_peer_up",
    kind="gauge",
    unit="",
    labels=PEER,
    tier=Tier.AGENT,
    help="Whether the other agent was heard of late (`ha.deaf_after`) (1) or not (0).",
    question="Is there another one, if this one dies?",
)
PEER_DECIDES = Metric(
    name="streamwatch_pair_peer_decides",
    kind="gauge",
    unit="",
    labels=PEER,
    tier=Tier.AGENT,
    help="Whether the other agent was heard of late, and decides alerts (1) or not (0).",
    question="Would the other one see what this one sees?",
)
PEER_AGE = Metric(
    name="streamwatch_pair_peer_age_seconds",
    kind="gauge",
    unit="seconds",
    labels=PEER,
    tier=Tier.AGENT,
    help="How long ago the other agent was asked for what it said last; since the start, where it was never heard.",
    question="How old is what I know of the other?",
)
PEER_DISAGREEMENTS = Metric(
    name="streamwatch_pair_peer_disagreements",
    kind="gauge",
    unit="",
    labels=PEER,
    tier=Tier.AGENT,
    help="Alerts that fire for one of two agents and are not even pending for the other, but for those of an agent.",
    question="Do both see the same?",
)
PEER_DISAGREEMENT = Metric(
    name="streamwatch_pair_peer_disagreement_seconds",
    kind="gauge",
    unit="seconds",
    labels=PEER,
    tier=Tier.AGENT,
    help="For how long the two agents have disagreed on the same alert, of several the longest; 0 where they agree.",
    question="Is one of the two blind to something?",
)

METRICS: tuple[Metric, ...] = (
    NOTIFIES, HOLDS, LEASE_UP, LEASE_HOLDERS, TAKEOVERS, PEER_UP, PEER_DECIDES, PEER_AGE, PEER_DISAGREEMENTS,
    PEER_DISAGREEMENT,
)  # fmt: skip
