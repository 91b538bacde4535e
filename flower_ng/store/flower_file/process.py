"""Runs the subprocess that unpickles, and reads its JSON lines: hosts first, then tasks.

Unpickling takes much memory, and a hostile pickle can exhaust the stack or the memory of the
process that reads it. In one of its own both go with that process, and the dashboard lives on.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final, cast

import msgspec

from flower_ng.errors import FlowerError
from flower_ng.records import Task
from flower_ng.store.flower_file.content import Content, Host, unpickled
from flower_ng.store.flower_file.shelf import Shelf, UnreadableError

if sys.platform != "win32":
    import resource

#: Tasks of one line.
LINE_TASKS: Final = 512
#: Five million tasks.
MAX_FILE_BYTES: Final = 2 << 30
#: The memory that the process may take: so much, and so many times the file, which is twice what
#: Flower's own files need.
MEMORY_BYTES: Final = 1 << 30
MEMORY_TIMES: Final = 16


class Head(msgspec.Struct):
    """The first line: what is wrong with the file; else its hosts, how many tasks follow."""

    error: str | None = None
    hosts: list[Host] = []
    tasks: int = 0
    left_out: dict[str, int] = {}


class Reading:
    """What a file holds: its `head`, and its tasks in lists, each of which can be had once."""

    def __init__(self, shelf: Shelf, lines: IO[bytes]) -> None:
        self._shelf = shelf
        self._lines = lines
        self.head = self._head()

    def tasks(self) -> Iterator[list[Task]]:
        """Yield the tasks, the oldest first; FlowerError where they end early."""
        decode = msgspec.json.Decoder(list[Task]).decode
        read = 0
        for line in self._lines:
            tasks = decode(line)
            read += len(tasks)
            yield tasks
        if read != self.head.tasks:
            raise unreadable(self._shelf, f"its reader ended at task {read} of {self.head.tasks}")

    def _head(self) -> Head:
        line = self._lines.readline()
        if not line:
            raise unreadable(self._shelf, "its reader was ended: the file is damaged, or too large")
        head = msgspec.json.decode(line, type=Head)
        if head.error is not None:
            raise unreadable(self._shelf, head.error)
        return head


def unreadable(shelf: Shelf, why: str) -> FlowerError:
    """Say that nothing (more) comes from a file."""
    return FlowerError(f"{shelf.path} ({shelf.form}) could not be read: {why}")


@contextmanager
def reading(shelf: Shelf) -> Iterator[Reading]:
    """Have a process read the file while the context lasts; FlowerError says what is wrong."""
    command = [sys.executable, "-m", __package__, str(shelf.path), shelf.form]
    with subprocess.Popen(  # noqa: S603 - our own Python, and a path that is no option
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        try:
            yield Reading(shelf, cast("IO[bytes]", process.stdout))
        finally:
            process.kill()


def write(shelf: Shelf, out: IO[bytes]) -> None:
    """Write the lines of a file."""
    try:
        content = _content(shelf)
    except Exception as error:  # noqa: BLE001 - a damaged pickle can raise anything
        why = str(error) if isinstance(error, UnreadableError) else f"it is damaged ({error!r})"
        out.write(msgspec.json.encode(Head(why)) + b"\n")
        return
    tasks = content.tasks
    head = Head(None, content.hosts, len(tasks), content.left_out)
    out.write(msgspec.json.encode(head) + b"\n")
    for start in range(0, len(tasks), LINE_TASKS):
        out.write(msgspec.json.encode(tasks[start : start + LINE_TASKS]) + b"\n")


def _content(shelf: Shelf) -> Content:
    size = shelf.path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise UnreadableError(f"its {size} bytes are too many")
    _limit_memory(MEMORY_BYTES + MEMORY_TIMES * size)
    events, counter = shelf.pickles()
    if events is None:
        raise UnreadableError("it is empty, or not Flower's")
    return Content(unpickled(events), {} if counter is None else unpickled(counter))


def _limit_memory(size_bytes: int) -> None:
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        soft = size_bytes if most == resource.RLIM_INFINITY else min(size_bytes, most)
        resource.setrlimit(resource.RLIMIT_AS, (soft, most))
