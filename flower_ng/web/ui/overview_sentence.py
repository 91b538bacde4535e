"""Verdict is the health of the cluster in one sentence, each number with the list behind it; pure.

What is wrong is for the health engine to say (health/verdict.py). What was not seen is said: a
share of an hour of which minutes were observed is none of an hour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flower_ng.health.verdict import ClusterVerdict
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.time_window import from_then, start_of

HOUR_S: Final = 3600
#: What may be missing of an hour before it is told: the minute that it begins in.
MISSING_S: Final = 90
#: Both numbers are those of events: what the result backend alone told is not in them.
ENDED: Final = "(is:succeeded OR is:failed) -is:from-backend finished:"
FAILED: Final = "is:failed -is:from-backend finished:"


@dataclass(frozen=True, slots=True)
class Vitals:
    """The numbers of the sentence; None stands for what is not known.

    `ended` and `failed` are tasks of the last hour, of which `observed_s` were observed. `waiting`
    messages were counted `waiting_age_s` ago, None for just now. `elsewhere` messages wait in
    `other_queues` that only the broker names, so that they may be another application's. Where no
    event told of any worker, `answering` have answered an inspection.
    """

    ended: int | None
    failed: int | None
    observed_s: float
    waiting: int | None
    queues: int
    waiting_age_s: float | None = None
    elsewhere: int = 0
    other_queues: int = 0
    answering: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the sentence, with its address where it is a number."""

    text: str
    url: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class OverviewSentence:
    """The sentence: `state` is the name of its mark, `words` how it begins."""

    state: str
    words: str
    pieces: tuple[Piece, ...]

    @property
    def sentence(self) -> str:
        """The whole as text."""
        return f"{self.words} {''.join(piece.text for piece in self.pieces)}"


#: The marks of the verdicts.
MARKS: Final = {"ok": "online", "warning": "attention", "error": "bad", "unknown": "unknown"}


def verdict(standing: ClusterVerdict, vitals: Vitals, now: float, links: Links) -> OverviewSentence:
    """Return the sentence."""
    pieces = (
        *_workers(standing, vitals, links),
        *_tasks(vitals, now, links),
        *_queues(vitals, links),
    )
    return OverviewSentence(MARKS[standing.kind], f"{_mood(standing, vitals, now)}:", pieces)


def _mood(standing: ClusterVerdict, vitals: Vitals, now: float) -> str:
    """Return how the sentence begins."""
    if standing.lack:
        return "Workers and tasks can't be observed through this broker"
    if standing.held_back:
        age_s = now - standing.at
        return f"The broker has held back workers' messages for {fmt.span(age_s)}; last known data"
    if not standing.is_current and not standing.has_heard:
        return "Connecting to the broker"
    if not standing.is_current:
        age_s = now - standing.at
        return f"Disconnected from the broker for {fmt.span(age_s)}; last known data"
    return _found(standing) or _calm(standing, vitals)


def _found(standing: ClusterVerdict) -> str:
    """Return how many things are wrong; empty where none is."""
    raised, pending = len(standing.raised), len(standing.pending)
    if raised:
        words = "1 problem" if raised == 1 else f"{fmt.number(raised)} problems"
        return f"{words}, {fmt.number(pending)} more possible" if pending else words
    if pending:
        return "1 possible problem" if pending == 1 else f"{pending} possible problems"
    muted = len(standing.muted)
    return f"No problems except {fmt.number(muted)} muted" if muted else ""


def _calm(standing: ClusterVerdict, vitals: Vitals) -> str:
    """Return what is said where nothing is found to be wrong."""
    if not standing.census.known and not vitals.answering:
        return "No workers left" if standing.census.forgotten else "No workers yet"
    if standing.quiet_s:
        return "Starting up"
    return "Some data is missing" if standing.unseen else "All good"


