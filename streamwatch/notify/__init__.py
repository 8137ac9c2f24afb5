"""Tells people: what is decided becomes notifications, kept until they are delivered.

``plan`` (pure) says what is to be told of a group of alerts, ``dispatch`` applies it in the transaction of the
decision, ``outbox`` keeps it, ``delivery`` sends it, one file a channel says how.
"""
