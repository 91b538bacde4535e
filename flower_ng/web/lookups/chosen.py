"""Which tasks an action on many is about: chosen once, and kept as they were when reviewed."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.errors import BadRequest
from flower_ng.monitor.remote.batch_actions import MOST_TASKS
from flower_ng.store import TaskQuery

#: So many ids are kept for all reviews together.
MOST_KEPT: Final = 3 * MOST_TASKS


@dataclass(frozen=True, slots=True)
class Chosen:
    """Ids of tasks, and the search that found them; None where they were named one by one."""

    uuids: tuple[str, ...]
    search: str | None = None

    @property
    def digest(self) -> str:
        """Equal for the same ids in the same order."""
        return hashlib.sha256("\n".join(self.uuids).encode(errors="replace")).hexdigest()[:12]


async def chosen(
    cluster: Cluster, ids: Sequence[str], query: TaskQuery | None, words: str
) -> Chosen:
    """Return these tasks, or all that a query finds now, the oldest first; `words` tell the query.

    BadRequest where there are none, or more than one batch takes.
    """
    if query is None:
        uuids = list(dict.fromkeys(ids))
    else:
        found = replace(query, sort="received", descending=False, limit=MOST_TASKS + 1)
        uuids = await cluster.store.uuids(found)
    if not uuids:
        raise BadRequest("No task is chosen: give ids, or all=true with a search that finds some")
    if len(uuids) > MOST_TASKS:
        raise BadRequest(
            f"More than {MOST_TASKS:,} tasks are chosen: narrow the search. Nothing was done"
        )
    return Chosen(tuple(uuids), None if query is None else words)


class FrozenChoices:
    """What was chosen when somebody reviewed it, by the digest of the review. On the loop."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[str, Chosen] = OrderedDict()

    def keep(self, digest: str, choice: Chosen) -> None:
        """Remember it; the oldest go where there are too many ids."""
        self._kept.pop(digest, None)
        self._kept[digest] = choice
        while sum(len(one.uuids) for one in self._kept.values()) > self._most:
            self._kept.popitem(last=False)

    def of(self, digest: str) -> Chosen | None:
        """Return what was chosen, None where that is not known any more."""
        return self._kept.get(digest)
