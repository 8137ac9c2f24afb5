"""What the decision list said of a story, and whether it was right."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from tests.incidents.labels import Label

Verdict = Literal["right", "not known", "wrong", "nothing fired", "quiet, as it should be"]


@dataclass
class Outcome:
    """What was said of one story while an alert fired."""

    sentence: str = ""
    """The first; empty where nothing fired."""
    kind: str = ""
    """Of its cause; empty where it was not known."""
    seconds: float | None = None
    """From the cause to the first sentence."""
    kinds: list[str] = field(default_factory=list)
    """Of all causes that were said, each once."""
    others: list[str] = field(default_factory=list)
    """The first sentence of each other kind."""

    def see(self, incidents: Iterable[tuple[str, str]], seconds: float) -> None:
        """Take the incidents of which an alert fires: kind and sentence of each, in their order."""
        for kind, sentence in incidents:
            if self.seconds is None:
                self.sentence, self.kind, self.seconds = sentence, kind, seconds
            if kind and kind not in self.kinds:
                self.kinds.append(kind)
                if sentence != self.sentence:
                    self.others.append(sentence)

    def verdict(self, label: Label, subject: str) -> Verdict:
        """Say whether it was right: the first sentence names a true cause and its subject, and no other was said."""
        if set(self.kinds) - label.causes:
            return "wrong"
        if self.seconds is None:
            return "nothing fired" if label.causes else "quiet, as it should be"
        if not self.kind:
            return "not known"
        return "right" if subject in self.sentence else "wrong"

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        return asdict(self)

    @classmethod
    def of_json(cls, text: dict[str, Any]) -> Self:
        """Return what ``as_json`` wrote."""
        return cls(**text)
