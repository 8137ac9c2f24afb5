"""The agent's own page, at ``/``: what is wrong, seen in two seconds, without Grafana.

``sample_index`` looks up the newest samples and ``words`` puts values into words; ``clusters``, ``streams`` and
``alerts`` say what is shown of them, ``view`` puts the page together, ``render`` makes HTML of it by the templates. All
of it is pure: who asks gets what is known then.
"""
