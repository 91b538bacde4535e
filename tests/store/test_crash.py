import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from flower_ng.store import Store

#: Applies events as fast as it can, and says after each 50 ms which number it has reached.
WRITER = """
import asyncio, sys
from pathlib import Path
from flower_ng.monitor.records import Change, Event, Task, Worker
from flower_ng.store import Store

async def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    store = Store(path, max_tasks=20_000)
    store.start()
    box, number = Worker("w@box"), 0
    while True:
        for number in range(number, number + 100):
            name = f"u{number:08}"
            task = Task(name, state="SUCCESS", timestamp=float(number), args=name, worker=box)
            store.observe(Change(Event("task-succeeded", "w@box", 1.0), task, box))
        number += 1
        print(number, flush=True)
        await asyncio.sleep(0.05)

asyncio.run(main())
"""


def killed(*arguments, after_s, env=None):
    """Run the writer, kill -9 it; return the numbers that it had said, with their times."""
    command = [sys.executable, "-c", WRITER, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as process:
        said = [(time.monotonic(), int(process.stdout.readline()))]
        while time.monotonic() - said[0][0] < after_s:
            said.append((time.monotonic(), int(process.stdout.readline())))
        process.send_signal(signal.SIGKILL)
    return said, time.monotonic()


@pytest.mark.parametrize("after_s", [0.9, 1.33, 1.71])
def test_after_kill_9_the_file_opens_and_at_most_the_last_second_is_missing(tmp_path, after_s):
    said, killed_at = killed(str(tmp_path / "db"), after_s=after_s)

    store = Store(tmp_path / "db", max_tasks=20_000)
    store.start()
    tasks = list(store.restored().tasks)
    store.stop()

    a_second_before = max((n for at, n in said if at < killed_at - 1.0), default=0)
    assert store.warnings == []
    assert len(tasks) >= a_second_before
    assert [int(one.uuid[1:]) for one in tasks] == list(range(len(tasks)))
    assert all(one.args == one.uuid and one.state == "SUCCESS" for one in tasks)


def test_kill_9_leaves_no_temporary_file(tmp_path):
    assert tempfile.gettempdir() != str(tmp_path)

    killed(after_s=0.3, env={**os.environ, "TMPDIR": str(tmp_path)})

    assert list(tmp_path.iterdir()) == []
