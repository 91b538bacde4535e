"""Further tasks of the shop, for tests/live/test_ledger.py: SHOP_CONF has workers import them."""

import os
import time
from pathlib import Path

from celery.exceptions import Reject

from tests.shop import app


@app.task
def total(numbers: list[int]) -> int:
    """Add up what the tasks of a chord returned."""
    return sum(numbers)


@app.task(bind=True, acks_late=True)
def bounce(self) -> str:
    """Have the message delivered again, once."""
    if _is_first(self.request.id):
        raise Reject("once more", requeue=True)
    return "taken"


@app.task(bind=True, acks_late=True)
def linger(self) -> str:
    """Run until the worker is killed; after the redelivery end at once."""
    if _is_first(self.request.id):
        time.sleep(60)
    return "delivered again"


def _is_first(task_id: str) -> bool:
    """Note that the task runs; return whether it never did."""
    try:
        (Path(os.environ["LEDGER_FOLDER"]) / task_id).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
