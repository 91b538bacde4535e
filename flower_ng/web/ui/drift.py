"""Drift is in what the workers of one queue differ, by their own answers; pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.monitor.remote.pools import pool_name
from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from flower_ng.web.ui import format as fmt

#: Tasks, and names of workers for one value, that are shown; more are counted.
MOST_TASKS: Final = 50
MOST_NAMES: Final = 5
REGISTERED: Final = "Registered"


@dataclass(frozen=True, slots=True)
class Teammate:
    """A worker of the queue: what it answered, and its Celery's version, empty if not told."""

    name: str
    told: WorkerAnswer
    version: str


@dataclass(frozen=True, slots=True)
class WorkersWith:
    """The workers with one value, in words; `names` are the first ones, `more` how many others."""

    value: str
    names: tuple[str, ...]
    more: int

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.names) + self.more


@dataclass(frozen=True, slots=True)
class Aspect:
    """Something in which they may differ, with its values: that of most workers first."""

    label: str
    values: tuple[WorkersWith, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """`differing` are aspects with several values, `same` those with one; each by `compared`.

    `lacking` are tasks that only some of them register, with the workers that lack each; `more` are
    not shown. `unanswered` workers told nothing, and are left out.
    """

    compared: int
    unanswered: tuple[str, ...]
    differing: tuple[Aspect, ...]
    same: tuple[Aspect, ...]
    lacking: tuple[tuple[str, WorkersWith], ...]
    more: int

    @property
    def is_any(self) -> bool:
        """Whether they differ at all."""
        return bool(self.differing)


def _seconds(value: float | None) -> str:
    return "none" if value is None else fmt.span(value)


def _registered(told: WorkerAnswer) -> str:
    return "" if told.registered is None else fmt.counted(len(told.registered), "task")


def _prefetch(told: WorkerAnswer) -> str:
    return "default" if told.conf_prefetch is None else fmt.number(round(told.conf_prefetch))


#: What is compared, in words; empty where a worker did not tell.
ASPECTS: Final[Mapping[str, Callable[[Teammate], str]]] = {
    "Celery": lambda one: one.version,
    REGISTERED: lambda one: _registered(one.told),
    "Queues": lambda one: ", ".join(sorted(one.told.queues or ())),
    "Pool": lambda one: pool_name(one.told.pool),
    "Slots": lambda one: "" if one.told.slots is None else fmt.number(one.told.slots),
    "Prefetch multiplier": lambda one: _prefetch(one.told) if one.told.has_conf else "",
    "Hard time limit": lambda one: _seconds(one.told.limit_s) if one.told.has_conf else "",
    "Soft time limit": lambda one: _seconds(one.told.soft_limit_s) if one.told.has_conf else "",
    "Tasks per child": lambda one: (
        (fmt.number(round(one.told.per_child)) if one.told.per_child else "no bound")
        if one.told.has_conf
        else ""
    ),
    "Accepted content": lambda one: (
        ", ".join(one.told.accepts or ("default",)) if one.told.has_conf else ""
    ),
}


def drift(team: Sequence[Teammate]) -> Drift:
    """Compare workers; what one did not tell is no difference."""
    answered = [one for one in team if one.told.has_stats or one.told.registered is not None]
    aspects = [
        Aspect(label, tuple(_values((one.name, read(one)) for one in answered)))
        for label, read in ASPECTS.items()
    ]
    lacking = list(_lacking(answered))
    if lacking:  # as many tasks, but others
        number = list(ASPECTS).index(REGISTERED)
        aspects[number] = Aspect(REGISTERED, tuple(_lists(answered)))
    return Drift(
        compared=len(answered),
        unanswered=tuple(one.name for one in team if one not in answered),
        differing=tuple(one for one in aspects if len(one.values) > 1),
        same=tuple(one for one in aspects if len(one.values) == 1),
        lacking=tuple(lacking[:MOST_TASKS]),
        more=max(0, len(lacking) - MOST_TASKS),
    )


def _values(told: Iterator[tuple[str, str]]) -> Iterator[WorkersWith]:
    by_value: dict[str, list[str]] = {}
    for name, value in told:
        if value:
            by_value.setdefault(value, []).append(name)
    for value, names in sorted(by_value.items(), key=lambda item: (-len(item[1]), item[0])):
        yield _workers(value, names)


def _lists(team: Sequence[Teammate]) -> Iterator[WorkersWith]:
    by_list: dict[tuple[str, ...], list[str]] = {}
    for one in team:
        if one.told.registered is not None:
            by_list.setdefault(one.told.registered, []).append(one.name)
    for tasks, names in sorted(by_list.items(), key=lambda item: (-len(item[1]), item[0])):
        yield _workers(fmt.counted(len(tasks), "task"), names)


def _lacking(team: Sequence[Teammate]) -> Iterator[tuple[str, WorkersWith]]:
    """Yield the tasks that only some of them register."""
    lists = {one.name: frozenset(one.told.registered) for one in team if one.told.registered}
    if not lists:
        return
    kinds = set(lists.values())
    for task in sorted(frozenset().union(*kinds) - frozenset.intersection(*kinds)):
        yield task, _workers("", [name for name, tasks in lists.items() if task not in tasks])


def _workers(value: str, names: Sequence[str]) -> WorkersWith:
    return WorkersWith(value, tuple(names[:MOST_NAMES]), max(0, len(names) - MOST_NAMES))
