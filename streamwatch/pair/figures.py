"""What there is to say about a pair, for the page of metrics."""

import numpy as np

from streamwatch.catalogue import pair as c
from streamwatch.model.metric import Keys, Samples
from streamwatch.pair.pair import Pair


def figures(pair: Pair) -> list[Samples]:
    """Return who notifies, and who is heard."""
    heard = pair.peer_figures()
    keys = Keys(c.PEER, [(name,) for name, *_ in heard])
    columns = {
        c.PEER_UP: [float(lives) for _, lives, _, _ in heard],
        c.PEER_AGE: [age for _, _, age, _ in heard],
        c.PEER_DISAGREEMENTS: [float(differ) for _, _, _, differ in heard],
    }
    return [
        c.NOTIFIES.sample(float(pair.may_send())),
        c.HOLDS.sample(float(pair.holds)),
        c.LEASE_UP.sample(float(pair.is_lease_reached)),
        c.TAKEOVERS.sample(float(pair.takeovers)),
        *(metric.samples(keys, np.array(values, dtype=np.float64)) for metric, values in columns.items()),
    ]
