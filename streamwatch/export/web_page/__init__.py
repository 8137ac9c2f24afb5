"""The agent's own page, at ``/``: what is wrong, seen in two seconds, without Grafana.

``said`` looks up what is known, ``clusters``, ``streams`` and ``alerts`` say what is shown of it, ``view`` puts the
page together, ``render`` makes HTML of it by the templates. All of it is pure: who asks gets what is known then.
"""
