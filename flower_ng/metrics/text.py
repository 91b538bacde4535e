"""Writes a family in Prometheus' text format, byte for byte as prometheus_client does, in steps.

prometheus_client makes an object for each sample: at 200 workers with 50 task types the loop would
stand for seconds. Here a series is one template, filled. Runs on the loop, a piece at a time.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, islice
from typing import Any

from flower_ng.metrics.family import Family, Histogram, HistogramFamily, as_go

#: Lines are handed out in pieces of so many series, so that the loop can be looked after between.
PIECE = 200
#: Below it, Python and Go write a number alike.
PLAIN_MAX = 1_000_000
#: Stands for a series' labels until they are put in; a number cannot hold it.
LABELS = "\0"


class Escaped(dict[str, str]):
    """Label values as the text formats quote them, each worked out once a scrape."""

    def __missing__(self, value: str) -> str:
        quoted = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
        self[value] = quoted
        return quoted


class Written(dict[float, str]):
    """Numbers as Go writes them, each worked out once a scrape: creation times repeat."""

    def __missing__(self, value: float) -> str:
        self[value] = as_go(value)
        return self[value]


def pieces(family: Family[Any], *, openmetrics: bool) -> Iterator[str]:
    """Yield the text of a family, piece by piece."""
    name = f"{family.name}_total" if family.kind == "counter" and not openmetrics else family.name
    yield heading(name, family.documentation, family.kind)
    created: list[str] = []
    yield from joined(series(family, created, openmetrics=openmetrics))
    if created:
        yield heading(f"{family.name}_created", family.documentation, "gauge")
        yield from joined(created)


def heading(name: str, documentation: str, kind: str) -> str:
    """Return the two lines that begin a family."""
    return f"# HELP {name} {documentation}\n# TYPE {name} {kind}\n"


def joined(lines: Iterable[str]) -> Iterator[str]:
    """Join lines to pieces."""
    lines = iter(lines)
    while piece := "".join(islice(lines, PIECE)):
        yield piece


def series(family: Family[Any], created: list[str], *, openmetrics: bool) -> Iterator[str]:
    """Yield the lines of each series.

    OpenMetrics wants the creation time among them; the classic format at the end of the family,
    for which those lines are put into `created`.
    """
    label, write, written = labeller(family), writer(family), Written()
    dated = family.with_created and family.kind != "gauge"
    for values, cell in family.cells():
        labels = label(values)
        text = write(cell).replace(LABELS, labels)
        if dated:
            stamp = f"{family.name}_created{{{labels}}} {written[cell.created]}\n"
            if openmetrics:
                text += stamp
            else:
                created.append(stamp)
        yield text


def labeller(family: Family[Any]) -> Callable[[tuple[str, ...]], str]:
    """Return a function from label values to the text between the braces, names in order."""
    escaped = Escaped()
    names = sorted(family.labelnames)
    places = [family.labelnames.index(name) for name in names]
    template = ",".join(f'{name}="%s"' for name in names)
    return lambda values: template % tuple([escaped[values[place]] for place in places])


def writer(family: Family[Any]) -> Callable[[Any], str]:
    """Return the function that writes one series of the family."""
    if isinstance(family, HistogramFamily):
        return histogram_writer(family)
    name = f"{family.name}_total" if family.kind == "counter" else family.name
    return lambda cell: f"{name}{{{LABELS}}} {number(cell.value)}\n"


def histogram_writer(family: HistogramFamily) -> Callable[[Histogram], str]:
    """Return the function that writes one histogram; `le` comes before all our label names."""
    name = family.name
    lines = [f'{name}_bucket{{le="{bound}",{LABELS}}} %s\n' for bound in family.bound_texts]
    lines.append(f"{name}_count{{{LABELS}}} %s\n")
    any_size = "".join(lines)
    usual = any_size.replace("%s", "%d.0")
    total = f"{name}_sum{{{LABELS}}} " if family.with_sum else ""

    def write(cell: Histogram) -> str:
        counts = tuple(accumulate(cell.counts))
        counts += counts[-1:]
        plain = counts[-1] < PLAIN_MAX
        text = usual % counts if plain else any_size % tuple(map(as_go, counts))
        return f"{text}{total}{number(cell.sum)}\n" if total else text

    return write


def number(value: float) -> str:
    """Write a number as Go does."""
    return repr(value) if 0.0 <= value < PLAIN_MAX else as_go(value)
