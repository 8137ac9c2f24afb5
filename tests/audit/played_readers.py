"""The stories of readers, many at once in one account, under the eyes of an audit."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from tests.audit.audited_agent import findings
from tests.audit.labels import READERS, Finding
from tests.audit.played import AuditedStory, judged
from tests.audit.test_reference_streams import audited
from tests.rules.reader_account import KINDS, Account, account
from tests.rules.reader_stories import HARMLESS, STORIES, Make, break_all, well

_MINUTES: Final = 12
"""After which what breaks is known, and none has mended itself."""
_LONG_MINUTES: Final = 69
_NAME: Final = re.compile(r"\bs\d+\b")


def readers() -> list[AuditedStory]:
    """Return what audits said of each story, before it and in it."""
    alone = {story.name: story.make for story in STORIES if story.is_alone}
    long = {story.name: story.make for story in STORIES if story.minutes > _LONG_MINUTES / 2}
    short = {story.name: story.make for story in STORIES if story.name not in {*alone, *long}}
    return [
        *_play({**short, **HARMLESS}, KINDS, _MINUTES),
        *_play(long, ("kcl",), _LONG_MINUTES, every=3),
        *_play(alone, ("kcl",), _MINUTES),
    ]


def _play(makes: Mapping[str, Make], kinds: Collection[str], minutes: int, every: int = 1) -> list[AuditedStory]:
    with account(kinds) as of:
        breaks = well(of, makes.values())
        quiet = _audited(of, [*makes])
        break_all(of, breaks, minutes, every)
        then = _audited(of, [*makes])
    assert quiet.keys() | then.keys() <= makes.keys()
    return [
        *(replace(judged(name, READERS[name].standing, quiet[name]), name=f"{name}, before") for name in makes),
        *(judged(name, READERS[name].all, then[name]) for name in makes),
    ]


def _audited(of: Account, names: list[str]) -> Mapping[str, list[Finding]]:
    """Return what an audit finds, by story: streams and readers have its number in their names."""
    found = defaultdict[str, list[Finding]](list)
    for check, severity, target in findings(audited(of)):
        named = _NAME.search(target)
        story = target if named is None else names[int(named[0][1:])]
        found[story].append((check, severity, _NAME.sub("{}", target)))
    return found
