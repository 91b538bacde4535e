import signal
import sqlite3
import subprocess
import sys
import time

import pytest

#: Counts events as fast as it can, and says after each 50 ms how many there were.
WRITER = """
import asyncio, sys, time
from pathlib import Path
from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.records import Task, Worker
from flower_ng.store import Store
from flower_ng.store.rollups.recorder import IngestStatus

async def main():
    store = Store(Path(sys.argv[1]), max_tasks=1000)
    store.start()
    store.rollups.begin(lambda: IngestStatus(1.0, 0))
    box, number = Worker("w@box"), 0
    while True:
        for number in range(number, number + 500):
            task = Task("u", name=f"type{number % 7}")
            event = Event("task-succeeded", "w@box", time.time(), runtime=0.1)
            store.rollups.minutes.observe(Change(event, task, box))
        number += 1
        print(number, flush=True)
        await asyncio.sleep(0.05)

asyncio.run(main())
"""
SUCCEEDED = "sum(json_extract(body, '$[0][3]'))"


#: A second until what was counted is handed over, and what a busy machine takes to write it.
MISSING_S = 2.5


@pytest.mark.parametrize("after_s", [2.9, 3.6])
def test_after_kill_9_the_sums_agree_and_at_most_the_last_seconds_are_missing(tmp_path, after_s):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        first = int(process.stdout.readline())  # to start takes seconds on a busy machine
        said = [(time.monotonic(), first)]
        while time.monotonic() - said[0][0] < after_s:
            said.append((time.monotonic(), int(process.stdout.readline())))
        process.send_signal(signal.SIGKILL)
    killed_at = time.monotonic()

    connection = sqlite3.connect(f"{tmp_path}/db.sqlite3")
    asked = f"SELECT {SUCCEEDED} FROM rollup WHERE kind = 'task' AND name {{}} ''"
    whole, parts = (connection.execute(asked.format(sign)).fetchone()[0] for sign in ("=", "!="))
    connection.close()

    assert whole == parts
    assert max(n for at, n in said if at < killed_at - MISSING_S) <= whole <= said[-1][1] + 500
