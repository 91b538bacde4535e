"""Metric families with counters of their own behind prometheus_client's interface. On the loop.

A family keeps its series by worker, so that all series of a worker leave in one step.
"""

import os
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from math import inf, isnan
from typing import ClassVar, Generic, TypeVar

import msgspec
from prometheus_client.core import Metric
from prometheus_client.utils import floatToGoString

#: prometheus_client's own (`Histogram.DEFAULT_BUCKETS`), in seconds.
DEFAULT_BUCKETS = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, inf,
)  # fmt: skip

#: Characters of a label value: who sends events chooses names, and each scrape shows all of them.
LABEL_MAX = 200
#: The values of a series' labels but for its first label, the worker.
Rest = tuple[str, ...]
#: Says under which labels a new series may be kept: the bound of the label sets.
Admit = Callable[[str, Rest], Rest]
#: A sample: suffix of the name, labels beside the series' own, value.
Sample = tuple[str, dict[str, str], float]


class Counter(msgspec.Struct, gc=False):
    """One series that only grows; `created` is UTC seconds."""

    created: float
    value: float = 0.0

    def inc(self, amount: float = 1.0) -> None:
        """Add `amount`; ValueError when it is negative."""
        if amount < 0:
            raise ValueError(f"a counter cannot grow by {amount!r}: give 0 or more")
        self.value += amount


class Gauge(msgspec.Struct, gc=False):
    """One series that goes up and down; `owner` is whose value it is, where only one has it."""

    value: float = 0.0
    owner: str | None = None

    def inc(self, amount: float = 1.0) -> None:
        """Add `amount`."""
        self.value += amount

    def dec(self, amount: float = 1.0) -> None:
        """Take `amount` away."""
        self.value -= amount

    def set(self, value: float) -> None:
        """Make it `value`."""
        self.value = float(value)


class Histogram(msgspec.Struct, gc=False):
    """One series of counts per bucket (not cumulated) and their sum."""

    created: float
    bounds: tuple[float, ...]
    counts: list[int]
    sum: float = 0.0

    def observe(self, amount: float) -> None:
        """Count `amount` in the first bucket whose upper bound is not below it."""
        self.counts[bisect_left(self.bounds, amount)] += 1
        self.sum += amount


Cell = TypeVar("Cell", bound=Counter | Gauge | Histogram)


class Family(Generic[Cell]):
    """A metric family with labels; the first label is the worker.

    `admit` bounds the label sets: it is asked once for each new series and answers with the labels
    to keep it under. `name` is without the suffix `_total`.
    """

    kind: ClassVar[str]

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Sequence[str],
        *,
        admit: Admit | None = None,
        with_created: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.documentation = documentation
        self.labelnames = tuple(labelnames)
        self.with_created = with_created
        self.table: dict[str, dict[Rest, Cell]] = {}
        self._admit = admit
        self._clock = clock

    def labels(self, *values: object, **named: object) -> Cell:
        """Return the series of these labels, made now if it is new.

        ValueError when the labels are not exactly those of the family.
        """
        key = self._key(values, named)
        return self.cell(key[0], key[1:])

    def cell(self, worker: str, rest: Rest) -> Cell:
        """Do as `labels`, for values that are known to be right; long ones are cut."""
        try:
            return self.table[worker][rest]
        except KeyError:
            kept = rest if self._admit is None else self._admit(worker, rest)
            of_worker = self.table.setdefault(worker[:LABEL_MAX], {})
            return of_worker.setdefault(cut(kept), self.new())

    def of_worker(self, worker: str) -> Mapping[Rest, Cell]:
        """Return the series of a worker, however long its name is."""
        return self.table.get(worker[:LABEL_MAX], {})

    def remove(self, *values: object) -> None:
        """Forget the series of these labels, if there is one."""
        key = self._key(values, {})
        of_worker = self.table.get(key[0][:LABEL_MAX], {})
        of_worker.pop(cut(key[1:]), None)
        if not of_worker:
            self.remove_worker(key[0])

    def remove_worker(self, worker: str) -> None:
        """Forget all series of a worker."""
        self.table.pop(worker[:LABEL_MAX], None)

    def clear(self) -> None:
        """Forget all series."""
        self.table.clear()

    def cells(self) -> Iterator[tuple[tuple[str, ...], Cell]]:
        """Yield label values and series; series may come and go between two steps."""
        for worker, of_worker in list(self.table.items()):
            for rest, cell in list(of_worker.items()):
                yield (worker, *rest), cell

    def describe(self) -> list[Metric]:
        """Return the family without samples, as prometheus_client's registries ask."""
        return [Metric(self.name, self.documentation, self.kind)]

    def collect(self) -> list[Metric]:
        """Return the family with its samples, as prometheus_client's registries ask."""
        metric = self.describe()[0]
        for values, cell in self.cells():
            labels = dict(zip(self.labelnames, values, strict=True))
            for suffix, more, value in self.samples(cell):
                metric.add_sample(self.name + suffix, {**labels, **more}, value)
        return [metric]

    def new(self) -> Cell:
        """Make an empty series."""
        raise NotImplementedError

    def samples(self, cell: Cell) -> Iterator[Sample]:
        """Yield the samples of one series."""
        raise NotImplementedError

    def now(self) -> float:
        """Return the time for `_created`: whole seconds, so that many series share one text."""
        return float(int(self._clock()))

    def _key(self, values: tuple[object, ...], named: dict[str, object]) -> tuple[str, ...]:
        if values and named:
            raise ValueError("give labels by position or by name, not both")
        if named and set(named) == set(self.labelnames):
            values = tuple(named[name] for name in self.labelnames)
        if len(values) != len(self.labelnames):
            raise ValueError(f"{self.name} has the labels {self.labelnames}, not {named or values}")
        return tuple(str(value) for value in values)


