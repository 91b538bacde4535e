"""A store of 0.1.0's rows, and a dashboard's store that repairs it, which test_repair kills.

    python -m tests.store.repairing DB-OR-URL

Says how much is repaired, line by line.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from flower_ng.store import Store
from flower_ng.store.tables.schema import begun

TOLD = 'Traceback (most recent call last):\n  File "x"\nbilliard.WorkerLostError: Signal 9\n'
#: How a row ended, by its number: what 0.1.0 kept, and what is right.
KINDS = {
    0: ("RETRY", {"succeeded": 3.0}, "SUCCESS"),
    1: ("RETRY", {"failed": 3.0, "succeeded": 1.5}, "FAILURE"),
    2: ("SUCCESS", {"succeeded": 3.0, "parent_id": "uuid"}, "SUCCESS"),
    3: ("FAILURE", {"failed": 3.0, "exception": "'ExceptionWithTraceback()'"}, "FAILURE"),
    4: ("RETRY", {"failed": 1.5, "retried": 3.0}, "RETRY"),
}


def fill(connection: Any, count: int) -> None:
    """Write rows as 0.1.0 kept them, of each kind as many, and have them repaired."""
    connection.execute("INSERT INTO traceback VALUES (1, ?)", (TOLD,))
    for kind, (state, fields, _) in KINDS.items():
        values = {"traceback": "1"} | {name: str(value) for name, value in fields.items()}
        values = {name: "'t' || i" if value == "uuid" else value for name, value in values.items()}
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO task (uuid, name, state, state_folded, received, started, timestamp,"
            f" clock, {', '.join(values)}) SELECT 't' || i, 'shop.pay', '{state}',"
            f" '{state.lower()}', 1.0, 2.0, 2.5, 1, {', '.join(values.values())} FROM n"
            f" WHERE i % {len(KINDS)} = {kind}",
            (count - 1,),
        )
    connection.execute(begun())


def opened(place: str) -> Store:
    if "://" in place:
        return Store(None, max_tasks=2_000_000, history=place)
    return Store(Path(place), max_tasks=2_000_000)


async def repair(place: str) -> None:
    store = opened(place)
    store.start()
    store.begin()
    while store.repaired is not None:
        sys.stdout.write(f"{store.repaired}\n")
        sys.stdout.flush()
        await asyncio.sleep(0.02)
    store.stop()


if __name__ == "__main__":
    asyncio.run(repair(sys.argv[1]))
