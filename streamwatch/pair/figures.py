"""What there is to say about a pair, for the page of metrics."""

import numpy as np

from streamwatch.catalogue import pair as c
from streamwatch.model.metric import Keys, Samples
from streamwatch.pair.pair import Pair


def figures(pair: Pair) -> list[Samples]:
    """Return who notifies, and who is heard."""
    heard = pair.peer_figures()
    keys = Keys(c.PEER, [(one.name,) for one in heard])
    columns = {
        c.PEER_UP: [float(one.lives) for one in heard],
        c.PEER_DECIDES: [float(one.decides) for one in heard],
        c.PEER_AGE: [one.age for one in heard],
        c.PEER_DISAGREEMENTS: [float(one.disagreements) for one in heard],
        c.PEER_DISAGREEMENT: [one.disagreement_seconds for one in heard],
    }
    return [
        c.NOTIFIES.sample(float(pair.may_send())),
        c.HOLDS.sample(float(pair.holds)),
        c.LEASE_UP.sample(float(pair.is_lease_reached)),
        c.LEASE_HOLDERS.sample(float(pair.holders)),
        c.TAKEOVERS.sample(float(pair.takeovers)),
        *(metric.samples(keys, np.array(values, dtype=np.float64)) for metric, values in columns.items()),
    ]
