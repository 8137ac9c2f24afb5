"""Of all samples those about one thing: a page of it looks at nothing else."""

from collections.abc import Iterable, Mapping

from streamwatch.model.metric import Keys, Samples, Values


def narrowed(samples: Iterable[Samples], labels: Mapping[str, str]) -> list[Samples]:
    """Return the samples that have all these labels; of metrics without one of them, none."""
    found: list[Samples] = []
    known: dict[int, tuple[Keys, list[int]]] = {}
    """By identity of keys, which many metrics share: fewer keys, and where their rows are."""
    for each in samples:
        if not labels.keys() <= set(each.keys.names):
            continue
        cut = known.get(id(each.keys))
        if cut is None:
            rows = _matching(each.keys, labels)
            cut = known[id(each.keys)] = Keys(each.keys.names, [each.keys.rows[at] for at in rows]), rows
        keys, rows = cut
        if rows:
            values: Values = each.values[rows]
            found.append(Samples(each.metric, keys, values))
    return found


def _matching(keys: Keys, labels: Mapping[str, str]) -> list[int]:
    """Return which rows have these values."""
    (first, value), *others = sorted(((keys.names.index(name), value) for name, value in labels.items()), reverse=True)
    rows = [at for at, row in enumerate(keys.rows) if row[first] == value]  # the last label tells most apart
    return [at for at in rows if all(keys.rows[at][place] == wanted for place, wanted in others)]
