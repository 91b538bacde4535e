"""Draws a workflow: like tasks in one box, boxes from left to right, groups stacked; pure.

What follows stands to the right of what it waited for, and no two boxes overlap: a group takes as
many lines as its members, a body stands behind the widest of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from flower_ng.web.ui.workflow_shape import WorkflowShape

#: So many tasks that stand beside each other are drawn one by one.
FEW: Final = 8
#: Of more than that those that failed first still stand alone.
FAILED_ALONE: Final = 3
#: Boxes, and steps from left to right, that are drawn.
MOST_BOXES: Final = 150
MOST_STEPS: Final = 60


@dataclass(eq=False, slots=True)
class Box:
    """Tasks of one type that stand at one place, mostly one. `uuids` may be of unseen tasks.

    `column` and `line` count from 0; `depth` is how far it is below the top. `groups` follow it.
    """

    name: str
    uuids: tuple[str, ...]
    depth: int
    groups: "list[BoxStack]" = field(default_factory=list)
    column: int = 0
    line: float = 0.0


@dataclass(eq=False, slots=True)
class BoxStack:
    """Boxes that were sent together, of the group `group` if that is known; `bodies` join them."""

    group: str
    boxes: list[Box]
    bodies: list[Box] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Edge:
    """That one box led to another; unless `is_sure`, `words` say how that is not known."""

    begin: Box
    end: Box
    is_sure: bool = True
    words: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """`boxes` in the order of the tree, `columns` and `lines` are what they take.

    `left_out` tasks are in no box.
    """

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    stacks: tuple[BoxStack, ...]
    columns: int
    lines: float
    left_out: int


class _Drawing:
    """Makes the boxes of a shape; those of `alone` stand alone."""

    def __init__(self, shape: WorkflowShape, alone: frozenset[str]) -> None:
        self.shape, self.alone = shape, alone
        self.boxes: list[Box] = []
        self.stacks: list[BoxStack] = []
        self.heads, head_of = _heads(shape)
        self.bodies: dict[str, list[str]] = defaultdict(list)
        for body in shape.joins:
            parent = shape.parents[body]
            self.bodies[head_of.get(parent, parent)].append(body)

    def stacked(self, uuids: Sequence[str], depth: int) -> list[BoxStack]:
        """Return what was sent together as stacks, with all that follows."""
        if depth >= MOST_STEPS:
            return []
        by_group = defaultdict[str, list[str]](list)
        for uuid in uuids:
            if uuid not in self.shape.joins:
                by_group[self.heads.get(uuid, "")].append(uuid)
        return [self._stack(group, some, depth) for group, some in by_group.items()]

    def _stack(self, group: str, uuids: Sequence[str], depth: int) -> BoxStack:
        stack = BoxStack(group, self._parted(uuids, depth))
        self.stacks.append(stack)
        for box in stack.boxes:
            below = [one for uuid in box.uuids for one in self.shape.children.get(uuid, ())]
            box.groups = self.stacked(below, depth + 1)
        joined = [body for uuid in uuids for body in self.bodies.get(uuid, ())]
        if joined and depth + 1 < MOST_STEPS:
            stack.bodies = self._parted(joined, depth + 1)
            for box in stack.bodies:
                below = [one for uuid in box.uuids for one in self.shape.children.get(uuid, ())]
                box.groups = self.stacked(below, depth + 2)
                further = [one for uuid in box.uuids for one in self.bodies.get(uuid, ())]
                if further:
                    box.groups.append(self._stack("", further, depth + 2))
        return stack

    def _parted(self, uuids: Sequence[str], depth: int) -> list[Box]:
        """Return the boxes of tasks that stand beside each other."""
        if len(uuids) <= FEW and len(self.boxes) + len(uuids) <= MOST_BOXES:
            return [self._box((uuid,), depth) for uuid in uuids]
        by_name = defaultdict[str, list[str]](list)
        failed = 0
        for uuid in uuids:
            row = self.shape.rows.get(uuid)
            is_failed = row is not None and row.state == "FAILURE" and failed < FAILED_ALONE
            if uuid in self.alone or is_failed:
                failed += is_failed
                by_name[f"\0{uuid}"].append(uuid)
            else:
                by_name[self.named(uuid)].append(uuid)
        room = max(0, MOST_BOXES - len(self.boxes))
        return [self._box(tuple(some), depth) for some in [*by_name.values()][:room]]

    def _box(self, uuids: tuple[str, ...], depth: int) -> Box:
        box = Box(self.named(uuids[0]), uuids, depth)
        self.boxes.append(box)
        return box

    def named(self, uuid: str) -> str:
        row = self.shape.rows.get(uuid)
        return (row.name if row else None) or ""


def _heads(shape: WorkflowShape) -> tuple[dict[str, str], dict[str, str]]:
    """Return the groups of the tasks that their sender sent, and by member which of these it is.

    That is the member itself, or the first task of the chain that it ends.
    """
    members = defaultdict[str, list[str]](list)
    for uuid, group in shape.groups.items():
        members[group].append(uuid)
    heads: dict[str, str] = {}
    head_of: dict[str, str] = {}
    for group, some in members.items():
        ways = {uuid: list(_up(uuid, shape.parents)) for uuid in some}
        counts = Counter(one for way in ways.values() for one in way[1:])
        for uuid, way in ways.items():
            below = [one for one in way if len(some) == 1 or counts[one] < len(some)]
            head = below[-1] if len(some) > 1 and below else uuid
            heads.setdefault(head, group)
            head_of[uuid] = head
    return heads, head_of


def _up(uuid: str, parents: Mapping[str, str]) -> Iterator[str]:
    """Yield a task and all above it, which never come back to it."""
    at: str | None = uuid
    while at is not None:
        yield at
        at = parents.get(at)


def graph_of(shape: WorkflowShape, current: str = "") -> Graph:
    """Return the drawing; the task `current` and those above it stand alone."""
    alone, at = set[str](), current
    while at and at not in alone:
        alone.add(at)
        at = shape.parents.get(at, "")
    drawing = _Drawing(shape, frozenset(alone))
    tops = drawing.stacked(shape.tops, 0)
    line = 0.0
    columns = 0
    for stack in tops:
        width, height = _size(stack)
        _place(stack, 0, line)
        line, columns = line + height, max(columns, width)
    drawn = sum(len(box.uuids) for box in drawing.boxes)
    return Graph(
        boxes=tuple(_in_tree(tops)),
        edges=tuple(_edges(shape, drawing)),
        stacks=tuple(drawing.stacks),
        columns=columns,
        lines=line,
        left_out=len(shape.rows) + len(shape.unseen) - drawn,
    )


def _in_tree(stacks: Sequence[BoxStack]) -> Iterator[Box]:
    for stack in stacks:
        for box in (*stack.boxes, *stack.bodies):
            yield box
            yield from _in_tree(box.groups)


def _size(stack: BoxStack) -> tuple[int, int]:
    """Return how many columns and lines a stack takes."""
    width, height = _sizes(stack.boxes)
    more, joined = _sizes(stack.bodies)
    return width + more, max(height, joined)


def _sizes(boxes: Sequence[Box]) -> tuple[int, int]:
    width = height = 0
    for box in boxes:
        across, down = _box_size(box)
        width, height = max(width, across), height + down
    return width, height


def _box_size(box: Box) -> tuple[int, int]:
    sizes = [_size(stack) for stack in box.groups]
    return 1 + max((across for across, _ in sizes), default=0), max(1, sum(d for _, d in sizes))


def _place(stack: BoxStack, column: int, line: float) -> None:
    width, height = _sizes(stack.boxes)
    _, joined = _sizes(stack.bodies)
    _place_boxes(stack.boxes, column, line + max(0, joined - height) / 2)
    _place_boxes(stack.bodies, column + width, line + max(0, height - joined) / 2)


def _place_boxes(boxes: Sequence[Box], column: int, line: float) -> None:
    for box in boxes:
        _, height = _box_size(box)
        box.column, box.line = column, line + (height - 1) / 2
        at = line
        for stack in box.groups:
            _place(stack, column + 1, at)
            at += _size(stack)[1]
        line += height


def _edges(shape: WorkflowShape, drawing: _Drawing) -> Iterator[Edge]:
    where = {uuid: box for box in drawing.boxes for uuid in box.uuids}
    seen: set[tuple[int, int]] = set()
    for uuid, box in where.items():
        join = shape.joins.get(uuid)
        above = join.members if join else (shape.parents.get(uuid, ""),)
        is_sure, words = True, ""
        if join and not join.is_sure:
            is_sure = False
            words = "May be the body that waits for all of these: no stored result tells"
        elif uuid in shape.adopted:
            is_sure, words = False, "The task that sent it was not seen"
        for one in above:
            begin = where.get(one)
            if begin is None or begin.column >= box.column or (id(begin), id(box)) in seen:
                continue  # a group that results spread over the tree has no place before its body
            seen.add((id(begin), id(box)))
            yield Edge(begin, box, is_sure, words)


def states_of(shape: WorkflowShape, box: Box) -> Mapping[str, int]:
    """Return how many tasks of a box are in which state; unseen ones are in none."""
    return Counter(shape.rows[uuid].state for uuid in box.uuids if uuid in shape.rows)
