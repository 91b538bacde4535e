"""What surrounds a list of tasks: counts by value, and over time. On the loop."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from flower_ng.errors import AnswerError
from flower_ng.search import STATES, AllOf, Has
from flower_ng.store import FACETS, TaskQuery, parse_search
from flower_ng.web.pages.tasks.histogram import Bars, bars
from flower_ng.web.pages.tasks.search_terms import value_of, with_value, without_value
from flower_ng.web.pages.tasks.wider_search import Wider, wider
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Listing
from flower_ng.web.ui.time_window import window
from flower_ng.web.ui.zone import Zone

if TYPE_CHECKING:
    from flower_ng.store import Store, TaskAnswers

#: What lists are narrowed by, beside the state, which has tabs.
LABELS: Final = {"name": "Type", "worker": "Worker", "queue": "Queue", "exception": "Exception"}
#: The term for tasks that no worker received.
UNPLACED: Final = "-has:received"
#: Values of a facet, the most frequent: known, and seen at once.
MOST_VALUES: Final = 30
SEEN: Final = 8


@dataclass(frozen=True, slots=True)
class Summary:
    """What a search finds, counted; of each facet without what the search wants of it itself.

    The counts of the fields in `estimated` are estimates. `aside` are the
    tasks that no worker received, which have no place among the bars: at least so many unless
    `is_aside_exact`. `wider` are similar searches that find tasks where this one finds none.
    `problem` says why there are no counts.
    """

    counts: Mapping[str, Sequence[tuple[str, int]]]
    bars: Bars | None
    estimated: frozenset[str] = frozenset()
    aside: int = 0
    is_aside_exact: bool = True
    problem: str = ""
    wider: tuple[Wider, ...] = ()


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value to narrow a list to, or to widen it again; `count` is None where not known.

    With `is_estimate` it is about so many.
    """

    label: str
    count: int | None
    url: str
    is_current: bool
    state: str = ""
    is_estimate: bool = False


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one field; `rest` are those that are not seen at once."""

    field: str
    label: str
    values: tuple[FacetValue, ...]
    rest: tuple[FacetValue, ...]


async def summed(store: "Store", text: str, now: float, zone: Zone) -> Summary:
    """Count what a search finds, without waiting for what is not written; or say why not.

    Pages show times in the `zone`, so that a text which is one is looked for in it.
    """
    answers = store.at_once()
    try:
        found = {}
        for asked, fields in _questions(text).items():
            counted = await answers.facets(_query(asked), fields, MOST_VALUES)
            found.update({field: (counted.counts[field], counted.exact) for field in fields})
        shape = await _bars(store, answers, text, now)
        aside = await answers.tasks(replace(_query(f"{text} {UNPLACED}"), limit=0))
        is_found = not text or await _finds(answers, text)
        similar = () if is_found else await wider(answers, text, zone)
    except AnswerError as error:
        return Summary({}, None, problem=error.message)
    estimated = frozenset(field for field, (_, exact) in found.items() if not exact)
    counts = {field: counts for field, (counts, _) in found.items()}
    return Summary(counts, shape, estimated, aside.filtered, aside.exact, wider=similar)


async def _finds(answers: "TaskAnswers", text: str) -> bool:
    return bool((await answers.tasks(replace(_query(text), limit=1))).rows)


def _query(text: str) -> TaskQuery:
    return TaskQuery(search=parse_search(text))


def _questions(text: str) -> dict[str, list[str]]:
    """Return which fields are counted in which search."""
    questions: dict[str, list[str]] = {}
    for field, column in FACETS.items():
        is_wanted = value_of(text, column) is not None
        questions.setdefault(without_value(text, column) if is_wanted else text, []).append(field)
    return questions


async def _bars(store: "Store", answers: "TaskAnswers", text: str, now: float) -> Bars:
    search = parse_search(text)
    parts = (Has("received"),) if search is None else (search, Has("received"))
    received = TaskQuery(search=AllOf(parts))
    first = await answers.after(replace(received, sort="received"), None, 1)
    span = window(search, now, first.rows[0].received if first.rows else None)
    found = await answers.histogram(received, span.start, span.end, span.count)
    return bars(found, span, await store.gaps(span.start, span.end))


def facets(summary: Summary | None, text: str, listing: Listing, links: Links) -> Iterator[Facet]:
    """Yield the facets with their counts, as far as they are known."""
    for field, label in LABELS.items():
        column = FACETS[field]
        counts = {} if summary is None else dict(summary.counts.get(field, ()))
        is_estimate = summary is not None and field in summary.estimated
        values = tuple(
            replace(one, is_estimate=is_estimate)
            for one in _values(counts, text, column, listing, links)
        )
        yield Facet(field, label, values[:SEEN], values[SEEN:])


def _values(
    counts: Mapping[str, int], text: str, column: str, listing: Listing, links: Links
) -> Iterator[FacetValue]:
    wanted = value_of(text, column)
    current = next((value for value in counts if value.casefold() == wanted), wanted)
    if current is not None:
        url = listing.filtered(links, search=without_value(text, column))
        yield FacetValue(current, counts.get(current), url, is_current=True)
    for value, count in counts.items():
        if value != current:
            url = listing.filtered(links, search=with_value(text, column, value))
            yield FacetValue(value, count, url, is_current=False)


def tabs(
    summary: Summary | None, text: str, listing: Listing, links: Links
) -> Iterator[FacetValue]:
    """Yield all states, in the order in which tasks go through them, and before them any state."""
    counts = None if summary is None or summary.problem else dict(summary.counts["state"])
    wanted = value_of(text, "state")
    any_state = without_value(text, "state")
    total = None if counts is None else sum(counts.values())
    is_estimate = summary is not None and "state" in summary.estimated
    yield FacetValue(
        "All",
        total,
        listing.filtered(links, search=any_state),
        is_current=wanted is None,
        is_estimate=is_estimate,
    )
    for state in (*STATES, *sorted((counts or {}).keys() - set(STATES))):
        yield FacetValue(
            state,
            None if counts is None else counts.get(state, 0),
            listing.filtered(links, search=with_value(text, "state", state)),
            is_current=wanted == state.casefold(),
            state=state,
            # An estimate of none may be some.
            is_estimate=is_estimate,
        )
