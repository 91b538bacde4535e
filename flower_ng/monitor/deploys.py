"""Deploy is a group of workers that started at about the same time: a guess. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

#: Starts that are no further apart belong to one deploy.
TOGETHER_S: Final = 120.0
#: Worker names that are listed; the rest is counted.
MOST_NAMES: Final = 3


@dataclass(frozen=True, slots=True)
class Deploy:
    """Workers that started together: when the first did (UTC seconds), and whose starts they are.

    That it was a deploy is an inference: somebody may just have restarted them.
    """

    at: float
    workers: tuple[str, ...]

    @property
    def words(self) -> str:
        """What was seen, and what it may mean."""
        named = ", ".join(self.workers[:MOST_NAMES])
        more = len(self.workers) - MOST_NAMES
        return f"{named}{f' and {more} more' if more > 0 else ''} started, possibly a deploy"


def together(starts: Iterable[tuple[float, str]]) -> Iterator[Deploy]:
    """Yield starts, each a time and a name, in groups: none is far from the one before."""
    group: list[tuple[float, str]] = []
    for start in sorted(starts):
        if group and start[0] - group[-1][0] > TOGETHER_S:
            yield _deploy(group)
            group = []
        group.append(start)
    if group:
        yield _deploy(group)


def _deploy(group: list[tuple[float, str]]) -> Deploy:
    return Deploy(group[0][0], tuple(dict.fromkeys(name for _, name in group)))
