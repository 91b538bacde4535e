"""Reads and changes the entries of django-celery-beat, by the Django of the app. In the pool.

Only where the app has set Django up in this process: nothing of Django is imported otherwise.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from typing import Any, Final

from celery import Celery

from flower_ng.errors import NotFound, Unavailable
from flower_ng.schedule.entry import BeatEntry, Kind
from flower_ng.schedule.settings_source import MOST
from flower_ng.schedule.words import words_of

APP: Final = "django_celery_beat"
OPTIONS: Final = ("queue", "exchange", "routing_key", "priority")
SCHEDULES: Final = ("interval", "crontab", "solar", "clocked")


def is_installed() -> bool:
    """Whether Django is set up here, with django-celery-beat among its apps."""
    found = sys.modules.get("django.apps")
    return bool(found is not None and found.apps.ready and found.apps.is_installed(APP))


def django_entries(capp: Celery, now: float) -> tuple[BeatEntry, ...]:
    """Return the entries of the database, the first MOST by name; Unavailable where it fails."""
    with _database() as model:
        rows = model.objects.select_related(*SCHEDULES).order_by("name")[:MOST]
        return tuple(_entry(capp, row, now) for row in rows)


def set_enabled(name: str, *, wanted: bool) -> None:
    """Enable or disable an entry, as the admin does, so that beat takes notice at once."""
    with _database() as model:
        transaction: Any = import_module("django.db.transaction")
        with transaction.atomic():
            row = model.objects.select_for_update().filter(name=name).first()
            if row is None:
                raise NotFound(f"django-celery-beat has no entry '{name}' any more")
            row.enabled = wanted
            row.save()


@contextmanager
def _database() -> Iterator[Any]:
    """Yield the model, and close this thread's connections afterwards."""
    django_db: Any = import_module("django.db")
    try:
        django_db.close_old_connections()
        yield import_module("django.apps").apps.get_model(APP, "PeriodicTask")
    except django_db.Error as error:
        raise Unavailable(f"Django's database failed: {error}") from error
    finally:
        django_db.connections.close_all()


def _entry(capp: Celery, row: Any, now: float) -> BeatEntry:
    problem, args, kwargs = "", None, None
    try:
        args, kwargs = json.loads(row.args or "[]"), json.loads(row.kwargs or "{}")
    except ValueError as error:
        problem = f"Its arguments are no JSON: {error}"
    options = {name: value for name in OPTIONS if (value := getattr(row, name)) is not None}
    if row.expire_seconds is not None:
        options["expires"] = row.expire_seconds
    plain: dict[str, Any] = {
        "name": row.name,
        "kind": Kind.DJANGO,
        "task": row.task,
        "args": args if isinstance(args, list) else [],
        "kwargs": kwargs if isinstance(kwargs, Mapping) else {},
        "options": options,
        "is_enabled": row.enabled,
        "is_once": row.one_off,
        "last_run_at": _seconds(row.last_run_at),
        "runs": row.total_run_count,
        "rests": _rests(row, now),
    }
    try:
        schedule = row.schedule
        schedule.app = capp
        words, zone = words_of(schedule, capp.timezone)
    except Exception as error:  # noqa: BLE001 - libraries that it lacks, values that nobody checked
        why = f"Its schedule can't be read: {error}"
        return BeatEntry(**plain, schedule=None, problem=problem or why)
    return BeatEntry(**plain, schedule=schedule, words=words, zone=zone, problem=problem)


def _rests(row: Any, now: float) -> str:
    expires, starts = _seconds(row.expires), _seconds(row.start_time)
    if expires is not None and expires <= now:
        return f"It expired at {row.expires:%Y-%m-%d %H:%M} UTC."
    if row.one_off and row.total_run_count:
        return "It was to run once, and beat has sent it."
    if starts is not None and starts > now:
        return f"It begins at {row.start_time:%Y-%m-%d %H:%M} UTC."
    return ""


def _seconds(at: datetime | None) -> float | None:
    """Return a time of the database, which is in UTC where it has no zone."""
    if at is None:
        return None
    timezone: Any = import_module("django.utils.timezone")
    return float((at if at.tzinfo else timezone.make_aware(at)).timestamp())
