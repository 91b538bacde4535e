"""The oracle: what a TaskQuery finds, told by plain Python; and random tasks and queries for it."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from flower_ng.life.runs import NOT_RUNNING
from flower_ng.records import Task, Worker
from flower_ng.search.conditions import (
    FACETS,
    PARTS_IN,
    WORD_COLUMNS,
    AllOf,
    AnyOf,
    Begins,
    Compare,
    Has,
    HasPair,
    InField,
    Is,
    Not,
    Search,
    TaskQuery,
    Word,
)
from flower_ng.store.sql.kinds import TrendBars, digest_of, likeness
from flower_ng.store.tables.schema import COLUMNS, value
from flower_ng.store.tables.texts import first_line
from tests.store.making import NOW, Table, task

DAY_S = 86_400
#: What folding and searching get wrong first: letters that grow or change when folded, one
#: character, what SQL and patterns give a meaning, text beyond 16 bits.
TEXTS = (
    "Straße", "STRASSE", "strasse", "İstanbul", "ΣΊΣΥΦΟΣ", "σίσυφος", "ﬁle", "file", "李", "王李明",
    "o'b", "100%", "a_b", "axb", '"q"', "\\", "\\n", "🚀", "Ünïcode", "UNICODE", "null", "NULL",
    "0", "a b", "ab", "A", "é", "e\u0301",
)  # fmt: skip
STATES = ("PENDING", "RECEIVED", "STARTED", "SUCCESS", "FAILURE", "RETRY", "REVOKED", "Paused",
          "PAUSED")  # fmt: skip
NAMES = ("shop.pay", "Shop.Pay", "mail.send", "mail.send_all", "straße.x", "STRASSE.X", "李.任务")
EXCEPTIONS = ("ValueError('x')", "KeyError('Straße')", "valueerror('y')", "Weird: o'b", "%")
TRACEBACKS = ("Traceback\n  line 12\nValueError: x", "Traceback\n  LINE 13\nKeyError: ß", "short")
KWARGS = ("{}", "{'id': 7}", "{'id': 71, 'who': 'Straße'}", "{'order': {'id': [1, '李']}}", "{cut…")
PAIRS = ("id=7", "id=71", "who=strasse", "order.id.1=李", "id=", "none=1")
TIMES = ("received", "sent", "started", "rejected", "succeeded", "failed", "retried", "revoked")
REALS = (*TIMES, "timestamp", "runtime")
SORTS = (None, *COLUMNS, "root", "parent", "nonsense")
PARTED = ("name", "worker", "queue", "args", "kwargs", "result", "exception", "traceback", "uuid",
          "parent_id", "root_id", "exchange", "routing_key")  # fmt: skip
WHOLE = ("name", "state", "worker", "queue", "exception_class", "uuid", "parent_id", "root_id",
         "exchange", "routing_key")  # fmt: skip
HAD = ("name", "worker", "queue", "result", "exception", "traceback", "parent_id", "root_id", "eta",
       "expires", "received", "started", "state_source", "original_name")  # fmt: skip
QUANTITIES = ("retries", "runtime", "wait", "received", "started", "finished", "sent", "timestamp")
IDLE = {state.casefold() for state in NOT_RUNNING}
ENDS = {"success": "succeeded", "failure": "failed", "revoked": "revoked"}


@dataclass
class Chance:
    """Random tasks and queries from a seed."""

    seed: int

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def maybe(self, some: Any) -> Any:
        return self.random.choice(some) if self.random.random() < 0.6 else None

    def text(self) -> str:
        return " ".join(self.random.choices(TEXTS, k=self.random.randint(1, 4)))

    def time(self) -> float:
        """Return a time of the last three days; many are equal."""
        return NOW - self.random.choice((0, 1, 5, 60, 3600, DAY_S, self.random.random() * 3e5))

    def task(self, number: int) -> Task:
        pick = self.random.choice
        uuids = (f"u{number}", f"U{number}", f"{number:03}-{pick(TEXTS)}")
        fields = {name: self.time() for name in TIMES if self.random.random() < 0.5}
        fields |= {name: self.text() for name in ("args", "result") if self.random.random() < 0.5}
        worker = self.maybe(("w1@box", "W1@Box", "w2@ﬁx", "李@box"))
        return task(
            uuids[number % 3],
            pick(STATES),
            self.time(),
            name=self.maybe(NAMES),
            original_name=pick((None, None, "Old.Name")),
            kwargs=self.maybe(KWARGS),
            worker=Worker(worker) if worker else None,
            queue=self.maybe(("mail", "Mail", "o'b")),
            exchange=self.maybe(("", "orders", "Ördérs")),
            routing_key=self.maybe(("mail.a", "Mail.b", "#")),
            exception=self.maybe(EXCEPTIONS),
            traceback=self.maybe(TRACEBACKS),
            retries=pick((None, 0, 2, 3, 10)),
            runtime=pick((None, 0.0, 1.5, self.random.random() * 100)),
            eta=self.maybe(("2026-11-20T10:30:00",)),
            parent_id=self.maybe(("u0", "U3", "李")),
            root_id=self.maybe(("u0", "o'b")),
            clock=self.random.randint(0, 200),
            state_source=pick((None, None, "result backend")),
            **fields,
        )

    def query(self, rows: list[dict[str, Any]]) -> TaskQuery:
        filters = {
            name: self.cased(self.of(rows, column) or "none")
            for name, column in FACETS.items()
            if self.random.random() < 0.12
        }
        ends = {
            name: self.time()
            for name in ("received_start", "received_end")
            if self.random.random() < 0.15
        }
        return TaskQuery(
            search=self.search(rows, 2) if self.random.random() < 0.7 else None,
            sort=self.random.choice(SORTS),
            descending=self.random.random() < 0.5,
            offset=self.random.choice((0, 0, 1, 7, 100)),
            limit=self.random.choice((1, 5, 50)),
            **filters,
            **ends,
        )

    def search(self, rows: list[dict[str, Any]], depth: int) -> Search:
        if depth and self.random.random() < 0.35:
            parts = tuple(self.search(rows, depth - 1) for _ in range(self.random.randint(2, 3)))
            return self.random.choice((AllOf, AnyOf))(parts)
        if depth and self.random.random() < 0.2:
            return Not(self.search(rows, depth - 1))
        return self.condition(rows)

    def condition(self, rows: list[dict[str, Any]]) -> Search:
        pick = self.random.choice
        some = pick(PARTED)
        begin = (self.of(rows, some) or "x").casefold()[: self.random.randint(1, 6)]
        whole = pick(WHOLE)
        return pick(
            (
                Word(self.piece(rows, pick(WORD_COLUMNS))),
                InField(some, self.piece(rows, some)),
                Begins(some, begin),
                Is(whole, (self.of(rows, whole) or "none").casefold()),
                Has(pick(HAD)),
                HasPair(pick(PAIRS), is_whole=pick((True, False))),
                self.compared(),
            )
        )

    def compared(self) -> Compare:
        quantity, base = self.random.choice(QUANTITIES), "zero"
        if quantity in {"retries", "runtime", "wait"}:
            number = self.random.choice((0, 1.5, 2, 3, 60, 1e5))
        else:
            base = self.random.choice(("zero", "now", "today"))
            at = self.time()
            number = at if base == "zero" else at - NOW
        return Compare(quantity, self.random.choice(("<", "<=", ">", ">=")), number, base)

    def piece(self, rows: list[dict[str, Any]], column: str) -> str:
        """Return a part of a text that one of the tasks has, at times one that none has."""
        text = (self.of(rows, column) or self.random.choice(TEXTS)).casefold()
        start = self.random.randrange(len(text))
        part = text[start : start + self.random.randint(1, 7)]
        return part if part.strip() else text

    def of(self, rows: list[dict[str, Any]], column: str) -> str | None:
        return self.random.choice(rows)[column]

    def cased(self, text: str) -> str:
        return self.random.choice((text, text.upper(), text.casefold()))


class Oracle:
    """What there is, read row by row, and what a query finds in it."""

    def __init__(self, table: Table) -> None:
        names = [*COLUMNS, "exception_class", "pairs"]
        columns = ", ".join(["id", *(value(name) for name in names)])
        found = table.connection.execute(f"SELECT {columns} FROM task t").fetchall()
        self.rows = [dict(zip(["id", *names], row, strict=True)) for row in found]

    def matching(self, query: TaskQuery) -> list[dict[str, Any]]:
        """Return all tasks that match, in the query's order."""
        return self.ordered(query, [row for row in self.rows if matches(query, row)])

    def ordered(self, query: TaskQuery, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        is_reversed = query.descending or query.sort is None
        return sorted(rows, key=lambda row: rank(query, row), reverse=is_reversed)


def rank(query: TaskQuery, row: dict[str, Any]) -> tuple[bool, Any, str]:
    """Return what a task is sorted by: what lacks a value is less than all."""
    key = sort_key(query, row)
    return key is not None, key, row["uuid"]


def sort_key(query: TaskQuery, row: dict[str, Any]) -> Any:
    column = {None: "timestamp", "root": "root_id", "parent": "parent_id"}.get(
        query.sort, query.sort
    )
    if column not in COLUMNS or row[column] is None:
        return None
    return (
        folded(row, column)
        if COLUMNS[column] == "TEXT"
        else (str(row[column]) if COLUMNS[column] == "INTEGER" else row[column])
    )


def matches(query: TaskQuery, row: dict[str, Any]) -> bool:
    wanted = ((column, getattr(query, name)) for name, column in FACETS.items())
    if any(text is not None and folded(row, column) != text.casefold() for column, text in wanted):
        return False
    at = row["received"]
    low, high = query.received_start, query.received_end
    if at is not None and ((low is not None and at < low) or (high is not None and at > high)):
        return False
    return query.search is None or meets(query.search, row)


def meets(search: Search, row: dict[str, Any]) -> bool:  # noqa: C901, PLR0911 - one of each kind
    match search:
        case AllOf(parts):
            return all(meets(part, row) for part in parts)
        case AnyOf(parts):
            return any(meets(part, row) for part in parts)
        case Not(part):
            return not meets(part, row)
        case Word(text):
            return any(text in (folded(row, column) or "") for column in WORD_COLUMNS)
        case InField(column, text):
            return any(text in (folded(row, one) or "") for one in PARTS_IN.get(column, (column,)))
        case Begins(column, text):
            ones = PARTS_IN.get(column, (column,))
            return any((folded(row, one) or "").startswith(text) for one in ones)
        case Is(column, text):
            return folded(row, column) == text
        case Has(column):
            return row[column] is not None
        case HasPair(text, is_whole):
            held = json.loads(f"[{(row['pairs'] or ',')[1:]}]")
            return any(pair == text if is_whole else pair.startswith(text) for pair in held)
        case Compare():
            return compares(search, row)


def compares(wanted: Compare, row: dict[str, Any]) -> bool:
    number = quantity(wanted.quantity, row)
    limit = {"zero": 0.0, "now": NOW, "today": NOW - NOW % DAY_S}[wanted.base] + wanted.value
    return number is not None and {
        "<": number < limit, "<=": number <= limit, ">": number > limit, ">=": number >= limit,
    }[wanted.relation]  # fmt: skip


def quantity(name: str, row: dict[str, Any]) -> float | None:
    state, started = row["state"].casefold(), row["started"]
    since = row["sent"] if row["received"] is None else row["received"]
    match name:
        case "runtime" if state not in IDLE:
            return None if started is None else NOW - started
        case "wait" if state in {"pending", "received"}:
            return None if since is None else NOW - since
        case "wait":
            is_told = started is not None and since is not None and started >= since
            return started - since if is_told else None
        case "finished":
            return row[ENDS[state]] if state in ENDS else None
        case _:
            return row[name]


def folded(row: dict[str, Any], column: str) -> str | None:
    text = row[column]
    if text is None:
        return None
    if column == "traceback":  # folded by the database, which knows ASCII's case
        return "".join(letter.lower() if letter.isascii() else letter for letter in text)
    return text.casefold()


def top(rows: list[dict[str, Any]], column: str, limit: int) -> list[tuple[str, int]]:
    counts = Counter(row[column] for row in rows if row[column] is not None)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]


