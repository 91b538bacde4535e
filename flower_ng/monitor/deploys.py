"""Deploy is what somebody told of, or a guess: workers that started together. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

#: Starts that are no further apart belong to one deploy.
TOGETHER_S: Final = 120.0
#: Worker names that are listed; the rest is counted.
MOST_NAMES: Final = 3


@dataclass(frozen=True, slots=True)
class Deploy:
    """What was deployed at `at` (UTC seconds), or the `workers` that started together from then on.

    One with an `id` was told, by `by`, with a `name`, and `version` and `link` where they are not
    empty. Any other is an inference: somebody may just have restarted these workers. `version` is
    then that of their Celery, or several, empty where none is known.
    """

    at: float
    workers: tuple[str, ...] = ()
    id: str = ""
    name: str = ""
    version: str = ""
    link: str = ""
    by: str = ""

    @property
    def is_told(self) -> bool:
        """Whether somebody told of it."""
        return bool(self.id)

    @property
    def label(self) -> str:
        """What was deployed, in a few words."""
        if self.is_told:
            return f"{self.name} {self.version}".rstrip()
        named = ", ".join(self.workers[:MOST_NAMES])
        more = len(self.workers) - MOST_NAMES
        return f"{named}{f' and {more} more' if more > 0 else ''}"

    @property
    def words(self) -> str:
        """What was told, or seen, and what that may mean."""
        return f"{self.label} {'deployed' if self.is_told else 'started, possibly a deploy'}"

    def record(self) -> dict[str, Any]:
        """Return it as the API answers it."""
        return {**asdict(self), "is_told": self.is_told, "words": self.words}


def latest(deploys: Sequence[Deploy]) -> Deploy | None:
    """Return the newest that was told, else the newest guess; of the oldest first."""
    told = [one for one in deploys if one.is_told]
    return next(reversed(told or deploys), None)


def together(starts: Iterable[tuple[float, str, str]]) -> Iterator[Deploy]:
    """Yield starts, each a time, a name and a version, in groups: none is far from the last one."""
    group: list[tuple[float, str, str]] = []
    for start in sorted(starts):
        if group and start[0] - group[-1][0] > TOGETHER_S:
            yield _deploy(group)
            group = []
        group.append(start)
    if group:
        yield _deploy(group)


def _deploy(group: list[tuple[float, str, str]]) -> Deploy:
    names = dict.fromkeys(name for _, name, _ in group)
    versions = {version for *_, version in group if version}
    return Deploy(group[0][0], tuple(names), version=", ".join(sorted(versions)))
