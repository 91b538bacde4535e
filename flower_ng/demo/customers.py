"""The demo's customers: a process that keeps sending tasks until it is ended.

Run as `python -m flower_ng.demo.customers`.
"""

import random
import time
from collections.abc import Callable, Iterator
from functools import partial

from flower_ng.demo.shop import happens, reminder, sale, season, stocktaking

NAMES = ("ada", "björn", "chidi", "dora", "emre", "fatima", "grace", "hiro")
PAUSE_S = 0.8


def visits() -> Iterator[Callable[[], object]]:
    """Yield what the next customer does, for ever: mostly sales, now and then something big."""
    for order in range(1, 10**9):
        customer = random.choice(NAMES)  # noqa: S311 - pretended customers, no secret
        yield sale(order, customer).delay
        if happens(0.2):
            yield partial(reminder.apply_async, (customer,), countdown=20)
        if happens(0.1):
            yield partial(change_of_mind, customer)
        if order % 25 == 1:
            yield stocktaking(6).delay
        if order % 40 == 1:
            yield partial(season.delay, 2026, 1 + order % 4)


def change_of_mind(customer: str) -> None:
    """Ask for a reminder and take it back."""
    reminder.apply_async((customer,), countdown=60).revoke()


def main() -> None:
    """Send customers in until the process is ended."""
    for visit in visits():
        visit()
        time.sleep(random.uniform(0.2, 2 * PAUSE_S))  # noqa: S311 - pretended customers


if __name__ == "__main__":
    main()
