"""The tables of the store, their version, and how older ones become ours. Pure."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from string import ascii_lowercase, ascii_uppercase
from typing import Final

from celery.states import READY_STATES

from flower_ng.store.tables.dialect import SQLITE, Dialect, Kind

#: In bytes 68 to 71 of every SQLite file that we made: "flng".
APPLICATION_ID = 0x666C6E67
#: Raised with each change of the tables; a file with a higher number is left alone, and one with a
#: lower number is brought forward (`migrations`). The first release, 0.1.0, wrote version 4.
VERSION = 6
OLDEST_VERSION = 4

#: What is kept of a task: the fields of `records.Task`, in its order.
COLUMNS: dict[str, Kind] = {
    "uuid": "TEXT",
    "name": "TEXT",
    "state": "TEXT",
    "received": "REAL",
    "sent": "REAL",
    "started": "REAL",
    "rejected": "REAL",
    "succeeded": "REAL",
    "failed": "REAL",
    "retried": "REAL",
    "revoked": "REAL",
    "args": "TEXT",
    "kwargs": "TEXT",
    "eta": "TEXT",
    "expires": "TEXT",
    "retries": "INTEGER",
    "worker": "TEXT",
    "result": "TEXT",
    "exception": "TEXT",
    "timestamp": "REAL",
    "runtime": "REAL",
    "traceback": "TEXT",
    "exchange": "TEXT",
    "routing_key": "TEXT",
    "clock": "INTEGER",
    "client": "TEXT",
    "root_id": "TEXT",
    "parent_id": "TEXT",
    "queue": "TEXT",
    "original_name": "TEXT",
    "state_source": "TEXT",
}

#: What is found in an exception's text (texts): its class, and the first line.
FAULT: dict[str, Kind] = {"exception_class": "TEXT", "exception_line": "TEXT"}

#: The task's events, as text that only grows (timeline), and how many came in all.
EVENTS: dict[str, Kind] = {"timeline": "TEXT", "events": "INTEGER"}

#: What the task told of itself (reports): how far it was at last, and the end of its log.
TOLD: dict[str, Kind] = {"report": "TEXT", "log": "TEXT"}

#: What the writer adds: how far the task has come (life.progress), and the pairs of `kwargs`: a
#: comma and JSON of each case-folded `"key=value"`.
ADDED: dict[str, Kind] = {
    "progress": "INTEGER",
    "pairs": "TEXT",
    **FAULT,
    **EVENTS,
    **TOLD,
}

#: What lists show of a task beside the columns, in this order; of a single task there is more.
TOLD_IN_LISTS = ("exception_class", "exception_line", "events", "report")

#: Kept once however many tasks have it; the column in `task` is its id in a table of its own.
SHARED: Final = "traceback"

#: The texts that can be compared without regard to case; see `folded`.
FOLDED = (*(name for name, kind in COLUMNS.items() if kind == "TEXT"), "exception_class")

#: Each has a twin `<name>_folded`, case-folded as Unicode says (SQLite folds ASCII only), for
#: search, filters and sorting; null where folding changes nothing, which saves the space.
TWINNED = tuple(name for name in FOLDED if name != SHARED)

#: Every column of the table but its id, and its kind, in the order in which rows are written.
STORED: dict[str, Kind] = {
    **COLUMNS,
    SHARED: "INTEGER",
    **ADDED,
    **{f"{name}_folded": "TEXT" for name in TWINNED},
}

FINISHED = tuple(sorted(READY_STATES))


def value(column: str, alias: str = "t") -> str:
    """Return the SQL for what a column of a task says."""
    return _shared("text", alias) if column == SHARED else f"{alias}.{column}"


def folded(column: str, alias: str = "t") -> str:
    """Return the SQL for a text column's case-folded value; a traceback's is only lower case."""
    if column == SHARED:
        return _shared("lower(text)", alias)
    return f"coalesce({alias}.{column}_folded, {alias}.{column})"


def case_folded(column: str, text: str) -> str:
    """Return a text as `folded` gives it of that column."""
    if column == SHARED:  # the database folds it, which knows the case of ASCII only
        return text.translate(_ASCII_LOWER)
    return text.casefold()


_ASCII_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)


def _shared(what: str, alias: str) -> str:
    return f"(SELECT {what} FROM {SHARED} WHERE {SHARED}.id = {alias}.{SHARED})"


#: A task that is below the root of its workflow; in the words of the indexes of such tasks.
BELOW: Final = "t.root_id <> t.uuid"
#: A task that goes on, and is below a root or may be one: none is before it has started.
_ENDED: Final = ", ".join(f"'{state}'" for state in FINISHED)
OPEN: Final = (
    f"t.state NOT IN ({_ENDED}) AND (t.root_id <> t.uuid OR t.state NOT IN ('PENDING', 'RECEIVED'))"
)


def _of_table(condition: str) -> str:
    return condition.replace("t.", "")


#: The indexes of tasks that belong to a workflow, by their names: nothing is paid for others, but
#: for those that run when they are written.
KIN: Final = {
    "task_kin": f"(root_id, state, timestamp) WHERE {_of_table(BELOW)}",
    "task_kin_newest": f"(timestamp, root_id) WHERE {_of_table(BELOW)}",
    "task_kin_open": f"(timestamp, root_id, uuid) WHERE {_of_table(OPEN)}",
}


def kin_indexes() -> Iterator[str]:
    """Yield the statements that make the indexes of workflows where they are missing."""
    for name, definition in KIN.items():
        yield f"CREATE INDEX IF NOT EXISTS {name} ON task {definition}"


_STORED = ", ".join(f"{name} {kind}" for name, kind in STORED.items())

#: The task table, and all that hangs on it.
TASK_TABLE = (
    f"CREATE TABLE task (id INTEGER PRIMARY KEY, {_STORED}, UNIQUE (uuid))",
    # The newest first, the oldest finished first, and counts by state: none reads the table.
    "CREATE INDEX task_newest ON task (timestamp, uuid, state)",
    # The list as it is seen at first; tasks are received in about this order, so it costs little.
    "CREATE INDEX task_received ON task (received, uuid)",
    "CREATE INDEX task_children ON task (parent_id) WHERE parent_id IS NOT NULL",
    *kin_indexes(),
    # Which tracebacks are still in use.
    "CREATE INDEX task_traceback ON task (traceback) WHERE traceback IS NOT NULL",
    "CREATE TABLE traceback (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
    # Rows up to the one id in `sealed` may be copied in the index, which is made in epochs (see
    # index.tasks); those in `stale` changed in that epoch, which the writer notes (Numbering).
    "CREATE TABLE sealed (id INTEGER NOT NULL, epoch INTEGER NOT NULL)",
    "INSERT INTO sealed VALUES (0, 0)",
    "CREATE TABLE stale (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL)",
)


def beside(dialect: Dialect) -> tuple[str, ...]:
    """Return the statements for what stands beside the tasks: their reruns, and gaps."""
    text, real, integer = (dialect.type(kind) for kind in ("TEXT", "REAL", "INTEGER"))
    gap = f"began {real}, why {text}, writer {text}, ended {real}, lost {integer}"
    return (
        f"CREATE TABLE rerun (uuid {text} PRIMARY KEY, rerun_of {text} NOT NULL)",
        "CREATE INDEX rerun_of ON rerun (rerun_of)",
        f"CREATE TABLE gap ({gap}, PRIMARY KEY (began, why, writer))",
    )


TABLES = (
    *TASK_TABLE,
    *beside(SQLITE),
    "CREATE TABLE worker (hostname TEXT PRIMARY KEY, record TEXT NOT NULL)",
    "CREATE TABLE counter (hostname TEXT PRIMARY KEY, counts TEXT NOT NULL)",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    f"INSERT INTO meta VALUES ('schema', '{VERSION}')",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)


#: In `meta`, how far the repair of what 0.1.0 kept has come: up to which row it is left, of all.
REPAIR: Final = "repair"


def migrations(old: AbstractSet[str], dialect: Dialect) -> Iterator[str]:
    """Yield the statements that bring tables up to ours whose `task` has these columns.

    They take no longer for more tasks: what is to be done to each is done later (repair). A column
    that is not kept any more stays, unused: SQLite may be too old to drop it.
    """
    for name, kind in STORED.items():
        if name not in old:
            yield f"ALTER TABLE task ADD COLUMN {name} {dialect.type(kind)}"
    yield begun()
    yield "DROP INDEX IF EXISTS task_texts"  # PostgreSQL's, which is made again, of more columns
    yield f"UPDATE meta SET value = '{VERSION}' WHERE key = 'schema'"


def begun() -> str:
    """Return the statement that has all tasks that are in the store now repaired."""
    return (
        f"INSERT INTO meta SELECT '{REPAIR}', '[' || id || ',' || id || ']'"
        " FROM (SELECT max(id) AS id FROM task) newest WHERE id IS NOT NULL"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    )


def rerun_of(alias: str) -> str:
    """Return the SQL for the id of the task that a task is a rerun of."""
    return f"(SELECT rerun_of FROM rerun WHERE rerun.uuid = {alias}.uuid)"


def reruns(alias: str, dialect: Dialect) -> str:
    """Return the SQL for the ids of a task's reruns, a JSON array in JSON."""
    each = dialect.array_of("rerun.uuid")
    return dialect.json(f"(SELECT {each} FROM rerun WHERE rerun.rerun_of = {alias}.uuid)")
