"""One workflow: its tasks from the history, its groups from the result backend. On the loop.

It is found by its root, by any task of it, and by the id that `group()` or `chord()` returned.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.errors import NotFound
from flower_ng.monitor.remote.lineage import Kin, ToldKin
from flower_ng.store import TaskQuery, TaskRow
from flower_ng.web.ui.phases import OVER
from flower_ng.web.ui.workflow_shape import WorkflowShape, begun, shape_of

#: Tasks of a workflow that are read.
MOST_TASKS: Final = 2_000
#: Tasks whose stored results are looked at for members of a group that no task sent, and for how
#: long; the others were received so long before or after the first that is found.
MOST_LOOKED: Final = 5_000
PAGE: Final = 1_000
PATIENCE_S: Final = 2.0
NEAR_S: Final = 60.0
#: Members of such a group that are shown with all that is below them.
MOST_TOPS: Final = 2_000


@dataclass(frozen=True, slots=True)
class WholeWorkflow:
    """A workflow as it is known; rows are as `format_task` shows them.

    `subject` is the id that was asked for, `root_id` that of the first task, None where there are
    several: then it is the group `group_id`, which no task sent. `kin` is what results say by task.
    `notes` are sentences on what is not known, or not shown; `is_cut` is that not all was read.
    """

    subject: str
    root_id: str | None
    group_id: str | None
    shape: WorkflowShape
    is_cut: bool
    notes: tuple[str, ...]
    kin: Mapping[str, Kin] = field(default_factory=dict)

    @property
    def rows(self) -> Mapping[str, TaskRow]:
        """The tasks that are known."""
        return self.shape.rows


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a workflow begins: its tops, the group that they are, and how that is known."""

    tops: tuple[str, ...]
    group: str | None = None
    note: str = ""


async def workflow(cluster: Cluster, subject: str) -> WholeWorkflow:
    """Return the workflow of a task or group; NotFound where nothing is known of such an id."""
    found = await _start(cluster, subject)
    rows = await _below(cluster, found.tops)
    alone = rows.get(found.tops[0]) if len(found.tops) == 1 else None
    if alone is not None and found.group is None:
        found = await _with_mates(cluster, alone, found)
        if len(found.tops) > 1:
            rows |= await _below(cluster, found.tops)
    is_cut = len(rows) >= MOST_TASKS
    if subject not in rows and is_cut:
        rows |= {row.uuid: row for row in await cluster.store.those([subject])}
    told = await cluster.lineage.of(_by_importance(rows.values()))
    shown = [cluster.format_task(row) for row in rows.values()]
    shape = shape_of(shown, told.kin, found.tops)
    return WholeWorkflow(
        subject=subject,
        root_id=found.tops[0] if len(found.tops) == 1 else None,
        group_id=found.group,
        shape=shape,
        is_cut=is_cut,
        notes=tuple(filter(None, (found.note, *_notes(shape, told, is_cut=is_cut)))),
        kin=told.kin,
    )


async def _start(cluster: Cluster, subject: str) -> _Found:
    row = await cluster.store.task(subject)
    if row is not None:
        return _Found((row.root_id or row.uuid,))
    if await cluster.store.below([subject], 1):
        return _Found((subject,))
    named = await cluster.lineage.members(subject)
    rows = await cluster.store.those(named) if named else []
    if rows:
        return await _of_members(cluster, subject, rows)
    rows = await _of_group(cluster, subject, TaskQuery(sort="timestamp", descending=True))
    if rows:
        return await _of_members(cluster, subject, rows)
    raise NotFound(
        f"No task or group '{subject}' is known: not from events, and not from the stored results"
        f" of the newest tasks, at most {MOST_LOOKED:,}. The body of a chord is known when it is"
        " sent, which is after all of its group have succeeded, and a later task of a chain after"
        " the one before it has: until then only the message of that one holds its id. Look for"
        " the first task of the chain, or for a task of the group"
    )


