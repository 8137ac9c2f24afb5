"""PromQL: expressions parsed, checked and evaluated. The contract is Prometheus 3.5; no rule is known here."""
