"""Run by an interpreter that has kubernetes-validate: reads documents and versions, and prints what is wrong.

Objects of Prometheus's and Grafana's operators are not Kubernetes's own, and are not here.
"""

import json
import sys

import kubernetes_validate  # type: ignore[import-not-found] # of that interpreter


def main() -> None:
    """Read JSON from standard input: ``{"versions": [...], "documents": [...]}``; print a list of what is wrong."""
    given = json.load(sys.stdin)
    wrong = []
    for document in given["documents"]:
        for version in given["versions"]:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                name = f"{document['kind']}/{document['metadata']['name']}"
                wrong.append(f"{version}: {name}: {error}")
    json.dump(wrong, sys.stdout)


main()
