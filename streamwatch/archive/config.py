"""How much of the hours before is archived."""

from dataclasses import dataclass

from streamwatch.settings.types import Size, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The archive: a week of the few numbers that matter of each cluster, broker, group, topic, stream and reader."""

    memory: Size = setting(
        "what its values may take, in memory; a number of one entity takes 34 kB, and where they are more than fit the"
        " less important ones have no history. Its file, beside `rules.state` with `.archive` at its end, takes three"
        " times as much at most, and one more while it is written anew. `0` archives nothing",
        default=64 * 2**20,
        minimum=0,
        maximum=16 * 2**30,
    )
