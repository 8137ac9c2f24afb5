"""Stories of readers: one cause is one page, its text says who, where and what to do, and it comes in time.

All of them happen in one account at the same time, but for one that takes an hour; time passes when it is told to.
"""

import re
from collections.abc import Mapping

import pytest

from streamwatch.rules.config import runbooks_folder
from tests.rules.reader_account import KINDS, Page, account
from tests.rules.reader_stories import DOCUMENT, HARMLESS, STORIES, Story, pages, written

LONG = [one for one in STORIES if one.minutes > 30]
ALONE = [one for one in STORIES if one.is_alone]
SHORT = [one for one in STORIES if one not in LONG and not one.is_alone]


@pytest.fixture(scope="module")
def paged() -> Mapping[str, tuple[str, list[Page]]]:
    """Of each story what its reader is called, and what was paged."""
    with account(KINDS) as short:
        names = [*(one.name for one in SHORT), *HARMLESS]
        found = pages(short, [*(one.make for one in SHORT), *HARMLESS.values()], 24)
    with account(("kcl",)) as long:
        names += [one.name for one in LONG]
        late = pages(long, [one.make for one in LONG], 72, every=3)
    with account(("kcl",)) as own:
        names += [one.name for one in ALONE]
        alone = pages(own, [one.make for one in ALONE], 24)
    readers = [f"s{at}" for some in (found, late, alone) for at in range(len(some))]
    return dict(zip(names, zip(readers, [*found, *late, *alone], strict=True), strict=True))


@pytest.mark.parametrize("story", STORIES, ids=[one.name for one in STORIES])
def test_one_cause_is_one_page_that_says_who_where_and_what_to_do(
    story: Story, paged: Mapping[str, tuple[str, list[Page]]]
) -> None:
    reader, found = paged[story.name]
    assert [(one.alert.name, one.turn) for one in found] == [(story.alert, story.minutes)]
    annotations = dict(found[0].alert.annotations)
    text = f"{annotations['summary']} | {annotations['description']}"
    assert re.search(rf"\b{reader}\b", text), text
    assert re.search(story.position, text), text
    assert story.remedy in text
    assert (runbooks_folder() / f"{story.alert}.md").is_file()


@pytest.mark.parametrize("name", HARMLESS)
def test_what_mends_itself_or_is_wanted_pages_nobody(name: str, paged: Mapping[str, tuple[str, list[Page]]]) -> None:
    assert paged[name][1] == []


def test_the_table_of_the_documentation_is_what_was_played() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == written(), "run python -m tests.rules.reader_stories"
