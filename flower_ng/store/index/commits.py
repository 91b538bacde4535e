"""A committed state of the index: its counts, the rows that changed since, its orders.

On a reading thread.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec
import tantivy
from tantivy import FieldType, Query

from flower_ng.search.conditions import FACETS, TaskQuery
from flower_ng.store.index.documents import NUMBERS, STARTS
from flower_ng.store.index.queries import both, having
from flower_ng.store.sql.engine import FailureGroup, ReadConnection
from flower_ng.store.sql.statements import attribute, is_descending
from flower_ng.store.tables.schema import COLUMNS

#: More changes than this are not worth looking at beside the index: it is being made.
MOST_FRESH: Final = 30_000
#: How often is begun again because a newer commit came between.
TRIES: Final = 5

#: Counts three times as fast as a search for the best of the tasks that it counts.
_NUMBER: Final = {"number": {"value_count": {"field": "id"}}}
#: Values of a field that are counted; with more of them the numbers are not exact.
MOST_VALUES: Final = 10_000
#: Stands for no value; texts have no such character.
_LACKING: Final = "\0"
_LIMIT: Final = f"LIMIT {MOST_FRESH + 1}"
_CHANGED: Final = "epoch > ? AND stale.id <= ?"
_ROWS: Final = (
    f"SELECT id FROM stale WHERE {_CHANGED} {_LIMIT}",
    f"SELECT task.id FROM stale CROSS JOIN task ON task.id = stale.id WHERE {_CHANGED} {_LIMIT}",
    f"SELECT id FROM task WHERE id > ? {_LIMIT}",
)
_EACH: Final = [f"(SELECT json_group_array(id) FROM ({rows}))" for rows in _ROWS]
_FRESH: Final = f"SELECT {', '.join(_EACH)}"


@dataclass(frozen=True, slots=True)
class Commit:
    """One state of the index: rows up to `mark`, with their changes up to `epoch`."""

    searcher: Any
    schema: Any
    mark: int
    epoch: int
    _values: dict[str, Sequence[str]] = field(default_factory=dict)
    _lacking: dict[str, bool] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many tasks are in it, those included that have changed since."""
        return int(self.searcher.num_docs)

    @property
    def outdated(self) -> float:
        """Which share of what it holds, from 0 to 1, is of tasks as they were before, or are gone.

        Every task has a state, and that of a deleted document counts until its segment is merged.
        """
        held = sum(self.frequency("state_folded", one) for one in self.values("state_folded"))
        return (held - self.total) / held if held else 0.0

    def values(self, name: str) -> Sequence[str]:
        """Return the values that a field of few values has, in their order."""
        if name not in self._values:
            self._values[name] = sorted(
                text for text, _ in self.searcher.terms_with_prefix(name, "")
            )
        return self._values[name]

    def frequency(self, name: str, text: str) -> int:
        """Return how many tasks have a text in a field, those included that have changed since."""
        return int(self.searcher.doc_freq(name, text))

    def count(self, query: Any) -> int:
        """Return how many tasks a query finds."""
        found = self.searcher.aggregate(query, _NUMBER)
        return int(found["number"]["value"])

    def lacks(self, column: str) -> bool:
        """Tell whether some tasks have no value in a column of HAD."""
        if column not in self._lacking:
            is_seldom = self.frequency("has", column) < self.total
            self._lacking[column] = (
                is_seldom or self.count(having(self.schema, column)) < self.total
            )
        return self._lacking[column]

    def by_value(self, query: Any, fields: Sequence[str]) -> tuple[dict[str, Counter[str]], bool]:
        """Count what a query finds by each field; return whether all values are counted too."""
        wanted = {field: _values(FACETS[field]) for field in fields}
        found = self.searcher.aggregate(query, wanted)
        counts = {field: _counted(found[field]) for field in fields}
        return counts, not any(found[field]["sum_other_doc_count"] for field in fields)

    def failures(self, query: Any) -> list[FailureGroup]:
        """Count the failed of what a query finds, by type and exception."""
        times = {"first": {"min": {"field": "failed"}}, "last": {"max": {"field": "failed"}}}
        kinds = _values("exception_class", missing=_LACKING) | {"aggs": times}
        names = _values("name", missing=_LACKING) | {"aggs": {"kinds": kinds}}
        failed = both(query, Query.term_query(self.schema, "state", "FAILURE"))
        found = self.searcher.aggregate(failed, {"names": names})["names"]["buckets"]
        return [
            FailureGroup(
                _text(name["key"]),
                _text(kind["key"]),
                kind["doc_count"],
                kind["first"]["value"],
                kind["last"]["value"],
            )
            for name in found
            for kind in name["kinds"]["buckets"]
        ]

    def over_time(
        self, query: Any, start: float, step_s: float, buckets: int
    ) -> dict[str, Counter[int]]:
        """Count what a query finds by state, in buckets of time: `{state: {bucket: number}}`."""
        end = start + step_s * buckets
        within = Query.range_query(
            self.schema, "at", FieldType.Float, start, end, include_upper=False
        )
        bars = {"histogram": {"field": "at", "interval": step_s, "offset": start % step_s}}
        wanted = {"states": _values("state") | {"aggs": {"bars": bars}}}
        states = self.searcher.aggregate(both(query, within), wanted)["states"]["buckets"]
        return {
            state["key"]: Counter(
                {
                    min(max(round((bar["key"] - start) / step_s), 0), buckets - 1): bar["doc_count"]
                    for bar in state["bars"]["buckets"]
                }
            )
            for state in states
        }


