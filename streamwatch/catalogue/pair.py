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
    help="Alerts that fire for one of the two agents only, but for those about an agent itself.",
    question="Do both see the same?",
)

METRICS: tuple[Metric, ...] = (NOTIFIES, HOLDS, LEASE_UP, TAKEOVERS, PEER_UP, PEER_AGE, PEER_DISAGREEMENTS)
