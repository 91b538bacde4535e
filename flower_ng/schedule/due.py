"""When a schedule is due next, as Celery's own classes reckon it. Any thread; may be slow."""

from datetime import UTC, datetime
from typing import Any

from celery.schedules import BaseSchedule


def due_after(schedule: BaseSchedule, after: float, now: float) -> float | None:
    """Return when a task is due that was last sent then, in UTC seconds; None if never again.

    It may lie before `now`. Raises what the schedule raises, which may be a class of the app's.
    """
    frozen: Any = object.__new__(type(schedule))  # `copy` asks the class, and some never answer
    zone: Any = schedule.tz
    clock = {"nowfun": lambda: datetime.fromtimestamp(now, UTC).astimezone(zone)}
    vars(frozen).update({**vars(schedule), **clock})
    sent = datetime.fromtimestamp(after, UTC).astimezone(zone)
    left = frozen.remaining_estimate(sent)
    return None if left is None else now + left.total_seconds()
