"""Which of many names are looked at."""

from dataclasses import dataclass

from streamwatch.core.patterns import quickest
from streamwatch.settings.types import Pattern, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Which names to look at: those that some `allow` matches and no `deny` does; each must match the whole name."""

    allow: tuple[Pattern, ...] = setting("regular expressions of RE2; none at all allows every name", default=())
    deny: tuple[Pattern, ...] = setting("regular expressions of RE2; a match here wins over `allow`", default=())

    def admits(self, name: str) -> bool:
        """Say whether this name is looked at."""
        if any(quickest(pattern).fullmatch(name) for pattern in self.deny):
            return False
        return not self.allow or any(quickest(pattern).fullmatch(name) for pattern in self.allow)

    @property
    def everything(self) -> bool:
        """Whether no name is left out."""
        return not self.allow and not self.deny
