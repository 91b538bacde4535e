"""The large texts of a task: arguments as trees, tracebacks by frames, cuts marked; pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from flower_ng.redaction import has_hidden
from flower_ng.store import FLOWER_NG, TaskRow, Truncation
from flower_ng.web.pages.task.value_tree import TreeLine, tree
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.traceback import TracebackPart, parts

#: What went in, what came out.
BLOCKS: Final = {
    "args": "Arguments",
    "kwargs": "Keyword arguments",
    "result": "Result",
    "exception": "Exception",
    "traceback": "Traceback",
}
#: Shown as trees, where they are collections.
TREES: Final = frozenset({"args", "kwargs", "result"})
#: What lets a client or a worker tell more of a value: Celery's options of Task.apply_async, and
#: of the task's class.
LIFTED_BY: Final = {
    "args": "argsrepr in apply_async",
    "kwargs": "kwargsrepr in apply_async",
    "result": "resultrepr_maxsize of the task",
}


SUCCESS: Final = "SUCCESS"
#: What a task that succeeded has of an attempt that did not.
_RAISED: Final = frozenset({"exception", "traceback"})


@dataclass(frozen=True, slots=True)
class Block:
    """A text as it came; `name` is its id on the page.

    `has_hidden` is that secrets were taken out of it. `tree` is there for collections, `trace` for
    tracebacks; `cut` says how the text was cut, and what lifts that. What `is_past` is of an
    attempt before the newest one.
    """

    name: str
    label: str
    text: str
    cut: str = ""
    has_hidden: bool = False
    tree: tuple[TreeLine, ...] = ()
    trace: tuple[TracebackPart, ...] = ()
    is_past: bool = False


def blocks(row: TaskRow) -> Iterator[Block]:
    """What went in, also when it is not known; what came out, when it did.

    What a task raised that did not succeed comes first: it is what one looks for.
    """
    cuts = row.cuts
    raised_first = sorted(BLOCKS.items(), key=lambda one: one[0] not in _RAISED)
    for name, label in BLOCKS.items() if row.state == SUCCESS else raised_first:
        value = getattr(row, name)
        if value is not None or name in ("args", "kwargs"):
            block = block_of(name, fmt.text(value), cuts.get(name), label)
            yield _past(block) if row.state == SUCCESS and name in _RAISED else block


def _past(block: Block) -> Block:
    return replace(block, label=f"{block.label} from an earlier attempt", is_past=True)


def block_of(name: str, text: str, cut: Truncation | None = None, label: str = "") -> Block:
    """Return one text of a task as it is shown."""
    return Block(
        name=name,
        label=label,
        text=text,
        cut=_cut(name, text, cut) if cut else "",
        has_hidden=has_hidden(text),
        tree=tree(text) if name in TREES else (),
        trace=parts(text) if name == "traceback" else (),
    )


def _cut(name: str, text: str, cut: Truncation) -> str:
    """Say who cut a text, and which setting lifts it."""
    if cut.by == FLOWER_NG:
        kept, whole = fmt.number(len(text)), fmt.number(cut.length)
        return f"Shortened: the first and last parts are stored, {kept} of {whole} characters."
    said = (
        "Shortened by the worker"
        if cut.is_sure
        else "A text that ends in ... may be shortened by the worker"
    )
    setting = LIFTED_BY.get(name)
    return f"{said}; set {setting} to see all." if setting else f"{said}."
