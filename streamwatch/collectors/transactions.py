"""Transactions that hold readers of committed data back."""

import numpy as np

from streamwatch.catalogue import kafka as c
from streamwatch.model.kafka import ClusterSnapshot, Topology
from streamwatch.model.metric import Keys, Samples


def transaction_samples(now: ClusterSnapshot, topology: Topology) -> list[Samples]:
    """Return the samples of the open transactions in the selected topics."""
    index = topology.topic_index
    shown = [
        transaction
        for transaction in now.transactions
        if transaction.topic in index and now.selected[index[transaction.topic]]
    ]
    keys = Keys(
        c.TRANSACTION,
        [
            (
                now.cluster,
                one.topic,
                str(one.partition),
                str(one.first_offset),
                one.transactional_id,
                str(one.producer_id) if one.producer_id >= 0 else "",
            )
            for one in shown
        ],
    )
    coordinated = [np.nan if one.coordinated is None else float(one.coordinated) for one in shown]
    return [
        c.TRANSACTION_START.samples(keys, np.array([one.started_at for one in shown], dtype=np.float64)),
        c.TRANSACTION_COORDINATED.samples(keys, np.array(coordinated, dtype=np.float64)),
    ]
