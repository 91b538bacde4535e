"""The Celery app that test workers run: one task for each outcome.

SHOP_CONF holds further settings, as JSON; SHOP_MORE names a task that only some workers know;
SHOP_DJANGO is the database of a Django with django-celery-beat.
"""

import json
import os
import signal
import time
from importlib import import_module

from celery import Celery
from celery.contrib.abortable import AbortableTask
from celery.exceptions import Ignore, Reject

app = Celery(
    "shop",
    broker=os.environ.get("SHOP_BROKER", "memory://"),
    backend=os.environ.get("SHOP_BACKEND") or None,
)
app.conf.update(
    task_send_sent_event=True,
    worker_send_task_events=True,
    worker_pool_restarts=True,
    broker_connection_retry_on_startup=True,
    result_expires=600,
    task_track_started=True,
    worker_prefetch_multiplier=1,
    task_default_queue=os.environ.get("SHOP_QUEUE", "celery"),
)
app.conf.update(json.loads(os.environ.get("SHOP_CONF", "{}")))
if os.environ.get("SHOP_DJANGO"):
    import_module("tests.django_beat")


@app.task
def add(x: int, y: int) -> int:
    return x + y


@app.task
def fail(message: str = "no stock") -> None:
    raise ValueError(message)


@app.task
def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@app.task(bind=True, max_retries=3)
def flaky(self, times: int = 1) -> int:
    if self.request.retries < times:
        raise self.retry(countdown=0.1, exc=OSError("not yet"))
    return self.request.retries


@app.task(bind=True, max_retries=3)
def again(self) -> int:
    """Retry at once: the next attempt is received before the worker tells of the retry."""
    if not self.request.retries:
        raise self.retry(countdown=0, exc=OSError("not yet"))
    return self.request.retries


@app.task(bind=True, acks_late=True)
def refuse(self) -> None:  # noqa: ARG001 - bind=True hands it in
    raise Reject("not for us", requeue=False)


@app.task(bind=True, base=AbortableTask)
def patient(self, seconds: float) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if self.is_aborted():
            return "aborted"
        time.sleep(0.05)
    return "done"


@app.task
def echo(*args: object, **kwargs: object) -> dict[str, object]:
    return {"args": list(args), "kwargs": kwargs}


@app.task
def empty(values: list[object]) -> int:
    """Change what it was given, which a result backend then keeps as its arguments."""
    count = len(values)
    values.clear()
    return count


@app.task
def ignore() -> None:
    """End without a result and without an event."""
    raise Ignore


@app.task(bind=True)
def progress(self, seconds: float) -> None:
    """Say how far it is, in the result backend and as an event."""
    self.update_state(state="PROGRESS", meta={"current": 3, "total": 10})
    self.send_event("task-progress", current=3, total=10, note="three of ten")
    time.sleep(seconds)


@app.task(bind=True)
def hand_over(self, x: int, y: int) -> None:
    """Let another task run in its place, under its id."""
    raise self.replace(add.s(x, y))


@app.task(time_limit=1)
def overrun() -> None:
    """Run into the hard limit: the pool's process is killed."""
    time.sleep(60)


@app.task
def crash() -> None:
    """Take the pool's process along."""
    os.kill(os.getpid(), signal.SIGKILL)


@app.task
def hold(size_bytes: int) -> None:
    """Never let go of so much memory; in a solo pool it is the main process's."""
    held.append(b"x" * size_bytes)


held: list[bytes] = []

if more := os.environ.get("SHOP_MORE"):
    app.task(name=more)(add.run)
