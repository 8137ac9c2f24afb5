"""One advice: what to do, its sum, the data behind it, and how sure it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

State = Literal["do", "fine", "unknown"]
ORDER: Final[Mapping[State, int]] = {"do": 0, "unknown": 1, "fine": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is to be done about one thing, as far as one question goes."""

    about: Literal["stream", "group", "reader", "cluster"]
    labels: Mapping[str, str]
    """Which one."""
    question: str
    """What is asked of it: ``shards``, ``mode``, ``members``."""
    state: State
    """Whether something is to be done, nothing, or that is not known."""
    action: str
    """What to do; where that is not known, why."""
    sum: str = ""
    """The sum that leads there, in one line; empty where it is not known."""
    data: tuple[str, ...] = ()
    """Which metrics over which time."""
    sure: str = ""
    """What the sum assumes, and so how sure it is."""
    commands: tuple[str, ...] = ()
    """What would do it; nothing of it is run."""

    @property
    def subject(self) -> str:
        """The thing, in words."""
        return f"{self.about} {'/'.join(self.labels.values())}"


def of_cluster(  # noqa: PLR0913, PLR0917 - the fields of an advice
    cluster: str,
    question: str,
    action: str,
    sums: str = "",
    data: tuple[str, ...] = (),
    sure: str = "",
    *,
    is_enough: bool = True,
) -> Advice:
    """Return an advice about a Kafka cluster; one without a sum is not known."""
    return Advice(
        about="cluster",
        labels={"kafka_cluster": cluster},
        question=question,
        state="unknown" if not sums else "fine" if is_enough else "do",
        action=action,
        sum=sums,
        data=data,
        sure=sure,
    )


def as_json(advice: Advice) -> dict[str, Any]:
    """Return an advice as ``/api/v1/advise`` has it."""
    return {
        "about": advice.about,
        "labels": dict(advice.labels),
        "question": advice.question,
        "state": advice.state,
        "action": advice.action,
        "sum": advice.sum,
        "data": list(advice.data),
        "sure": advice.sure,
        "commands": list(advice.commands),
    }