def kinds(failed: list[dict[str, Any]], bars: TrendBars) -> dict[str, tuple[Any, ...]]:
    """Return the failed by digest, each kind with the fields of a FailureKind."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in failed:
        words = likeness(first_line(row["exception"]))
        digest = digest_of(row["name"], row["exception_class"], words)
        found.setdefault(digest, []).append({**row, "words": words})
    return {digest: _kind(digest, rows, bars) for digest, rows in found.items()}


def _kind(digest: str, rows: list[dict[str, Any]], bars: TrendBars) -> tuple[Any, ...]:
    one, trend = rows[0], [0] * bars.count
    at = {row["uuid"]: row["timestamp"] if row["failed"] is None else row["failed"] for row in rows}
    for when in at.values():
        if when >= bars.start:
            trend[min(int((when - bars.start) // bars.step_s), bars.count - 1)] += 1
    workers = Counter(row["worker"] for row in rows if row["worker"] is not None)
    newest = sorted(at, key=lambda uuid: (-at[uuid], uuid))[:10]
    names = (digest, one["name"], one["exception_class"], one["words"])
    return (*names, min(at.values()), max(at.values()), trend, len(rows), dict(workers), newest)


def groups(rows: list[dict[str, Any]], limit: int) -> list[tuple[Any, ...]]:
    """Return name, exception, count, first and last of the failed, as FailureGroup has them."""
    failed: dict[tuple[Any, Any], list[float | None]] = {}
    for row in rows:
        if row["state"] == "FAILURE":
            failed.setdefault((row["name"], row["exception_class"]), []).append(row["failed"])
    told = [(*kind, len(times), *ends(times)) for kind, times in failed.items()]
    none_last = float("-inf")
    return sorted(
        told,
        key=lambda group: (
            -group[2],
            -(none_last if group[4] is None else group[4]),
            group[0] is not None, group[0] or "", group[1] is not None, group[1] or "",
        ),
    )[:limit]  # fmt: skip


def ends(times: list[float | None]) -> tuple[float | None, float | None]:
    known = [at for at in times if at is not None]
    return (min(known), max(known)) if known else (None, None)


def over_time(
    rows: list[dict[str, Any]], start: float, step_s: float, buckets: int
) -> dict[str, list[int]]:
    counts: dict[str, list[int]] = {}
    for row in rows:
        at = row["timestamp"] if row["received"] is None else row["received"]
        if start <= at < start + step_s * buckets:
            bucket = min(int((at - start) / step_s), buckets - 1)
            counts.setdefault(row["state"], [0] * buckets)[bucket] += 1
    return counts
