"""Reads the schedule of the app's settings, `app.add_periodic_task` included. In the pool."""

from collections.abc import Mapping
from typing import Any, Final

from celery import Celery
from celery.schedules import maybe_schedule

from flower_ng.schedule.entry import BeatEntry, Kind
from flower_ng.schedule.words import words_of

#: Entries that are looked at, of each source.
MOST: Final = 500


def declared(capp: Celery) -> Mapping[str, Mapping[str, Any]]:
    """Return the `beat_schedule` of the app as it is set; empty where it is none."""
    found = capp.conf.beat_schedule
    entries = found.items() if isinstance(found, Mapping) else ()
    return {str(name): entry for name, entry in entries if isinstance(entry, Mapping)}


def settings_entries(capp: Celery) -> tuple[BeatEntry, ...]:
    """Return the entries of the settings, the first MOST."""
    return tuple(_entry(capp, *one) for one in list(declared(capp).items())[:MOST])


def _entry(capp: Celery, name: str, told: Mapping[str, Any]) -> BeatEntry:
    options = told.get("options")
    kwargs = told.get("kwargs")
    plain: dict[str, Any] = {
        "name": name,
        "kind": Kind.SETTINGS,
        "task": str(told.get("task")),
        "args": tuple(told.get("args") or ()),
        "kwargs": kwargs if isinstance(kwargs, Mapping) else {},
        "options": options if isinstance(options, Mapping) else {},
    }
    if told.get("schedule") is None:
        return BeatEntry(**plain, schedule=None, problem="It has no schedule")
    schedule: Any = maybe_schedule(told["schedule"], app=capp)
    words, zone = words_of(schedule, capp.timezone)
    return BeatEntry(**plain, schedule=schedule, words=words, zone=zone)
