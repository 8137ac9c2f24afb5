"""Grafana dashboards, made of the catalogue's metrics: ``dashboards/*.json`` is written from here, never by hand.

``panel`` says what a dashboard is made of, one file each says what is on it, ``grafana`` makes Grafana's JSON of it.
"""
