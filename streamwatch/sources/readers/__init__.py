"""Readers of streams: who reads on somebody's behalf. What needs boto3 is in ``kcl`` and ``doctor``.

What is pure: ``kcl_rows`` (what a table holds), ``kcl_join`` (of which stream it is), ``kcl_leases`` (what became of
its leases from read to read), ``kcl_lag`` (what a checkpoint says of the lag), ``kcl_judge`` (the readers of it all).
"""
