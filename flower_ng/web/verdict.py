"""Verdict is the health of the cluster in one sentence, each number with the list behind it; pure.

What was not seen is said: a share of an hour of which minutes were observed is none of an hour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flower_ng.web import format as fmt
from flower_ng.web.links import Links

HOUR_S: Final = 3600
#: What may be missing of an hour before it is told: the minute that it begins in.
MISSING_S: Final = 90
ENDED: Final = "(is:succeeded OR is:failed) finished:-1h.."
FAILED: Final = "is:failed finished:-1h.."


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the sentence is made of; None stands for what is not known.

    `ended` and `failed` are tasks of the last hour, of which `observed_s` were observed.
    """

    is_connected: bool
    online: int
    workers: int
    ended: int | None
    failed: int | None
    observed_s: float
    waiting: int | None
    queues: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the sentence, with its address where it is a number."""

    text: str
    url: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The sentence: `state` is the name of its mark, `words` how it begins."""

    state: str
    words: str
    pieces: tuple[Piece, ...]


def verdict(vitals: Vitals, problems: int, links: Links) -> Verdict:
    """Return the sentence; `problems` is how many things are wrong now."""
    return Verdict(*_mood(vitals, problems), tuple(_pieces(vitals, links)))


def _mood(vitals: Vitals, problems: int) -> tuple[str, str]:
    if not vitals.is_connected:
        return "bad", "Cut off from the broker; the last that was known:"
    if problems:
        return "bad", "One thing is wrong:" if problems == 1 else f"{problems} things are wrong:"
    if not vitals.workers:
        return "PENDING", "Nothing runs yet:"
    return "online", "All is well:"


def _pieces(vitals: Vitals, links: Links) -> Iterator[Piece]:
    yield from _workers(vitals, links)
    yield from _tasks(vitals, links)
    yield from _queues(vitals, links)


def _workers(vitals: Vitals, links: Links) -> Iterator[Piece]:
    url, is_bad = links.page("/workers", {}), vitals.online < vitals.workers
    if not vitals.workers:
        yield Piece("no worker", url)
        yield Piece(" is known, ")
    else:
        yield Piece(f"{fmt.number(vitals.online)} of {fmt.number(vitals.workers)}", url, is_bad)
        yield Piece(f" worker{'' if vitals.workers == 1 else 's'} online, ")


def _tasks(vitals: Vitals, links: Links) -> Iterator[Piece]:
    seen = vitals.observed_s < HOUR_S - MISSING_S
    when = f" in the last hour{f' ({_seen(vitals)})' if seen else ''}, and "
    ended, failed = vitals.ended, vitals.failed
    if ended is None or failed is None:
        yield Piece(f"how many tasks failed is not known{when}")
    elif not ended:
        yield Piece(f"no task ended{when}")
    else:
        yield Piece(fmt.number(failed), links.tasks(search=FAILED))
        yield Piece(" of ")
        yield Piece(fmt.number(ended), links.tasks(search=ENDED))
        yield Piece(f" tasks failed ({fmt.share(failed / ended)}){when}")


def _seen(vitals: Vitals) -> str:
    return f"of which {fmt.span(vitals.observed_s)} were seen" if vitals.observed_s else "not seen"


def _queues(vitals: Vitals, links: Links) -> Iterator[Piece]:
    url = links.page("/queues", {})
    if not vitals.queues:
        yield Piece("no queue", url)
        yield Piece(" is known.")
    elif vitals.waiting is None:
        yield Piece("how much waits in ")
        yield Piece(_counted(vitals.queues, "queue"), url)
        yield Piece(" is not known.")
    else:
        yield Piece(_counted(vitals.waiting, "message"), url)
        verb = "waits" if vitals.waiting == 1 else "wait"
        yield Piece(f" {verb} in {_counted(vitals.queues, 'queue')}.")


def _counted(count: int, what: str) -> str:
    return f"{fmt.number(count)} {what}{'' if count == 1 else 's'}"
