"""What became of readers from one read to the next.

A KCL application is known by its lease table, and its streams a read or more later: until then it has no name of its
own, and is neither new nor gone.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from streamwatch.core.times import duration
from streamwatch.journal.entities import Entities, Facet, Facts
from streamwatch.journal.kinds import Difference
from streamwatch.journal.seen import Seen
from streamwatch.model.journal_entry import labels_of
from streamwatch.model.reader import Reader, ReadersSnapshot, RetryPolicy

_IN: Final = " in "
_NOBODY: Final = "nobody"
_NAMELESS: Final = "nameless"
_NAMELESS_SECONDS: Final = 600.0
"""An application whose stream is not known for so long is one without a stream."""
_READERS: Final = Facet(
    "reader.created",
    "reader.deleted",
    {
        "wanted": "reader.state", "reads": "reader.settings", "target": "reader.settings",
        "retries": "reader.settings", "buffer": "reader.settings", "owners": "reader.owners",
    },
)  # fmt: skip


def step_readers(seen: Seen, snapshot: ReadersSnapshot, *, is_scope_new: bool) -> tuple[Seen, list[Difference]]:
    """Return what is known of readers after a read, and what differs; none is gone while anything was not read."""
    if snapshot.readers is None or (snapshot.problems and seen.entities("readers") is None):
        return seen, []
    nameless = {_application(one): one for one in snapshot.readers if one.kind == "kcl" and one.stream is None}
    named = [one for one in snapshot.readers if one.kind != "kcl" or one.stream is not None]
    facts = {_name(one): dict(_reader_facts(one)) for one in named}
    applications = {_name(one): _application(one) for one in named if one.kind == "kcl"}
    since = _nameless_since(seen, frozenset(nameless), snapshot.taken_at)
    for application, reader in nameless.items():
        if snapshot.taken_at - float(since[application]["since"]) >= _NAMELESS_SECONDS:
            facts[application] = dict(_reader_facts(reader))
    seen = _named_since(seen, facts, applications, nameless).having(_NAMELESS, since)
    is_whole = not snapshot.problems
    after, differences = seen.after(
        "readers", _READERS, facts, snapshot.taken_at,
        lambda name: is_whole and _of_application(name) not in nameless, is_scope_new=is_scope_new,
    )  # fmt: skip
    return after, list(differences)


def _nameless_since(seen: Seen, nameless: frozenset[str], at: float) -> dict[str, Facts]:
    """Return since when applications have no stream that is known, and which had none in the first read of all."""
    before = seen.entities(_NAMELESS) or {}
    first = {"since": f"{at}"} | ({"first": "yes"} if seen.entities("readers") is None else {})
    return {name: before.get(name, first) for name in sorted(nameless)}


def _named_since(
    seen: Seen, facts: Mapping[str, Facts], applications: Mapping[str, str], nameless: Mapping[str, Reader]
) -> Seen:
    """Note the names that applications have got which were there before: these are not new.

    Args:
        seen: what is known.
        facts: of this read, by name.
        applications: the application of each name that has a stream.
        nameless: the applications of which a stream is not known.

    """
    known, waited = seen.entities("readers"), seen.entities(_NAMELESS) or {}
    if known is None:
        return seen
    got = {
        name: application
        for name, application in applications.items()
        if name not in known and (application in known or "first" in waited.get(application, {}))
    }
    if not got:
        return seen
    rest: Entities = {name: known[name] for name in known if name in nameless or name not in got.values()}
    return seen.having("readers", {**rest, **{name: facts[name] for name in got}}, seen.pending.get("readers"))


def _application(reader: Reader) -> str:
    return f"{reader.kind} {reader.name}{_IN}{reader.region}"


def _name(reader: Reader) -> str:
    if reader.kind == "kcl" and reader.stream:
        return f"{reader.kind} {reader.name} of {reader.stream}{_IN}{reader.region}"
    return _application(reader)


def _of_application(name: str) -> str:
    """Return the application of a name that has a stream; the name itself where it has none."""
    of = labels_of(_READERS.created, name)
    return f"{of['kind']} {of.get('reader', '')}{_IN}{of.get('aws_region', '')}" if "stream" in of else name


def _reader_facts(reader: Reader) -> Iterator[tuple[str, str]]:
    """Yield what is known of what a reader is to do, and of who does it."""
    if reader.state in {"unknown", "changing"}:
        return
    yield "wanted", "disabled" if reader.state == "disabled" else "enabled"
    sources = (("stream", reader.stream), ("cluster", reader.cluster), ("topic", reader.topic or reader.topics))
    yield "reads", " ".join(f"{word}={name}" for word, name in (*sources, ("group", reader.group)) if name)
    if reader.target is not None:
        yield "target", f"target={reader.target}"
    if reader.retries is not None:
        yield "retries", _policy(reader.retries)
    if reader.work is not None and reader.work.buffer_seconds is not None:
        yield "buffer", f"buffer={duration(reader.work.buffer_seconds)}"
    assignment = reader.assignment
    if assignment is not None and assignment.workers is not None:
        yield "owners", ", ".join(sorted({each.worker for each in reader.positions} - {""})) or _NOBODY


def _policy(retries: RetryPolicy) -> str:
    age = retries.record_age_seconds
    return (
        f"attempts={'no limit' if retries.attempts is None else retries.attempts}"
        f" record age={'no limit' if age is None else duration(age)}"
        f" halves={'yes' if retries.bisects else 'no'} destination={retries.destination or 'none'}"
    )
