"""Counts by value, by failure and over time, from the index. On a reading thread."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from tantivy import FieldType, Query

from flower_ng.store.index.queries import both
from flower_ng.store.sql.engine import FACETS, FailureGroup

#: Values of a field that are counted; with more of them the numbers are not exact.
MOST_VALUES: Final = 10_000
#: Stands for no value; texts have no such character.
_LACKING: Final = "\0"

Counts: TypeAlias = dict[str, Counter[str]]


def by_value(searcher: Any, query: Any, fields: Sequence[str]) -> tuple[Counts, bool]:
    """Count what a query finds by each field; return whether all values are counted too."""
    wanted = {field: _values(FACETS[field]) for field in fields}
    found = searcher.aggregate(query, wanted)
    counts = {field: _counted(found[field]) for field in fields}
    return counts, not any(found[field]["sum_other_doc_count"] for field in fields)


def top(counts: Mapping[str, int], limit: int | None) -> list[tuple[str, int]]:
    """Return the most frequent values; those of equal numbers in their order."""
    held = [(value, number) for value, number in counts.items() if number > 0]
    return sorted(held, key=lambda pair: (-pair[1], pair[0]))[:limit]


def failures(searcher: Any, schema: Any, query: Any) -> list[FailureGroup]:
    """Count the failed of what a query finds, by type and exception."""
    times = {"first": {"min": {"field": "failed"}}, "last": {"max": {"field": "failed"}}}
    kinds = _values("exception_class", missing=_LACKING) | {"aggs": times}
    names = _values("name", missing=_LACKING) | {"aggs": {"kinds": kinds}}
    failed = both(query, Query.term_query(schema, "state", "FAILURE"))
    found = searcher.aggregate(failed, {"names": names})["names"]["buckets"]
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


def together(groups: Sequence[FailureGroup], limit: int | None) -> list[FailureGroup]:
    """Return the largest groups, those of one kind as one."""
    held: dict[tuple[str | None, str | None], list[FailureGroup]] = {}
    for group in groups:
        held.setdefault((group.name, group.exception), []).append(group)
    summed = [_sum(some) for some in held.values()]
    return sorted(summed, key=_largest_first)[:limit]


def over_time(
    searcher: Any, schema: Any, query: Any, start: float, step_s: float, buckets: int
) -> dict[str, Counter[int]]:
    """Count what a query finds by state, in buckets of time: `{state: {bucket: number}}`."""
    end = start + step_s * buckets
    within = Query.range_query(schema, "at", FieldType.Float, start, end, include_upper=False)
    bars = {"histogram": {"field": "at", "interval": step_s, "offset": start % step_s}}
    wanted = {"states": _values("state") | {"aggs": {"bars": bars}}}
    states = searcher.aggregate(both(query, within), wanted)["states"]["buckets"]
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
