"""What may be asked of the rollups: a frozen query, and what is wrong with it. Pure."""

from dataclasses import dataclass
from math import ceil, isfinite
from typing import Final

from flower_ng.errors import BadRequest
from flower_ng.store.rollups.levels import MINUTE_S
from flower_ng.store.rollups.tallies import KINDS

MAX_BUCKETS: Final = 2000
MAX_NAMES: Final = 500
#: Points of one answer, all names together.
MAX_POINTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """Which series, from when to when (UTC seconds), in buckets of `step_s`, a multiple of 60.

    The range reaches from the minute of `start` up to the minute of `end`, which is in it only
    while it is under way: two ranges that meet never count a minute twice. A `step_s` of None
    makes one bucket of it all. `names` are task types, queues or workers; None is all that are
    known, of those that contain `containing` whatever its case. Among task types, `ALL_TYPES` is
    all of them together. Without `percentiles` the points have none, only the whole of a series
    has, which is quicker for many names. `max_points` bounds the answer.
    """

    kind: str
    names: tuple[str, ...] | None
    start: float
    end: float
    step_s: int | None
    percentiles: bool = True
    max_points: int = MAX_POINTS
    containing: str = ""


def checked(query: SeriesQuery) -> None:
    """Raise BadRequest where a query cannot be meant: what is wrong, and what would be right."""
    if query.kind not in KINDS:
        raise BadRequest(f"Unknown kind '{query.kind}', expected one of {', '.join(KINDS)}")
    step_s = query.step_s
    if step_s is not None and (step_s < MINUTE_S or step_s % MINUTE_S):
        raise BadRequest(f"Invalid step {step_s}, expected a multiple of 60 seconds")
    if not (isfinite(query.start) and isfinite(query.end) and 0 <= query.start < query.end):
        raise BadRequest(
            f"Invalid range from {query.start} to {query.end}, expected a start before its end"
        )
    if query.names is not None and len(query.names) > MAX_NAMES:
        raise BadRequest(f"{len(query.names)} names are too many, expected at most {MAX_NAMES}")
    if step_s is not None and (query.end - query.start) / step_s > MAX_BUCKETS:
        least_s = ceil((query.end - query.start) / MAX_BUCKETS / MINUTE_S) * MINUTE_S
        raise BadRequest(
            f"A step of {step_s} s makes more than {MAX_BUCKETS} buckets of this range,"
            f" expected a step of at least {least_s}"
        )
