"""The map as it is now, made of samples that others have: nothing is read for it."""

from collections.abc import Iterable

from streamwatch.flow import connect, kafka, kinesis, topic_readers
from streamwatch.flow.facts import Facts, Part
from streamwatch.flow.graph import Builder, Graph
from streamwatch.flow.past import Past, no_past


def assembled(parts: Iterable[Part], past: Past = no_past) -> Graph:
    """Return the map of all parts of the configuration.

    Args:
        parts: what is known now.
        past: what was known before.

    """
    facts, builder = Facts(parts), Builder()
    kafka.add_topics(builder, facts)
    owners = {
        **topic_readers.owners_of_readers(builder, facts),
        **connect.owners(builder, facts),
    }
    kafka.add_groups(builder, facts, owners)
    connect.add_topics_of_connectors(builder, facts, past)
    topic_readers.add_topics_of_readers(builder, facts)
    topic_readers.add_copies(builder, facts)
    kinesis.add_streams(builder, facts)
    kinesis.add_readers(builder, facts)
    topic_readers.add_deliveries(builder, facts)
    kinesis.add_unnamed(builder, facts)
    return builder.graph()
