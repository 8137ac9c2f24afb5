"""Remote write: what the page shows, sent to Prometheus, Mimir, Thanos, VictoriaMetrics or Amazon Managed Prometheus.

``encode`` makes requests of samples (pure), ``sender`` keeps and sends them; how a request travels is given to it.
"""