async def _of_members(cluster: Cluster, subject: str, rows: Sequence[TaskRow]) -> _Found:
    """Return where the workflow of a group begins, some of whose members are known."""
    first = rows[0]
    roots = {row.root_id or row.uuid: None for row in rows}
    if len(roots) == 1 and first.uuid not in roots:
        return _Found(tuple(roots))
    told = await cluster.lineage.of([first.uuid])
    if len(roots) == 1 and first.uuid in told.kin and told.kin[first.uuid].group != subject:
        return _Found(tuple(roots))  # it sent the group
    found = await _with_mates(cluster, first, _Found(tuple(roots)))
    return _Found(tuple({**roots, **dict.fromkeys(found.tops)})[:MOST_TOPS], subject, _TOPLESS)


async def _with_mates(cluster: Cluster, row: TaskRow, found: _Found) -> _Found:
    """Return it with the others of the root's group, where the root is in one: no task sent it."""
    told = await cluster.lineage.of([row.uuid] if row.state in OVER else [])
    group = told.kin[row.uuid].group if row.uuid in told.kin else None
    at = begun(row)
    if group is None or at is None:
        return found
    named = await cluster.lineage.members(group)
    mates = await cluster.store.those(named) if named else []
    if not mates:
        near = TaskQuery(
            sort="received",
            descending=True,
            received_start=at - NEAR_S,
            received_end=at + NEAR_S,
        )
        mates = await _of_group(cluster, group, near, every=True)
    tops = {row.uuid: None} | {mate.root_id or mate.uuid: None for mate in mates}
    return _Found(tuple(tops)[:MOST_TOPS], group, _TOPLESS)


async def _of_group(
    cluster: Cluster, group: str, query: TaskQuery, *, every: bool = False
) -> list[TaskRow]:
    """Return the tasks of a group, or that sent it: those of the first page with any, or `every`.

    Those that succeeded are asked for: results of others are rare, or not there yet.
    """
    cursor: str | None = None
    found: list[TaskRow] = []
    until = time.monotonic() + PATIENCE_S
    for _ in range(MOST_LOOKED // PAGE):
        page = await cluster.store.after(replace(query, state="SUCCESS"), cursor, PAGE)
        told = await cluster.lineage.of([row.uuid for row in page.rows])
        while told.unasked and time.monotonic() < until:
            told = await cluster.lineage.of([row.uuid for row in page.rows])
        found += [row for row in page.rows if _is_of(told.kin.get(row.uuid), group)]
        cursor = page.next
        is_late = told.refusal or time.monotonic() > until
        if (found and not every) or is_late or cursor is None:
            break
    return found


def _is_of(kin: Kin | None, group: str) -> bool:
    return kin is not None and (kin.group == group or group in kin.named)


async def _below(cluster: Cluster, tops: Sequence[str]) -> dict[str, TaskRow]:
    below = await cluster.store.below(tops, MOST_TASKS)
    return {row.uuid: row for row in (*await cluster.store.those(tops), *below)}


def _by_importance(rows: Iterable[TaskRow]) -> list[str]:
    """Return those that may have a result: first those that sent others, then by their parents."""
    ended = [row for row in rows if row.state in OVER and row.state != "REVOKED"]
    ended.sort(key=lambda row: (not row.children, row.parent_id or "", row.timestamp))
    return [row.uuid for row in ended]


_TOPLESS: Final = (
    "No task sent this group, so events do not say who belongs to it. Its members are known from"
    f" their stored results: those that have ended, received within {NEAR_S:g} s of each other."
)


def _notes(shape: WorkflowShape, told: ToldKin, *, is_cut: bool) -> Iterable[str]:
    if is_cut:
        yield f"Only {MOST_TASKS:,} tasks are read: those that failed or go on first."
    if told.refusal:
        yield (
            "Which tasks are a group, and which body waits for it, is not known:"
            f" {told.refusal[:1].lower()}{told.refusal[1:].rstrip('.')}."
        )
    if told.unasked:
        yield (
            f"There was no time to read {told.unasked:,} stored results: reload to have more of the"
            " groups."
        )
    if any(row.original_name and row.children for row in shape.rows.values()):
        yield (
            "A task was replaced by others, and what followed these has its id: it stands before"
            " them."
        )
    if any(not join.is_sure for join in shape.joins.values()):
        yield "A dashed line is a guess by the times of the events: no stored result tells."
    if shape.unseen:
        yield "What has no state was named by others without any event: it may not be sent yet."
