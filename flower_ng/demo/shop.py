"""The Celery app of the demo: a small shop whose broker and results are folders.

Imported by the demo's workers, its customers and the dashboard; FLOWER_NG_DEMO_FOLDER names the
folder. `filesystem://` keeps every worker a real process without any broker to install.
"""

import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from celery import Celery, Task, chord, group
from celery.schedules import crontab
from kombu import Queue

from flower_ng.demo.folders import used

FOLDER = Path(os.environ.get("FLOWER_NG_DEMO_FOLDER") or tempfile.gettempdir()) / "flower_ng"
QUEUES = ("orders", "payments", "stock", "mail", "reports")


class CardDeclinedError(Exception):
    """The customer's bank said no."""


class GatewayTimeoutError(Exception):
    """The payment gateway did not answer; worth another try."""


def folder(name: str) -> str:
    """Return a folder of the demo by name, made when absent."""
    path = FOLDER / name
    path.mkdir(parents=True, exist_ok=True)
    return str(path)


used()
app = Celery("shop", broker="filesystem://", backend="file://" + folder("results"))
app.conf.update(
    broker_transport_options={
        "data_folder_in": folder("messages"),
        "data_folder_out": folder("messages"),
        "control_folder": folder("exchanges"),
        "polling_interval": 0.1,  # Kombu's default of 1 s makes every answer wait for a second
    },
    broker_connection_retry_on_startup=True,
    event_queue_expires=None,
    result_expires=3600,
    task_default_queue="orders",
    task_queues=[Queue(name) for name in QUEUES],
    task_routes={f"shop.{name}.*": {"queue": name} for name in QUEUES},
    task_send_sent_event=True,
    task_track_started=True,
    worker_pool_restarts=True,
    worker_prefetch_multiplier=2,
    worker_send_task_events=True,
    timezone="UTC",
    beat_schedule={
        "count shelf A01": {"task": "shop.stock.count", "schedule": 30.0, "args": ["A01"]},
        "remind Ada": {"task": "shop.mail.reminder", "schedule": crontab(), "args": ["ada"]},
        "figures of the season": {
            "task": "shop.reports.season",
            "schedule": crontab(minute=0, hour=0),
            "args": [2026, 4],
        },
        "total of the night": {
            "task": "shop.reports.total",
            "schedule": crontab(minute="*/15", hour="0-5", day_of_week="mon-fri"),
            "args": [[7, 14]],
        },
    },
)


def work(low_s: float, high_s: float) -> float:
    """Spend a random time between the two, as real work would."""
    spent_s = random.uniform(low_s, high_s)  # noqa: S311 - pretended work, no secret
    time.sleep(spent_s)
    return round(spent_s, 3)


def happens(share: float) -> bool:
    """Say yes in that share of the cases."""
    return random.random() < share  # noqa: S311 - pretended luck, no secret


@app.task(name="shop.orders.place")
def place_order(order: int, customer: str, items: list[str]) -> dict[str, Any]:
    """Take an order in: quick."""
    work(0.01, 0.08)
    return {"order": order, "customer": customer, "items": len(items)}


@app.task(name="shop.payments.charge", bind=True, max_retries=3, default_retry_delay=2)
def charge(self: Task[Any, Any], order: dict[str, Any], cents: int) -> dict[str, Any]:
    """Charge a card: sometimes declined, sometimes tried again."""
    work(0.1, 0.6)
    if happens(0.12):
        raise self.retry(exc=GatewayTimeoutError("the gateway did not answer in 500 ms"))
    if happens(0.06):
        raise CardDeclinedError(f"card of {order['customer']} declined for {cents / 100:.2f} EUR")
    return {**order, "charged_cents": cents}


@app.task(name="shop.stock.reserve")
def reserve(order: dict[str, Any]) -> dict[str, Any]:
    """Put the goods of an order aside; now and then the shelf is empty."""
    work(0.05, 0.3)
    if happens(0.03):
        raise LookupError(f"nothing left on the shelf for order {order['order']}")
    return {**order, "shelf": f"A{order['order'] % 40:02d}"}


@app.task(name="shop.mail.receipt")
def receipt(order: dict[str, Any]) -> str:
    """Mail the receipt."""
    work(0.02, 0.15)
    return f"receipt of order {order['order']} to {order['customer']}@example.com"


@app.task(name="shop.mail.reminder")
def reminder(customer: str) -> str:
    """Remind a customer of a full basket; sent with a countdown."""
    work(0.02, 0.1)
    return f"reminded {customer}"


@app.task(name="shop.stock.count", rate_limit="30/m")
def count_shelf(shelf: str) -> int:
    """Count what lies on a shelf: slow."""
    work(0.5, 3.0)
    return len(shelf) * 7


@app.task(name="shop.reports.total")
def total(counts: list[int]) -> int:
    """Add up the shelves: the end of a chord."""
    return sum(counts)


@app.task(name="shop.reports.season")
def season(year: int, quarter: int) -> str:
    """Compute a season's figures: long enough to be terminated."""
    work(20.0, 60.0)
    return f"{year} Q{quarter}: fine"


def sale(order: int, customer: str) -> Any:
    """Return the chain of one sale: order, payment, stock, receipt."""
    items = ["tea", "cake", "flowers"][: 1 + order % 3]
    first = place_order.s(order, customer, items)
    return first | charge.s(cents=499 + 250 * len(items)) | reserve.s() | receipt.s()


def stocktaking(shelves: int) -> Any:
    """Return the chord that counts some shelves and adds them up."""
    return chord(group(count_shelf.s(f"B{number:02d}") for number in range(shelves)), total.s())
