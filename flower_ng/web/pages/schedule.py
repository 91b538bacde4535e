"""Schedule is what beat is to send: each entry, its runs, and what is due in the time ahead."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.errors import AnswerError
from flower_ng.monitor.remote.schedule_actions import DISABLE, ENABLE
from flower_ng.schedule.entry import BeatEntry, Kind
from flower_ng.schedule.timetable import Place
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.forecast import REACHES, AheadReach, Forecast, forecast_of, reach_of
from flower_ng.web.lookups.schedule import SeenEntry, entries_now, facts_of, seen_entries
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.due_bars import Strip, bars, strip
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice, Column, Heading, Listing, Pager, pager
from flower_ng.web.ui.schedule_parts import arguments_of, schedule_tabs

COLUMNS: Final = (
    Column("Entry", "name"),
    Column("Schedule", None),
    Column("Queue", "queue"),
    Column("Last", None),
    Column("Next", "next"),
    Column("Runs", None),
    Column("Actions", None, "tool"),
)
LISTING: Final = Listing("/schedule", sort="next", size=50)
NEVER: Final = float("inf")
#: What enables or disables an entry, by whether it is enabled.
SWITCHES: Final = {
    True: (DISABLE.route, DISABLE.label),
    False: (ENABLE.route, ENABLE.label),
}


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One entry with its strip, and where its tasks are.

    `switch` is the action that enables or disables it, and its label: empty where its place knows
    no such thing. `is_ambiguous` is that another place has an entry of the same name.
    """

    one: SeenEntry
    arguments: str
    strip: Strip
    tasks_url: str
    switch: tuple[str, str]
    is_ambiguous: bool


@dataclass(frozen=True, slots=True)
class DueChart:
    """Bars over the time ahead: the `d` of a path, and the value at its upper edge in words."""

    title: str
    path: str
    top: str


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """The entries of a page; `problem` is why their runs are unknown, else empty.

    `notes` are sentences about where the entries come from, `troubles` those about what can't be
    read. `forecast` is None where there is none, with its `charts`.
    """

    title: str
    tabs: tuple[Choice, ...]
    spans: tuple[Choice, ...]
    search: str
    sort: str
    span: str
    headings: tuple[Heading, ...]
    lines: tuple[EntryLine, ...]
    pager: Pager
    count: int
    notes: tuple[str, ...]
    troubles: tuple[str, ...]
    problem: str
    forecast: Forecast | None
    charts: tuple[DueChart, ...]
    now: float
    links: Links


class SchedulePage(Page):
    """`/schedule`: what is overdue first, then what is due next."""

    path = "/schedule"
    need = Need.READ
    nav = "Schedule"
    template = "pages/schedule.html"

    async def view(self, *_none: str) -> ScheduleView:
        """Read the schedule again where that is some seconds old, and show a page of it."""
        cluster, links, now = self.cluster, Links(self.services.prefix), self.services.clock()
        reach = reach_of(self.get_argument("span", default=""))
        search: str = self.get_argument("search", default="")
        span = "" if reach is REACHES[0] else reach.key
        listing = LISTING.asked(self.get_argument, {"search": search, "span": span})
        problem, seen, ahead = "", list[SeenEntry](), None
        try:
            every = await entries_now(cluster)
        except AnswerError as error:
            every, problem = cluster.timetable.entries, error.message
        found = self._sorted([one for one in every if _matches(one, search)], listing)
        shown = found[listing.offset : listing.offset + listing.size]
        try:
            ahead = await forecast_of(cluster, reach, now)
            seen = await seen_entries(cluster, shown)
        except AnswerError as error:
            problem = problem or error.message
        names = Counter[str](one.name for one in every)
        return ScheduleView(
            title="Schedule",
            tabs=schedule_tabs(links, self.path),
            spans=tuple(_spans(reach, listing, links)),
            search=search,
            sort=listing.sort,
            span=reach.key,
            headings=listing.headings(links, COLUMNS),
            lines=tuple(_line(one, links, is_ambiguous=names[one.entry.name] > 1) for one in seen),
            pager=pager(listing, links, shown=len(seen), count=len(found)),
            count=len(every),
            notes=tuple(_notes(cluster.timetable.places, is_seen=self._is_seen(every))),
            troubles=tuple(_troubles(cluster.timetable.places, now)),
            problem=problem,
            forecast=ahead if ahead is not None and ahead.aheads else None,
            charts=tuple(_charts(ahead)) if ahead is not None and ahead.aheads else (),
            now=now,
            links=links,
        )

    def _sorted(self, entries: list[BeatEntry], listing: Listing) -> list[BeatEntry]:
        def due(one: BeatEntry) -> float:
            facts = facts_of(self.cluster, one)
            return NEVER if facts is None else facts.due_at

        keys = {"queue": lambda one: one.queue, "next": due}
        key = keys.get(listing.key, lambda one: one.name)
        return sorted(entries, key=lambda one: (key(one), one.name), reverse=listing.is_descending)

    def _is_seen(self, entries: Sequence[BeatEntry]) -> bool | None:
        """Whether beat was seen to send anything; None where nothing is expected yet."""
        found = [facts for one in entries if (facts := facts_of(self.cluster, one)) is not None]
        return any(one.last_at is not None for one in found) if found else None


def _charts(ahead: Forecast) -> Iterator[DueChart]:
    most, most_s = max(ahead.counts), max(ahead.work_s)
    yield DueChart("Tasks due", bars(ahead.counts), fmt.number(most))
    longest = fmt.duration(most_s) if most_s else fmt.DASH
    yield DueChart("Usual run time of these", bars(ahead.work_s), longest)


def _spans(reach: AheadReach, listing: Listing, links: Links) -> Iterator[Choice]:
    for one in REACHES:
        key = "" if one is REACHES[0] else one.key
        yield Choice(one.label, listing.filtered(links, span=key), one is reach)


def _matches(entry: BeatEntry, search: str) -> bool:
    wanted = search.casefold().strip()
    return not wanted or any(wanted in text.casefold() for text in (entry.name, entry.task))


def _line(one: SeenEntry, links: Links, *, is_ambiguous: bool) -> EntryLine:
    entry = one.entry
    return EntryLine(
        one=one,
        arguments=arguments_of(one.row),
        strip=strip(one.marks),
        tasks_url=links.tasks(search=one.search),
        switch=("", "") if entry.kind is Kind.SETTINGS else SWITCHES[entry.is_enabled],
        is_ambiguous=is_ambiguous,
    )


def _notes(places: Mapping[Kind, Place], *, is_seen: bool | None) -> Iterator[str]:
    redbeat = places.get(Kind.REDBEAT)
    if redbeat is not None and redbeat.has_beat:
        yield "A beat holds RedBeat's lock, so it runs."
    elif redbeat is not None and redbeat.has_beat is False:
        yield "No beat holds RedBeat's lock: none runs, or it works without a lock."
    if is_seen is False:
        yield (
            "No beat was seen to send anything since flower_ng listens: times are those of the"
            " schedule, if beat runs."
        )
    for place in places.values():
        if not place.is_complete:
            yield f"Only the first {len(place.entries)} entries of {place.kind.value} are read."


def _troubles(places: Mapping[Kind, Place], now: float) -> Iterator[str]:
    for place in places.values():
        if place.problem:
            what = "its entries are unknown"
            if place.at is not None:
                what = f"what is shown of it is {now - place.at:,.0f} s old"
            yield f"{place.kind.value}: {place.problem.rstrip('.')}; {what}."
