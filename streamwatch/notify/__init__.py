"""Tells people: what is decided becomes notifications, kept until they are delivered.

``plan`` (pure) says which notification a group of alerts needs, ``dispatch`` applies it in the transaction of the
decision, ``outbox`` keeps it, ``delivery`` sends it, one file a channel says how.
"""