def _values(field: str, **options: Any) -> dict[str, Any]:
    return {"terms": {"field": field, "size": MOST_VALUES, **options}}


def _counted(found: dict[str, Any]) -> Counter[str]:
    return Counter({bucket["key"]: bucket["doc_count"] for bucket in found["buckets"]})


def _text(key: str) -> str | None:
    return None if key == _LACKING else key


def top(counts: Mapping[str, int], limit: int | None) -> list[tuple[str, int]]:
    """Return the most frequent values; those of equal numbers in their order."""
    held = [(value, number) for value, number in counts.items() if number > 0]
    return sorted(held, key=lambda pair: (-pair[1], pair[0]))[:limit]


def together(groups: Sequence[FailureGroup], limit: int | None) -> list[FailureGroup]:
    """Return the largest groups, those of one kind as one."""
    held: dict[tuple[str | None, str | None], list[FailureGroup]] = {}
    for group in groups:
        held.setdefault((group.name, group.exception), []).append(group)
    summed = [_sum(some) for some in held.values()]
    return sorted(summed, key=_largest_first)[:limit]


def _sum(groups: Sequence[FailureGroup]) -> FailureGroup:
    first = min((one.first for one in groups if one.first is not None), default=None)
    last = max((one.last for one in groups if one.last is not None), default=None)
    one, count = groups[0], sum(group.count for group in groups)
    return FailureGroup(one.name, one.exception, count, first, last)


def _largest_first(group: FailureGroup) -> tuple[Any, ...]:
    """Return what groups are sorted by: what is lacking is last of times, and first of texts."""
    last = float("-inf") if group.last is None else group.last
    texts = [(text is not None, text or "") for text in (group.name, group.exception)]
    return -group.count, -last, *texts


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a commit has not as it is at one moment of the store.

    `changed` are the rows of which the commit has an older state; `now` are those of them that are
    not gone, and all that are new.
    """

    commit: Commit
    changed: Sequence[int]
    now: Sequence[int]


@contextmanager
def fresh(
    connection: ReadConnection, published: Callable[[], Commit | None]
) -> Iterator[Fresh | None]:
    """Hold one moment of the store, and say what its index has not; None where that is too much.

    The commit is pinned before the store's moment. What the store notes of later changes is
    forgotten only once a newer commit is published: as long as none is, no note is missing.
    """
    for _ in range(TRIES):
        commit = published()
        connection.execute("BEGIN")
        try:
            found = _fresh(connection, commit) if commit else None
            if published() is commit:
                yield found
                return
        finally:
            connection.execute("COMMIT")
    yield None


def _fresh(connection: ReadConnection, commit: Commit) -> Fresh | None:
    asked = (commit.epoch, commit.mark)
    found = connection.execute(_FRESH, (*asked, *asked, commit.mark)).fetchone()
    changed, left, new = (msgspec.json.decode(rows, type=list[int]) for rows in found)
    is_much = max(len(changed), len(new)) > MOST_FRESH
    return None if is_much else Fresh(commit, changed, [*left, *new])


#: Columns of few values, by the fields that they are sorted by.
_TEXTS: Final = {
    **{name: f"{name}_folded" for name in ("state", "name", "worker", "queue")},
    "retries": "retries_text_folded",
}
#: Columns that every task has.
_ALWAYS: Final = frozenset({"state", "timestamp"})
#: For so long a value is near the end of a field, while tasks change.
EDGE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Order:
    """An order that the index has: by the field of a column, ties by id; or by id alone.

    That of a `start` is rough: it has those of equal starts, which are few of ids, in any order.
    """

    column: str
    field: str
    kind: Literal["id", "number", "text", "start"]
    is_descending: bool
    may_lack: bool = False

    @property
    def by_id(self) -> "Order":
        """The order of tasks that are equal."""
        return Order("uuid", "uuid", "id", self.is_descending)

    @classmethod
    def of(cls, query: TaskQuery) -> "Order | None":
        """Return the order of a query, None where the index has not that."""
        column, descending = attribute(query.sort), is_descending(query)
        if column == "uuid" or column not in COLUMNS:
            return cls("uuid", "uuid", "id", descending)
        if column in _TEXTS:
            return cls(column, _TEXTS[column], "text", descending, column not in _ALWAYS)
        if column in NUMBERS:
            return cls(column, column, "number", descending, column not in _ALWAYS)
        if column in STARTS:
            return cls(column, f"{column}_start", "start", descending, may_lack=True)
        return None


class Edges:
    """Remembers a value near each end of a field, beyond which `near` tasks are, or about so many.

    Whoever wants the first few tasks in the order of the field looks among those: to sort all of a
    million takes 10 ms. On any reading thread.
    """

    def __init__(self, near: int) -> None:
        self.near = near
        self._values: dict[tuple[str, bool], tuple[float, int, Any]] = {}

    def value(self, commit: Commit, field: str, now: float, *, is_descending: bool) -> Any:
        """Return the value; None where not so many tasks have one. It is looked for at times."""
        key = field, is_descending
        at, mark, value = self._values.get(key, (-EDGE_S, -1, None))
        if mark == commit.mark or 0 <= now - at < EDGE_S:
            return value
        order = tantivy.Order.Desc if is_descending else tantivy.Order.Asc
        hits = commit.searcher.search(
            Query.all_query(),
            limit=1,
            count=False,
            order_by_field=field,
            offset=self.near,
            order=order,
        ).hits
        value = hits[0][0] if hits else None
        self._values[key] = now, commit.mark, value
        return value
