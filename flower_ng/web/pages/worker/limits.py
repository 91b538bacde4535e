"""The limits that are set at a worker, as it tells them, or as they were set from here; pure.

Workers tell the rate limits of their tasks, and the time limits of their pool; those of a single
task they tell nobody, so that only what was set from here is known.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flower_ng.audit_record import DONE, UNCERTAIN, AuditEntry
from flower_ng.monitor.remote.command_list import RATE_LIMIT, TIME_LIMIT
from flower_ng.monitor.remote.worker_answer import is_number, mapping, task_parts
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.facts import sequence
from flower_ng.web.ui.links import Links

#: So many names are offered to choose from; any other can be typed.
MOST_OFFERED: Final = 300
RATE: Final = re.compile(r"(?:^|\s)rate_limit=(\S+)")
KINDS: Final = ("soft", "hard")


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """The limits of one type of task, in words; a dash stands for none that is known."""

    name: str
    rate: str
    times: str
    rate_url: str
    timeout_url: str


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What is set; `of_all` says which time limits all tasks have, empty where that is not known.

    `offered` are names of tasks to choose from, `chosen` is the one that was asked for;
    `is_unknown` where the worker told that it has no such task.
    """

    tasks: tuple[TaskLimits, ...]
    of_all: str
    offered: tuple[str, ...]
    chosen: str
    is_unknown: bool


def worker_limits(
    record: Mapping[str, Any],
    changes: Iterable[AuditEntry],
    chosen: str,
    links: Links,
    now: float,
    started_at: float | None,
) -> WorkerLimits:
    """Return the limits of a worker by its answers and what was changed from here, newest first.

    It has run since `started_at`, None where it did not tell: what was set before is gone.
    """
    rates = dict(_rates(record.get("registered")))
    set_rates = {name: rate for name, rate in rates.items() if rate}
    times = _times(changes, now, started_at)
    names = sorted({*set_rates, *times, *filter(None, [chosen])})
    tasks = tuple(
        TaskLimits(
            name,
            set_rates.get(name) or fmt.DASH,
            times.get(name) or fmt.DASH,
            links.action(RATE_LIMIT.route, name, "tab-limits"),
            links.action(TIME_LIMIT.route, name, "tab-limits"),
        )
        for name in names
    )
    is_unknown = bool(chosen and rates and chosen not in rates)
    return WorkerLimits(
        tasks, _of_all(record), tuple(sorted(rates)[:MOST_OFFERED]), chosen, is_unknown
    )


def _rates(registered: object) -> Iterator[tuple[str, str]]:
    """Yield each task with its rate limit, empty where it has none."""
    for entry in sequence(registered):
        name, about = task_parts(entry)
        found = RATE.search(about)
        rate = found[1] if found else ""
        yield name, "" if rate.partition("/")[0] in ("0", "0.0", "None") else rate


def _times(changes: Iterable[AuditEntry], now: float, started_at: float | None) -> dict[str, str]:
    """Return what the newest change of each task's time limits set, in words."""
    told: dict[str, str] = {}
    for entry in changes:
        is_gone = started_at is not None and entry.at < started_at
        if entry.outcome not in (DONE, UNCERTAIN) or entry.target in told or is_gone:
            continue
        limits = ", ".join(
            f"{kind} {given} s" for kind in KINDS if (given := entry.parameters.get(kind))
        )
        if entry.outcome == DONE and not limits:
            told[entry.target] = ""
            continue
        doubts = []
        if entry.outcome == UNCERTAIN:
            doubts.append("perhaps: the worker did not answer")
        if started_at is None:
            doubts.append("unless it has restarted since")
        about = ", ".join([f"set here {fmt.age(now - entry.at)}", *doubts])
        told[entry.target] = f"{limits or 'none'} ({about})"
    return {name: words for name, words in told.items() if words}


def _of_all(record: Mapping[str, Any]) -> str:
    stats, conf = record.get("stats"), record.get("conf")
    if not stats or not isinstance(conf, Mapping):
        return ""
    pool = sequence(mapping(mapping(stats).get("pool")).get("timeouts"))
    settings = (conf.get("task_soft_time_limit"), conf.get("task_time_limit"))
    told = [
        f"{kind} {limit:.15g} s"
        for kind, of_pool, of_conf in zip(KINDS, (*pool, None, None), settings, strict=False)
        for limit in [next((one for one in (of_pool, of_conf) if is_number(one) and one), None)]
        if limit is not None
    ]
    return f"Time limits of all tasks: {', '.join(told) or 'none'}."
