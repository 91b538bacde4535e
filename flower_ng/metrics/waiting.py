"""The tasks that each worker has received and not started (prefetched). On the loop.

The gauge of prefetched tasks is the size of these sets, so it can be neither negative nor stuck.
"""

from flower_ng.metrics.family import Gauge, GaugeFamily, Rest


class PrefetchedTasks:
    """Keeps `gauge` equal to the number of waiting tasks of each (worker, task) pair.

    A silent worker's gauges stand at 0; its tasks are remembered until it is heard again, starts
    anew, or leaves.
    """

    def __init__(self, gauge: GaugeFamily) -> None:
        self._gauge = gauge
        self._where: dict[str, tuple[str, Gauge]] = {}
        self._at: dict[str, set[str]] = {}
        #: Workers that are not heard now.
        self.silent: set[str] = set()

    def __len__(self) -> int:
        return len(self._where)

    def add(self, uuid: str, worker: str, rest: Rest) -> None:
        """A task was received by a worker (`rest`: its task label); it waits nowhere else."""
        if uuid in self._where:
            self.drop(uuid)
        if self.silent:
            self.wake(worker)
        cell = self._gauge.cell(worker, rest)
        self._where[uuid] = worker, cell
        if worker not in self._at:
            self._at[worker] = set()
        self._at[worker].add(uuid)
        cell.value += 1.0

    def drop(self, uuid: str) -> None:
        """A task waits no longer; unknown ones are ignored."""
        entry = self._where.pop(uuid, None)
        if entry is not None:
            worker, cell = entry
            self._at[worker].discard(uuid)
            if worker not in self.silent:
                cell.value -= 1.0

    def clear(self, worker: str) -> None:
        """Nothing waits at this worker: it stopped, started anew or was forgotten."""
        for uuid in self._at.pop(worker, ()):
            del self._where[uuid]
        self.silent.discard(worker)
        self._zero(worker)

    def silence(self, worker: str) -> None:
        """A worker is not heard any more: show nothing as waiting there."""
        if worker not in self.silent and self._at.get(worker):
            self.silent.add(worker)
            self._zero(worker)

    def wake(self, worker: str) -> None:
        """A worker is heard: show again what waits there."""
        if worker in self.silent:
            self.silent.discard(worker)
            for uuid in self._at.get(worker, ()):
                self._where[uuid][1].value += 1.0

    def _zero(self, worker: str) -> None:
        for cell in self._gauge.of_worker(worker).values():
            cell.value = 0.0
