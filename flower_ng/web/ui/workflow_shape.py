"""The shape of a workflow: who sent whom, what is a group, which body joins it; pure.

Events tell a task's parent. Groups and bodies are in stored results; where these are missing, what
looks like a body is told as a guess.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from flower_ng.monitor.remote.lineage import Kin
from flower_ng.store import TaskRow
from flower_ng.web.ui.phases import OVER

#: Tasks that results name and nobody has seen: of more, only so many are drawn.
MOST_UNSEEN: Final = 50
#: A body is sent so soon after the last of its group ended, as clocks go.
SOON_S: Final = 5.0
#: A sender's clock may be behind by so much.
SKEW_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Join:
    """What a body waited for. Unless `is_sure` it is a guess by the times of the events."""

    members: tuple[str, ...]
    is_sure: bool


@dataclass(frozen=True, slots=True)
class WorkflowShape:
    """`rows` in the order in which they were sent; `unseen` are ids that only results name.

    `parents` has each task's parent within the workflow; `adopted` are those whose own parent was
    not seen, so that they hang below the root instead. `groups` has the group of each member.
    """

    rows: Mapping[str, TaskRow]
    tops: tuple[str, ...]
    parents: Mapping[str, str]
    groups: Mapping[str, str]
    joins: Mapping[str, Join]
    unseen: frozenset[str] = frozenset()
    adopted: frozenset[str] = frozenset()
    children: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def begun(row: TaskRow) -> float | None:
    """When a task was first heard of, UTC seconds."""
    return next((at for at in (row.sent, row.received, row.started) if at is not None), None)


def ended(row: TaskRow) -> float | None:
    """When it ended, None while it has not."""
    if row.state not in OVER:
        return None
    return {"SUCCESS": row.succeeded, "FAILURE": row.failed}.get(row.state, row.revoked) or (
        row.timestamp or None
    )


def shape_of(
    rows: Sequence[TaskRow], kin: Mapping[str, Kin], tops: Collection[str]
) -> WorkflowShape:
    """Return the shape of some tasks; `tops` are the ids of those that nothing stands above.

    Where there is no top among the tasks, it is one that nobody has seen.
    """
    by_id = {row.uuid: row for row in sorted(rows, key=_in_order)}
    groups, parents, unseen = _grouped(by_id, kin)
    unseen |= {top for top in tops if top not in by_id}
    known, adopted, first = by_id.keys() | unseen, set[str](), next(iter(tops), "")
    rooted = set(tops)
    for top in tops:
        parents.pop(top, None)
    for uuid in [one for one in by_id if one not in rooted]:
        if parents.get(uuid) not in known or not _reaches(uuid, parents, rooted):
            parents[uuid] = first
            adopted.add(uuid)
    children = defaultdict[str, list[str]](list)
    for uuid in (*by_id, *sorted(unseen)):
        if uuid in parents:
            children[parents[uuid]].append(uuid)
    below = {uuid: tuple(some) for uuid, some in children.items()}
    shape = WorkflowShape(
        by_id, tuple(tops), parents, groups, {}, frozenset(unseen), frozenset(adopted), below
    )
    joins = dict(_joins(shape, kin))
    for body in joins:
        groups.pop(body, None)
    return WorkflowShape(
        by_id, shape.tops, parents, groups, joins, shape.unseen, shape.adopted, below
    )


def _in_order(row: TaskRow) -> tuple[float, str]:
    at = begun(row)
    return (row.timestamp if at is None else at, row.uuid)


def _grouped(
    rows: Mapping[str, TaskRow], kin: Mapping[str, Kin]
) -> tuple[dict[str, str], dict[str, str], set[str]]:
    """Return the groups and parents of tasks, and the ids that only results name."""
    groups: dict[str, str] = {}
    parents = {uuid: row.parent_id for uuid, row in rows.items() if row.parent_id}
    unseen: set[str] = set()
    for uuid, told in kin.items():
        if uuid not in rows:
            continue
        if told.group:
            groups[uuid] = told.group
        below = [(child, "") for child in told.children]
        below += [(one, group) for group, members in told.groups.items() for one in members]
        for child, group in below:
            if group:
                groups.setdefault(child, group)
            if child not in rows and len(unseen) < MOST_UNSEEN:
                unseen.add(child)
                parents.setdefault(child, uuid)
    return groups, parents, unseen


def _reaches(uuid: str, parents: Mapping[str, str], rooted: set[str]) -> bool:
    """Return whether no task above is below this one; those that stand well are noted."""
    at, way = uuid, list[str]()
    while at not in rooted:
        if at in way:
            return False
        way.append(at)
        if at not in parents:
            break
        at = parents[at]
    rooted.update(way)
    return True


def _joins(shape: WorkflowShape, kin: Mapping[str, Kin]) -> Iterator[tuple[str, Join]]:
    """Yield the bodies: a body has the group of the task that sent it, whose result lacks it."""
    of_group = defaultdict[str, dict[str, None]](dict)
    for uuid, its in shape.groups.items():
        of_group[its][uuid] = None
    for uuid, row in shape.rows.items():
        parent = shape.parents.get(uuid)
        if parent is None or uuid in shape.adopted:
            continue
        group = shape.groups.get(parent)
        own, of_parent = kin.get(uuid), kin.get(parent)
        if of_parent is not None and (uuid in of_parent.children or _is_in(uuid, of_parent)):
            continue
        if group is None or of_parent is None:
            guess = _guessed(shape, row, parent) if own is None or own.group else ()
            if guess:
                yield uuid, Join(guess, is_sure=False)
        else:
            some = of_group[group]
            members = tuple(one for one in some if shape.parents.get(one) not in some)
            yield uuid, Join(members, is_sure=own is not None and own.group == group)


def _is_in(uuid: str, told: Kin) -> bool:
    return any(uuid in members for members in told.groups.values())


def _guessed(shape: WorkflowShape, row: TaskRow, parent: str) -> tuple[str, ...]:
    """Return what a task may be the body of: all beside its parent, if they ended just before."""
    above = shape.parents.get(parent)
    beside = shape.children.get(above, ()) if above is not None else ()
    sent = begun(row)
    ends = {one: ended(shape.rows[one]) for one in beside if one in shape.rows}
    if len(ends) == 1 or sent is None or None in ends.values():
        return ()
    last = max((end for end in ends.values() if end is not None), default=None)
    if last is None or ends.get(parent) != last or not -SKEW_S <= sent - last <= SOON_S:
        return ()
    return tuple(ends)


def critical(shape: WorkflowShape, now: float) -> tuple[str, ...]:
    """Return the tasks that the end waited for, from the first to the one that ends last."""
    ends = {uuid: _until(row, now) for uuid, row in shape.rows.items()}
    if not ends:
        return ()
    path: dict[str, None] = {}
    before = list(ends)
    while before:
        at = max(before, key=lambda uuid: (ends[uuid], uuid))
        path[at] = None
        join, above = shape.joins.get(at), shape.parents.get(at, "")
        before = [one for one in (join.members if join else (above,)) if one in ends]
        before = [one for one in before if one not in path]
    return tuple(reversed(path))


def _until(row: TaskRow, now: float) -> float:
    end = ended(row)
    return now if end is None else end
