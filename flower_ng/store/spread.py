"""Spread: how a query's tasks are spread over the index's parts, guessed before it is answered.

Whole values and pairs of them are counted in the index, to the last task; words are probed.
On a reading thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Final

import msgspec

from flower_ng.store.arms import Arms
from flower_ng.store.old_index import Part
from flower_ng.store.parts import COUNTED
from flower_ng.store.task_query import FILTERS, TaskQuery
from flower_ng.store.trigrams import match
from flower_ng.store.view import View

#: Rows of each part that may match by their trigrams are counted up to this.
PROBED: Final = 400
#: What is not known to be rare is taken to be so.
UNKNOWN_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Spread:
    """Of `rows` in the parts that matter, how many match: `matches`; `is_exact`: that is no guess.

    `filters` are the whole values wanted, case-folded, by column, `counts` how many rows have one,
    or two, of them. `words` is the FTS5 expression for the rows that may match the search, about
    `candidates`. About `received` rows are in the query's period; `skipped` are not, though others
    of their part are.
    """

    rows: int
    filters: dict[str, str]
    counts: dict[frozenset[str], float]
    matches: float
    is_exact: bool
    words: str | None = None
    candidates: float = 0.0
    received: float = 0.0
    skipped: float = 0.0

    def least(self, columns: set[str]) -> float:
        """Return how many rows have the values wanted of some columns, at most."""
        known = [n for of, n in self.counts.items() if of <= columns]
        return min(known, default=self.rows)


def spread(arms: Arms, query: TaskQuery) -> Spread:
    """Return what the index knows of a query's tasks."""
    view, parts, in_all = arms.view, arms.parts, max(arms.view.directory.live, 1)
    rows = sum(part.live for part in parts)
    wanted = {column: getattr(query, name) for name, column in FILTERS.items()}
    filters = {column: value.casefold() for column, value in wanted.items() if value is not None}
    counts = {of: n * rows / in_all for of, n in _counts(view, filters).items()}
    share = _share(rows, filters, counts)
    words = match(query.search, view.common()) if view.directory.has_words else None
    candidates = _candidates(view, parts, words) if words else 0.0
    if words:
        share *= candidates / max(rows, 1)
    elif query.search is not None and arms.period.is_all:
        share *= UNKNOWN_SHARE
    received = sum(arms.period.share(part) * part.live for part in parts)
    is_exact = query.search is None and arms.period.is_all and len(filters) <= 2  # noqa: PLR2004 - pairs
    return Spread(
        rows,
        filters,
        counts,
        share * received,
        is_exact,
        words,
        candidates,
        received,
        sum(
            part.live * (1 - arms.period.share(part))
            for part in parts
            if not arms.period.has_all(part)
        ),
    )


def _share(rows: int, filters: dict[str, str], counts: dict[frozenset[str], float]) -> float:
    """Guess the share of rows with all values: that of the rarest pair, the others as by chance."""
    if not filters or not rows:
        return 1.0
    rarest = min(counts, key=lambda of: (counts[of], -len(of)))
    others = [counts[frozenset({column})] / rows for column in filters.keys() - rarest]
    return counts[rarest] / rows * prod(others)


def _counts(view: View, filters: dict[str, str]) -> dict[frozenset[str], int]:
    single = {
        frozenset({column}): view.directory.count(column, value)
        for column, value in filters.items()
    }
    return single | (_pairs(view, filters) if len(filters) > 1 else {})


def _pairs(view: View, filters: dict[str, str]) -> dict[frozenset[str], int]:
    pairs = list(combinations(sorted(filters, key=COUNTED.index), 2))
    sums, parameters = [], []
    for pair in pairs:
        values = [view.directory.values(column, filters[column]) for column in pair]
        first, second = (COUNTED.index(column) for column in pair)
        a, b = (", ".join("?" * len(some)) for some in values)
        sums.append(
            "(SELECT coalesce(sum(n), 0) FROM tally"
            f" WHERE first = {first} AND second = {second} AND a IN ({a}) AND b IN ({b}))"
        )
        parameters += [value for some in values for value in some]
    found = view.row(f"SELECT {', '.join(sums)}", parameters)
    return {frozenset(pair): number for pair, number in zip(pairs, found, strict=True)}


def _candidates(view: View, parts: Sequence[Part], words: str) -> float:
    """Return about how many rows have trigrams.

    Of each part only some are counted. A row's place says nothing of its words, so the place of the
    last one tells how dense they are.
    """
    if not parts:
        return 0.0
    probes = ", ".join(_probe(part) for part in parts)
    (found,) = view.row(f"SELECT json_array({probes})", (words,))
    return sum(
        number if number < PROBED or not last else number / last * part.rows
        for part, (number, last) in zip(
            parts, msgspec.json.decode(found, type=list[tuple[int, int | None]]), strict=True
        )
    )


def _probe(part: Part) -> str:
    text = f"text{part.number}"
    found = f"SELECT rowid FROM {text} WHERE {text} MATCH ?1 LIMIT {PROBED}"
    return f"(SELECT json_array(count(*), max(rowid)) FROM ({found}))"
