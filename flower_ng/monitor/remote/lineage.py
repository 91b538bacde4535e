"""What stored results say of who belongs together: groups, and what a task sent. On the loop.

Events name a task's parent and root, never its group. A stored result has the group and the tasks
that were sent while it ran; it is looked up once, since it does not change any more.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Final

from celery.backends.base import KeyValueStoreBackend
from celery.exceptions import CeleryError
from celery.result import GroupResult

from flower_ng.errors import Unavailable
from flower_ng.monitor.remote.bounded_calls import BoundedCalls
from flower_ng.monitor.remote.results import Meta, Results

#: For how long results are read at a time, and how long that is waited for.
READING_S: Final = 0.8
WAIT_S: Final = 4.0
#: Results that are asked for in one round trip: few at first, as they may be large.
FIRST_CHUNK, MOST_CHUNK = 8, 256
FAST_S: Final = 0.05
#: Tasks that are remembered, and ids of a group that are taken from one result.
MOST_KEPT: Final = 50_000
MOST_NAMED: Final = 5_000
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Kin:
    """What a stored result says: the group of the task, and what was sent while it ran.

    `children` are ids of tasks, `groups` those of groups with their members.
    """

    group: str | None = None
    children: frozenset[str] = frozenset()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def named(self) -> Iterator[str]:
        """Every id in it but the group."""
        yield from self.children
        for group, members in self.groups.items():
            yield group
            yield from members


@dataclass(frozen=True, slots=True)
class ToldKin:
    """`kin` by task, of those that the backend knows; `unasked` were left for lack of time.

    `refusal` is why nothing can be told, else empty.
    """

    kin: Mapping[str, Kin]
    unasked: int = 0
    refusal: str = ""


class Lineage:
    """Asks the result backend, in the pool, each time for less than a second."""

    def __init__(self, results: Results, pool: Executor) -> None:
        self._results = results
        self._calls = BoundedCalls(pool, 2, WAIT_S)
        self._kept: dict[str, Kin] = {}

    async def of(self, uuids: Sequence[str]) -> ToldKin:
        """Return what is known of some tasks, in the order of their importance."""
        new = [uuid for uuid in uuids if uuid not in self._kept]
        unasked, refusal = 0, ""
        if new:
            refusal = await self._refusal()
        if new and not refusal:
            try:
                found, asked = await self._calls.run(self._read, new)
            except Unavailable as error:
                found, asked, refusal = {}, 0, error.message
            unasked = len(new) - asked
            self._keep(found)
        kin = {uuid: self._kept[uuid] for uuid in uuids if uuid in self._kept}
        return ToldKin(kin, unasked, refusal)

    async def members(self, group: str) -> tuple[str, ...]:
        """Return the tasks of a group that was saved, or whose chord failed; empty if unknown."""
        if await self._refusal():
            return ()
        try:
            return await self._calls.run(self._members, group)
        except Unavailable:
            return ()

    async def _refusal(self) -> str:
        try:
            return await self._results.refusal()
        except Unavailable as error:
            return error.message

    def _keep(self, found: Mapping[str, Kin]) -> None:
        self._kept |= found
        for uuid in list(self._kept)[: max(0, len(self._kept) - MOST_KEPT)]:
            del self._kept[uuid]

    def _read(self, uuids: Sequence[str]) -> tuple[dict[str, Kin], int]:
        """Read until the time is over; return what was found, and how many were asked for."""
        backend = self._results.backend()
        found: dict[str, Kin] = {}
        until, asked, size = time.monotonic() + READING_S, 0, FIRST_CHUNK
        while asked < len(uuids) and time.monotonic() < until:
            some, begin = uuids[asked : asked + size], time.monotonic()
            for uuid, meta in self._metas(backend, some):
                if meta is not None and meta.get("status") != "PENDING":
                    found[uuid] = kin_of(meta)
            asked += len(some)
            if time.monotonic() - begin < FAST_S:
                size = min(2 * size, MOST_CHUNK)
        return found, asked

    def _metas(self, backend: Any, uuids: Sequence[str]) -> Iterator[tuple[str, Meta | None]]:
        if not isinstance(backend, KeyValueStoreBackend):
            for uuid in uuids:
                yield uuid, self._results.read_blocking(uuid)
            return
        try:
            values = backend.mget([backend.get_key_for_task(uuid) for uuid in uuids])
        except Exception as error:  # backends raise what their libraries raise
            raise Unavailable(f"The result backend failed: {error}") from error
        for uuid, value in zip(uuids, values, strict=True):
            yield uuid, _decoded(backend, value)

    def _members(self, group: str) -> tuple[str, ...]:
        backend = self._results.backend()
        try:
            saved = backend.restore_group(group, cache=False)
        except (NotImplementedError, CeleryError):
            saved = None
        except Exception as error:  # backends raise what their libraries raise
            raise Unavailable(f"The result backend failed: {error}") from error
        if isinstance(saved, GroupResult):
            return tuple(one.id for one in (saved.results or ())[:MOST_NAMED])
        meta = self._results.read_blocking(group)  # of a chord that failed, the id of its body
        if meta.get("status") == "FAILURE":
            return tuple(_UUID.findall(str(meta.get("result"))))
        return ()


def _decoded(backend: Any, value: Any) -> Meta | None:
    if not value:
        return None
    try:
        meta: Meta = backend.decode_result(value)
    except Exception:  # noqa: BLE001 - whatever a serializer raises: this result says nothing
        return None
    return meta


def kin_of(meta: Meta) -> Kin:
    """Read Celery's record of a result, which any worker may have written."""
    children: set[str] = set()
    groups: dict[str, tuple[str, ...]] = {}
    for told in meta.get("children") or ():
        _note(told, children, groups)
    group = meta.get("group_id")
    return Kin(group if isinstance(group, str) else None, frozenset(children), groups)


def _note(told: Any, children: set[str], groups: dict[str, tuple[str, ...]]) -> None:
    """Note one `[[id, parent], members of a group or null]`."""
    match told:
        case [[str() as uuid, parent], None]:
            children.add(uuid)
            if parent:
                _note(parent, children, groups)
        case [[str() as uuid, parent], [*members]]:
            groups[uuid] = tuple(_ids(members))[:MOST_NAMED]
            if parent:
                _note(parent, children, groups)


def _ids(members: Iterable[Any]) -> Iterator[str]:
    for member in members:
        match member:
            case [[str() as uuid, *_], *_]:
                yield uuid