class CounterFamily(Family[Counter]):
    """Counters; exposed as `<name>_total` and `<name>_created`."""

    kind = "counter"

    def new(self) -> Counter:
        """Make a counter at 0."""
        return Counter(self.now())

    def samples(self, cell: Counter) -> Iterator[Sample]:
        """Yield the count and the time it began."""
        yield "_total", {}, cell.value
        if self.with_created:
            yield "_created", {}, cell.created


class GaugeFamily(Family[Gauge]):
    """Gauges."""

    kind = "gauge"

    def new(self) -> Gauge:
        """Make a gauge at 0."""
        return Gauge()

    def samples(self, cell: Gauge) -> Iterator[Sample]:
        """Yield the value."""
        yield "", {}, cell.value


class HistogramFamily(Family[Histogram]):
    """Histograms that share their buckets; `buckets` are upper bounds, `+Inf` added if absent."""

    kind = "histogram"

    def __init__(
        self,
        name: str,
        documentation: str,
        labelnames: Sequence[str],
        *,
        buckets: Iterable[float] | None = None,
        admit: Admit | None = None,
        with_created: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(
            name, documentation, labelnames, admit=admit, with_created=with_created, clock=clock
        )
        self.bounds = upper_bounds(DEFAULT_BUCKETS if buckets is None else buckets)
        self.bound_texts = tuple(as_go(bound) for bound in self.bounds)

    @property
    def with_sum(self) -> bool:
        """Whether a sum is exposed: it only grows where no bucket is negative."""
        return self.bounds[0] >= 0

    def new(self) -> Histogram:
        """Make an empty histogram."""
        return Histogram(self.now(), self.bounds, [0] * len(self.bounds))

    def samples(self, cell: Histogram) -> Iterator[Sample]:
        """Yield the cumulated buckets, the count, the sum and the time it began."""
        cumulated = list(accumulate(cell.counts))
        for text, count in zip(self.bound_texts, cumulated, strict=True):
            yield "_bucket", {"le": text}, float(count)
        yield "_count", {}, float(cumulated[-1])
        if self.with_sum:
            yield "_sum", {}, cell.sum
        if self.with_created:
            yield "_created", {}, cell.created


def upper_bounds(buckets: Iterable[float]) -> tuple[float, ...]:
    """Return the bounds with `+Inf` at the end; ValueError when they do not ascend."""
    bounds = [float(bound) for bound in buckets]
    if any(isnan(bound) for bound in bounds) or bounds != sorted(set(bounds)):
        raise ValueError(f"histogram buckets must be ascending numbers, got {bounds}")
    if not bounds or bounds[-1] != inf:
        bounds.append(inf)
    return tuple(bounds)


def as_go(number: float) -> str:
    """Write a number as Go does, which is how the text formats want it."""
    text: str = floatToGoString(number)  # type: ignore[no-untyped-call]
    return text


def shows_created(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `_created` series are wanted, by prometheus_client's environment variable."""
    value = environ.get("PROMETHEUS_DISABLE_CREATED_SERIES", "False")
    return value.lower() not in {"true", "1", "t"}


def cut(rest: Rest) -> Rest:
    """Return label values without what is too long; two that then are equal share a series."""
    return tuple(value[:LABEL_MAX] for value in rest)
