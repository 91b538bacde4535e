"""Measure a history of a million tasks in PostgreSQL: the first page of each list, and its counts.

Starts a server of its own, or takes the database of --url, whose tasks are kept for the next time.
Times are those of one question at a time, from the call to the rows, in milliseconds: the median
and the best of ROUNDS; a server on a busy machine is best told by its best.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.history import finished
from bench.machine import busy_percent
from bench.report import Report, begun, parser
from bench.store import Ask, counted, listed, over_time, searched
from flower_ng.errors import Unavailable
from flower_ng.store import Store
from flower_ng.store.backends.postgresql import Database, opened_database
from flower_ng.store.tables.dialect import BEGIN, POSTGRESQL
from flower_ng.store.writing.snapshots import merge_statements, snapshot
from tests.services import Postgres, running

TEXT = """\
`{command}` writes {tasks:,} tasks of 50 types, 200 workers and 5 queues to a PostgreSQL server of
its own, in their final states, and asks for the first page of lists as pages do, one at a time.
“About” are the questions whose number is told from a sample: to count all takes too long."""
HEADER = ("what", "slowest of", "about", "least, ms", "median, ms", "aim, ms")
ROUNDS = 5
SORTS = (
    "received",
    "timestamp",
    "started",
    "runtime",
    "sent",
    "revoked",
    "name",
    "state",
    "worker",
)
SORTS += ("queue", "retries", "exchange", "routing_key", "expires", "eta")
#: Which no index has.
OTHER_SORTS = ("uuid", "args", "kwargs", "result", "exception")
WORDS = ("zanzibar", "quokka", "lavender", "marigold", "charge", "customer", "nowhere")
WORDS += ("celery@node", '"long street"', "zq", "eu")
FIELDS = ("runtime:>5", "runtime:>0.1", "is:running", "wait:>3", "retries:>1", "-state:SUCCESS")
FIELDS += ("kwargs.order:126366", "kwargs.currency:EUR", "args:plain", "name:orders")
FIELDS += ("state:FAILURE quokka", "result:True", "traceback:images")


def by(sorts: Sequence[str]) -> dict[str, Ask]:
    """Return the questions for all tasks in these orders, both ways."""
    return {
        f"{sort} {way}": listed(sort=sort, descending=way == "down")
        for sort in sorts
        for way in ("up", "down")
    }


def questions(tasks: int) -> dict[tuple[str, float], dict[str, Ask]]:
    """Return what is asked: `{(what, aimed at in milliseconds): {which: question}}`."""
    charge = "shop.orders.charge"
    newest = {"sort": "received", "descending": True}
    filters = {
        "state SUCCESS": {"state": "SUCCESS"},
        "state FAILURE": {"state": "FAILURE"},
        "state STARTED": {"state": "STARTED"},
        "a state of none": {"state": "UNHEARD"},
        "name": {"name": charge},
        "a rare name": {"name": "shop.reports.purge"},
        "worker": {"worker": "celery@node-101"},
        "queue": {"queue": "mail"},
        "exception": {"exception": "KeyError"},
        "name and state": {"name": charge, "state": "FAILURE"},
        "all three": {"name": charge, "state": "FAILURE", "worker": "celery@node-101"},
    }
    return {
        ("newest page", 20): {"received": listed(**newest), "timestamp": listed()},
        ("sorts", 100): by(SORTS),
        ("other sorts", 1000): by(OTHER_SORTS),
        ("filters", 100): {which: listed(**some, **newest) for which, some in filters.items()},
        ("filters, sorted", 100): {
            f"{which}, by {sort}": listed(**some, sort=sort, descending=True)
            for which, some in filters.items()
            for sort in ("timestamp", "runtime", "name")
        },
        ("words", 300): {word: searched(word, **newest) for word in WORDS},
        ("fields", 300): {text: searched(text, **newest) for text in FIELDS},
        ("facets", 1000): {
            "all": counted(),
            "state": counted(state="FAILURE"),
            "most": counted(state="SUCCESS"),
        },
        ("histogram", 1000): {"all": over_time(tasks), "state": over_time(tasks, state="FAILURE")},
    }


def fill(url: str, tasks: int) -> None:
    """Write so many tasks, in the state of their last event; their indexes come after them."""
    opened_database(url, warn=print).close()
    with psycopg.connect(url, autocommit=True) as server:
        found = server.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'task'"
            " AND schemaname = current_schema() AND indexname NOT LIKE '%key'"
        )
        server.execute(f"DROP INDEX {', '.join(name for (name,) in found)}")
    database = Database(psycopg.conninfo.conninfo_to_dict(url))
    with closing(database.connect(writes=True, limit_s=60)) as connection:
        rest = finished(tasks)
        while some := list(islice(rest, 4000)):
            with connection:
                connection.execute(BEGIN)
                for statement, values in merge_statements(list(map(snapshot, some)), POSTGRESQL):
                    connection.execute(statement, values)
    opened_database(url, warn=print).close()
    with psycopg.connect(url, autocommit=True) as server:
        server.execute("VACUUM ANALYZE task")


async def asked(store: Store, tasks: int, only: str, report: Report) -> None:
    """Add how long each kind of question takes."""
    for (what, aim), asks in questions(tasks).items():
        if only in what:
            all_took = {which: await took(store, ask) for which, ask in asks.items()}
            for which, one in all_took.items():
                print(f"    {which}: {one.least:.1f}", flush=True)
            slowest = max(all_took, key=lambda which: all_took[which].least)
            one, about = all_took[slowest], sum(not some.exact for some in all_took.values())
            label = f"{len(asks)}: {slowest}"
            report.add(what, label, str(about), one.least, one.median, aim)


class Took(NamedTuple):
    """How long a question took, in milliseconds, and whether its number was exact."""

    least: float
    median: float
    exact: bool


async def took(store: Store, ask: Ask) -> Took:
    """Return how long a question takes; what is ended takes as long as it may."""
    times, exact = [], True
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with suppress(Unavailable):
            exact = getattr(await ask(store), "exact", True)
        times.append((time.perf_counter() - began) * 1000)
    return Took(min(times), statistics.median(times), exact)


@contextmanager
def served(url: str | None) -> Iterator[str]:
    """Give the URL of a database: the one named, or one of a server that goes with us."""
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder))
        with running(server):
            yield server.new_database()
        server.remove()


def main() -> None:
    """Measure, and write the section."""
    told = parser(__doc__)
    told.add_argument("tasks", type=int, nargs="?", default=1_000_000)
    told.add_argument("--url", help="a database that is filled unless it is already")
    told.add_argument("--fill", action="store_true", help="fill the database, and ask nothing")
    wanted = begun(told)
    tasks = 20_000 if wanted.quick else wanted.tasks
    report = Report(
        f"A history of {tasks:,} tasks in PostgreSQL",
        TEXT.format(command="bench/postgresql.py", tasks=tasks),
        HEADER,
        wanted.out,
        words=3,
    )
    with served(wanted.url) as url:
        if wanted.fill or not wanted.url:
            fill(url, tasks)
        if wanted.fill:
            return
        others = busy_percent()
        store = Store(None, max_tasks=2 * tasks, history=url)
        store.start()
        asyncio.run(asked(store, tasks, wanted.only, report))
        store.stop()
        report.after = f"Before it, others kept the machine busy to {others:.0f} %."
        report.write()


if __name__ == "__main__":
    main()
