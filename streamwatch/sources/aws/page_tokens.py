"""Where the next page of a listing begins: an answer that leads round and round must not be followed for ever."""

from typing import Final

from streamwatch.core.errors import SourceMisread

MOST_PAGES: Final = 100


class PageTokens:
    """The tokens of one listing's pages. A listing that has no end in sight is unknown, not as long as was read."""

    def __init__(self, what: str, most: int = MOST_PAGES) -> None:
        """Begin at the first page.

        Args:
            what: the listing, in messages.
            most: how many pages it may have.

        """
        self._what, self._most = what, most
        self._seen: set[str] = set()

    def follow(self, token: object) -> None:
        """Take the token that the next page is asked by.

        Raises:
            SourceMisread: a page before was asked by it, or there are too many.

        """
        text = repr(token)
        if text in self._seen:
            raise SourceMisread(f"{self._what}: the next page is one that was read before")
        self._seen.add(text)
        if len(self._seen) >= self._most:
            raise SourceMisread(f"{self._what}: more than {self._most} pages")
