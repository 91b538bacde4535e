"""The tree of a workflow: a task, its ancestors, and all that descends from the first.

It follows `parent_id` and `children`, one query a level, because these are indexed; on the loop.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from flower_ng.store import TaskRow
from flower_ng.web.ui.links import word
from flower_ng.web.ui.phases import OVER

#: Tasks that are read at most, and levels up and down: each is one query.
MOST_TASKS: Final = 500
MOST_LEVELS: Final = 20

Those: TypeAlias = Callable[[Sequence[str]], Awaitable[Sequence[TaskRow]]]
Step: TypeAlias = Literal["task", "down", "up"]


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """A step through the tree: a task, or the way down to its children and up again.

    `row` is None for a task that others name and nobody has seen.
    """

    step: Step
    uuid: str = ""
    row: TaskRow | None = None
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class Workflow:
    """The tree, and how many tasks that it names are not in it: not read, or not stored.

    `is_cut` is that not all was read, so that there may be more than `left_out`. `open_search`
    finds what has not ended below its root, empty where all that was read has.
    """

    lines: tuple[WorkflowStep, ...]
    left_out: int
    is_cut: bool
    open_search: str = ""


async def workflow_of(row: TaskRow, those: Those) -> Workflow:
    """Return the workflow that a task is part of; `those` reads the tasks of some ids."""
    known = {row.uuid: row}
    tops = await _climbed(row, known, those)
    level, is_cut = list(known.values()), False
    for _ in range(MOST_LEVELS):
        below = {child: None for parent in level for child in parent.children}
        new = [child for child in below if child not in known]
        room = MOST_TASKS - len(known)
        is_cut = is_cut or len(new) > room
        level = list(await _read(new[:room], those))
        known |= {found.uuid: found for found in level}
        if not level:
            break
    is_cut = is_cut or any(child not in known for parent in level for child in parent.children)
    named = {child for parent in known.values() for child in parent.children}
    is_open = any(found.state not in OVER for found in known.values())
    return Workflow(
        tuple(_lines(tops, known, row.uuid)),
        len(named - known.keys()),
        is_cut,
        f"root:={word(row.root_id or row.uuid)} -is:finished" if is_open else "",
    )


async def _read(uuids: Sequence[str], those: Those) -> Sequence[TaskRow]:
    return await those(uuids) if uuids else ()


async def _climbed(row: TaskRow, known: dict[str, TaskRow], those: Those) -> list[str]:
    """Read a task's ancestors; return the first of them, and the root where it is another one."""
    at = row
    top = row.uuid
    for _ in range(MOST_LEVELS):
        if at.parent_id is None or at.parent_id in known:
            break
        top = at.parent_id
        found = await _read([top], those)
        if not found:
            break
        at = known[top] = found[0]
    root = row.root_id
    if root is None or root == top or root in known:
        return [top]
    known |= {found.uuid: found for found in await _read([root], those)}
    return [root, top]


def _lines(tops: Sequence[str], known: dict[str, TaskRow], current: str) -> Iterator[WorkflowStep]:
    """Each task once, whatever they say of each other."""
    listed: set[str] = set()
    missing = {row.parent_id: uuid for uuid, row in known.items() if row.parent_id not in known}

    def below(uuids: Sequence[str]) -> Iterator[WorkflowStep]:
        for uuid in uuids:
            if uuid in listed:
                continue
            listed.add(uuid)
            row = known.get(uuid)
            yield WorkflowStep("task", uuid, row, uuid == current)
            adopted = [missing[uuid]] if row is None and uuid in missing else []
            children = [child for child in row.children if child in known] if row else adopted
            if any(child not in listed for child in children):
                yield WorkflowStep("down")
                yield from below(children)
                yield WorkflowStep("up")

    yield from below(tops)
