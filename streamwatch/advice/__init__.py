"""What to change before it is full: pure functions over the newest samples, the last reads and the hours before.

``streams`` says where to split and merge, ``stream_cost`` what that costs, ``groups`` how many members are needed,
``readers`` how much faster a reader has to be, ``disks`` when they are full, ``brokers`` how many are needed without
one, and ``instances`` what MSK's instances bear; ``past`` reads the archive; ``advice`` is what all of them answer with
(docs/advice.md).
"""
