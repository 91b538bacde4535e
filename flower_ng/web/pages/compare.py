"""Compare shows two tasks side by side, with what differs between them marked."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from flower_ng.errors import BadRequest, NotFound
from flower_ng.store import TaskRow
from flower_ng.web.http.base import Need, Page
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.phases import phases

#: Compared as they are, in this order.
FACTS: Final = (
    "name", "state", "worker", "queue", "retries", "exchange", "routing_key", "client", "eta",
    "expires",
)  # fmt: skip
TIMES: Final = ("sent", "received", "started", "succeeded", "failed", "revoked", "rejected")
TEXTS: Final = ("args", "kwargs", "result", "exception", "traceback")
#: Of longer texts only that they differ is marked, not where.
MOST_MARKED: Final = 20_000


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A piece of a text; `differs` says that the other task has something else there."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Line:
    """What both tasks say of one thing: texts in parts, or moments in UTC seconds.

    Moments differ between any two tasks and are not marked, nor is how long something took.
    """

    label: str
    differs: bool = False
    parts: tuple[tuple[MarkedText, ...], ...] = ()
    moments: tuple[float | None, ...] = ()
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class CompareView:
    """Two tasks; `different` counts the lines that differ."""

    title: str
    tasks: tuple[TaskRow, ...]
    urls: tuple[str, ...]
    lines: tuple[Line, ...]
    different: int


class ComparePage(Page):
    """`/compare`, with two `ids`."""

    path = "/compare"
    need = Need.READ
    nav = "Tasks"
    template = "pages/compare.html"

    async def view(self, *_none: str) -> CompareView:
        """Read both; BadRequest for another number of ids, NotFound for one that is unknown."""
        uuids = [uuid for uuid in map(str.strip, self.get_arguments("ids")) if uuid]
        if len(uuids) != 2 or uuids[0] == uuids[1]:  # noqa: PLR2004 - as the name says
            told = "one" if len(set(uuids)) == 1 else fmt.number(len(uuids))
            raise BadRequest(f"Compare two tasks: {told} given, select exactly two in the list")
        known = {row.uuid: row for row in await self.cluster.store.those(uuids)}
        for uuid in uuids:
            if uuid not in known:
                raise NotFound(f"Unknown task '{uuid}'")
        rows = tuple(self.cluster.format_task(known[uuid]) for uuid in uuids)
        lines = tuple(self._lines(rows))
        links = Links(self.services.prefix)
        return CompareView(
            title="Compare tasks",
            tasks=rows,
            urls=tuple(links.task(row.uuid) for row in rows),
            lines=lines,
            different=sum(line.differs for line in lines),
        )

    def _lines(self, rows: Sequence[TaskRow]) -> Iterator[Line]:
        for name in FACTS:
            values = [getattr(row, name) for row in rows]
            if any(value not in (None, "") for value in values):
                yield _line(fmt.label(name), list(map(fmt.text, values)))
        for name in TIMES:
            moments = tuple(getattr(row, name) for row in rows)
            if any(moment is not None for moment in moments):
                yield Line(fmt.label(name), moments=moments)
        yield from self._durations(rows)
        for name in TEXTS:
            values = [getattr(row, name) for row in rows]
            if any(values):
                yield _line(fmt.label(name), list(map(fmt.text, values)), is_text=True)

    def _durations(self, rows: Sequence[TaskRow]) -> Iterator[Line]:
        now, zone = self.services.clock(), self.cluster.timezone
        each = [{one.kind: one for one in phases(row, None, now, zone)} for row in rows]
        for kind in dict.fromkeys(kind for found in each for kind in found):
            told = [found.get(kind) for found in each]
            label = next(one.label for one in told if one)
            words = [fmt.DASH if one is None else _took(one.seconds, one.note) for one in told]
            yield Line(label, parts=tuple((MarkedText(text, differs=False),) for text in words))


def _took(seconds: float | None, note: str) -> str:
    return note if seconds is None else f"{fmt.duration(seconds)} {note}".rstrip()


def _line(label: str, texts: Sequence[str], *, is_text: bool = False) -> Line:
    one, other = texts
    return Line(label, one != other, marked(one, other), is_text=is_text)


def marked(one: str, other: str) -> tuple[tuple[MarkedText, ...], tuple[MarkedText, ...]]:
    """Return two texts in parts, by words, those marked that the other does not have."""
    if one == other or len(one) + len(other) > MOST_MARKED:
        return (MarkedText(one, one != other),), (MarkedText(other, one != other),)
    left, right = (re.findall(r"\w+|\s+|.", text, re.DOTALL) for text in (one, other))
    found: tuple[list[MarkedText], list[MarkedText]] = ([], [])
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for parts, words in zip(found, (left[a:b], right[c:d]), strict=True):
            if words:
                parts.append(MarkedText("".join(words), kind != "equal"))
    return tuple(found[0]), tuple(found[1])