def _workers(standing: ClusterVerdict, vitals: Vitals, links: Links) -> Iterator[Piece]:
    census, url = standing.census, links.page("/workers", {})
    if vitals.answering:
        yield Piece(_counted(vitals.answering, "worker"), url)
        yield Piece(f" answer{'s' if vitals.answering == 1 else ''}, but no event of any arrives, ")
        return
    if not census.known:
        yield Piece("no worker", url)
        yield Piece(" is online, " if census.forgotten else " has reported yet, ")
        return
    if not census.expected:
        yield Piece("no worker", url, is_bad=True)
        yield Piece(" is online")
    elif standing.is_current and not standing.has_settled and census.online:
        yield Piece(_counted(census.online, "worker"), url)
        yield Piece(" heard so far")
    elif census.unknown == census.expected:
        yield Piece(_counted(census.unknown, "worker"), url)
        yield Piece(" not reporting yet")
    else:
        online = f"{fmt.number(census.online)} of {fmt.number(census.expected)}"
        yield Piece(online, url, is_bad=bool(census.silent))
        yield Piece(f" worker{'' if census.expected == 1 else 's'} online")
    yield Piece(f"{_others(standing)}, ")


def _others(standing: ClusterVerdict) -> str:
    """Tell of those that are not expected to be online, and of those that nobody knows of."""
    census = standing.census
    some = census.unknown if census.unknown != census.expected else 0
    counts = {
        "maybe busy": census.busy,
        "not reporting yet": some,
        "stopped": census.left,
        "gone": census.gone,
    }
    told = [f"{fmt.number(count)} {word}" for word, count in counts.items() if count]
    return f" ({', '.join(told)})" if told else ""


def _tasks(vitals: Vitals, now: float, links: Links) -> Iterator[Piece]:
    seen = vitals.observed_s < HOUR_S - MISSING_S
    when = f" in the last hour{f' ({_seen(vitals)})' if seen else ''}, and "
    ended, failed = vitals.ended, vitals.failed
    if ended is None or failed is None:
        yield Piece(f"the number of failed tasks is unknown{when}")
    elif not ended:
        yield Piece(f"no task {'was observed to finish' if seen else 'finished'}{when}")
    else:
        hour = from_then(start_of(HOUR_S, now))
        yield Piece(fmt.number(failed), links.tasks(search=f"{FAILED}{hour}"))
        yield Piece(" of ")
        yield Piece(fmt.number(ended), links.tasks(search=f"{ENDED}{hour}"))
        yield Piece(f" tasks failed ({fmt.share(failed / ended)}){when}")


def _seen(vitals: Vitals) -> str:
    return (
        f"observed for {fmt.span(vitals.observed_s)} of it" if vitals.observed_s else "not observed"
    )


def _queues(vitals: Vitals, links: Links) -> Iterator[Piece]:
    url = links.page("/queues", {})
    if not vitals.queues:
        yield Piece("no queue", url)
        yield Piece(" has been reported yet.")
    elif vitals.waiting is None:
        yield Piece("the number of messages waiting in ")
        yield Piece(_counted(vitals.queues, "queue"), url)
        yield Piece(" is unknown.")
    else:
        age_s, where = vitals.waiting_age_s, f" in {_counted(vitals.queues, 'queue')}"
        yield Piece(_counted(vitals.waiting, "message"), url)
        if age_s is None:
            yield Piece(f" {_waits(vitals.waiting)}{where}")
            yield from _elsewhere(vitals, url)
        else:
            yield Piece(f" waited{where} {fmt.age(age_s)}.")


def _elsewhere(vitals: Vitals, url: str) -> Iterator[Piece]:
    """Tell of what waits where nobody but the broker names the queue: no rule looks at it."""
    if not vitals.elsewhere:
        yield Piece(".")
        return
    yield Piece("; ")
    yield Piece(f"{fmt.number(vitals.elsewhere)} more", url)
    queues = _counted(vitals.other_queues, "other queue")
    yield Piece(f" {_waits(vitals.elsewhere)} in {queues} of the broker, not checked.")


def _waits(messages: int) -> str:
    return "waits" if messages == 1 else "wait"


def _counted(count: int, what: str) -> str:
    return f"{fmt.number(count)} {what}{'' if count == 1 else 's'}"
