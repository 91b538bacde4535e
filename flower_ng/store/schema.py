"""The tables of the store, their version, and the mark that tells our file from others. Pure."""

from celery.states import READY_STATES

#: In bytes 68 to 71 of every SQLite file that we made: "flng".
APPLICATION_ID = 0x666C6E67
#: Raised with each change of the tables; a file with a higher number is left alone.
VERSION = 1

#: What is kept of a task: the fields of `monitor.records.Task`, in its order.
COLUMNS = {
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
}

#: Each text has a twin `<name>_folded`, case-folded as Unicode says (SQLite folds ASCII only), for
#: search, filters and sorting; null where folding changes nothing, which saves the space.
FOLDED = tuple(name for name, kind in COLUMNS.items() if kind == "TEXT")

#: What the writer adds: Celery's rank of the state (0 = latest), whether a RETRY came in since the
#: last write, and the pairs of `kwargs`: a comma and JSON of each case-folded `"key=value"`.
ADDED = {"precedence": "INTEGER", "retry_passed": "INTEGER", "pairs": "TEXT"}

FINISHED = tuple(sorted(READY_STATES))


def folded(column: str, alias: str = "t") -> str:
    """Return the SQL for a text column's case-folded value."""
    return f"coalesce({alias}.{column}_folded, {alias}.{column})"


def _task_table() -> str:
    twins = {f"{name}_folded": "TEXT" for name in FOLDED}
    columns = COLUMNS | ADDED | twins
    named = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    return f"CREATE TABLE task (id INTEGER PRIMARY KEY, {named}, UNIQUE (uuid))"


TABLES = (
    _task_table(),
    # The newest first, the oldest finished first, and counts by state: none reads the table.
    "CREATE INDEX task_newest ON task (timestamp, uuid, state)",
    "CREATE INDEX task_children ON task (parent_id) WHERE parent_id IS NOT NULL",
    "CREATE TABLE worker (hostname TEXT PRIMARY KEY, record TEXT NOT NULL)",
    "CREATE TABLE counter (hostname TEXT PRIMARY KEY, counts TEXT NOT NULL)",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    f"INSERT INTO meta VALUES ('schema', '{VERSION}')",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)
