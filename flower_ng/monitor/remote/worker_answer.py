"""WorkerAnswer is one worker's answers to inspect commands, parsed once. Pure.

Workers of any version and pool may answer anything: what is not understood is None, or left out.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeGuard

import msgspec

#: Lists of tasks that workers have in common.
MOST_LISTS: Final = 100
#: No age and no limit is that long, in seconds.
_MOST: Final = 1e12
_LINUX: Final = "Linux"
_KIBI: Final = 1024


class ActiveTask(msgspec.Struct, frozen=True, gc=False):
    """A task that a worker says to run; `is_held` is that its message is not acknowledged."""

    uuid: str
    is_held: bool


class WorkerAnswer(msgspec.Struct, frozen=True, gc=False):
    """What a worker told; None is what it did not tell, or not so that it can be understood.

    `pool` is the implementation's name, `slots` how many tasks it runs at once, `processes` are its
    pool's ids. `max_rss` is the most memory that its main process held, in its system's unit;
    `uptime_s` its age when it answered, `done` how many tasks it ran, by type in `totals`.
    `registered` are its tasks by name, sorted. `pool_limit_s` is its hard limit on every task's
    time, `pool_soft_limit_s` the soft one, `pool_per_child` after how many tasks a child is
    replaced; those of `conf_` are its settings of the same, where they are not Celery's default,
    and so are `conf_prefetch`, its multiplier, and `accepts`, its `accept_content`. `reserved` are
    the ids of tasks that wait in it.
    """

    has_stats: bool = False
    pool: str = ""
    slots: int | None = None
    processes: frozenset[int] = frozenset()
    is_autoscaled: bool = False
    pool_limit_s: float | None = None
    pool_soft_limit_s: float | None = None
    pool_per_child: float | None = None
    max_rss: int | None = None
    uptime_s: float | None = None
    done: int | None = None
    clock: int | None = None
    queues: tuple[str, ...] | None = None
    registered: tuple[str, ...] | None = None
    has_conf: bool = False
    conf_limit_s: float | None = None
    conf_soft_limit_s: float | None = None
    conf_prefetch: float | None = None
    conf_per_child: float | None = None
    is_memory_bound: bool = False
    may_restart: bool | None = None
    accepts: tuple[str, ...] | None = None
    active: tuple[ActiveTask, ...] | None = None
    reserved: frozenset[str] | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "WorkerAnswer":
        """Read a record of the Inspector."""
        answer = cls()
        for method, reply in record.items():
            answer = answer.taking(method, reply)
        return answer

    def taking(self, method: str, reply: object) -> "WorkerAnswer":
        """Return it with a newer answer to one of Celery's inspect methods."""
        read = READERS.get(method)
        return self if read is None else msgspec.structs.replace(self, **read(reply))

    @property
    def limit_s(self) -> float | None:
        """Its hard limit on every task's time: `--time-limit` is not in the settings."""
        return self.pool_limit_s or self.conf_limit_s

    @property
    def soft_limit_s(self) -> float | None:
        """Its soft limit on every task's time."""
        return self.pool_soft_limit_s or self.conf_soft_limit_s

    @property
    def per_child(self) -> float | None:
        """After how many tasks a child of its pool is replaced."""
        return self.pool_per_child or self.conf_per_child

    def memory_bytes(self, system: str | None = _LINUX) -> int | None:
        """The most that its main process has held; Linux tells it in KiB, others differently."""
        return self.max_rss * _KIBI if self.max_rss and system == _LINUX else None


#: Of a worker that told nothing.
NO_ANSWER: Final = WorkerAnswer()


def mapping(value: object) -> Mapping[str, Any]:
    """Return a part of an answer; empty where it is none, workers may answer anything."""
    return value if isinstance(value, (dict, Mapping)) else {}  # a dict is seen in half the time


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a number as people read one: no NaN, nothing beyond all ages and limits."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST


def task_parts(entry: object) -> tuple[str, str]:
    """Return a registered task's name, and what is told beside it: `shop.pay [rate_limit=7/m]`."""
    name, _, about = str(entry).partition(" [")
    return name, about.removesuffix("]")


def _stats(reply: object) -> dict[str, Any]:
    stats = mapping(reply)
    pool, uptime_s = mapping(stats.get("pool")), stats.get("uptime")
    processes, most = pool.get("processes"), mapping(stats.get("rusage")).get("maxrss")
    totals, clock = stats.get("total"), str(stats.get("clock", ""))
    return {
        "has_stats": bool(stats),
        "pool": str(pool.get("implementation") or ""),
        "slots": _slots(pool, mapping(stats.get("autoscaler"))),
        "processes": frozenset(filter(_is_whole, _listed(processes))),
        "is_autoscaled": bool(stats.get("autoscaler")),
        "pool_limit_s": _limit_s(pool.get("timeouts"), 1),
        "pool_soft_limit_s": _limit_s(pool.get("timeouts"), 0),
        "pool_per_child": _number(pool.get("max-tasks-per-child")),
        "max_rss": most if _is_whole(most) and most > 0 else None,
        "uptime_s": uptime_s if is_number(uptime_s) else None,
        "done": sum(filter(_is_whole, totals.values())) if isinstance(totals, Mapping) else None,
        "clock": int(clock) if clock.isdecimal() and clock.isascii() else None,
    }


def _slots(pool: Mapping[str, Any], autoscaler: Mapping[str, Any]) -> int | None:
    """Return how many tasks a pool runs at once: the processes that it lists, else its bound.

    `max-concurrency` does not move when a prefork pool grows; a pool that was shrunk to nothing
    lists no process. With an autoscaler it is as many as that lets the pool grow to.
    """
    processes, most = pool.get("processes"), autoscaler.get("max")
    listed = len(processes) if isinstance(processes, list) else pool.get("max-concurrency")
    return max(filter(_is_whole, (listed, most))) if _is_whole(listed) else None


def _limit_s(timeouts: object, place: int) -> float | None:
    soft_and_hard = _listed(timeouts)
    return _number(soft_and_hard[place]) if len(soft_and_hard) == 2 else None  # noqa: PLR2004 - as named


def _queues(reply: object) -> dict[str, Any]:
    told = map(mapping, _listed(reply))
    return {"queues": tuple(str(queue["name"]) for queue in told if queue.get("name"))}


def _registered(reply: object) -> dict[str, Any]:
    names = sorted(task_parts(entry)[0] for entry in _listed(reply))
    return {"registered": _shared(tuple(names))}


@lru_cache(MOST_LISTS)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return one and the same list for all who have it: thousands of workers have few."""
    return names


def _conf(reply: object) -> dict[str, Any]:
    conf = mapping(reply)
    restarts = conf.get("worker_pool_restarts")
    prefetch = conf.get("worker_prefetch_multiplier")
    accepts = conf.get("accept_content") or conf.get("CELERY_ACCEPT_CONTENT")
    return {
        "has_conf": isinstance(reply, Mapping),
        "conf_limit_s": _number(conf.get("task_time_limit")),
        "conf_soft_limit_s": _number(conf.get("task_soft_time_limit")),
        "conf_prefetch": prefetch if is_number(prefetch) else None,
        "conf_per_child": _number(conf.get("worker_max_tasks_per_child")),
        "is_memory_bound": bool(conf.get("worker_max_memory_per_child")),
        "may_restart": restarts if isinstance(restarts, bool) else None,
        "accepts": tuple(map(str, _listed(accepts))) or None,
    }


def _active(reply: object) -> dict[str, Any]:
    return {"active": tuple(_running(reply)) if isinstance(reply, list) else None}


def _reserved(reply: object) -> dict[str, Any]:
    if not isinstance(reply, list):
        return {"reserved": None}
    return {"reserved": frozenset(str(task.get("id")) for task in map(mapping, reply))}


def _running(reply: object) -> Iterator[ActiveTask]:
    for task in map(mapping, _listed(reply)):
        if task.get("id"):
            yield ActiveTask(str(task["id"]), task.get("acknowledged") is False)


#: What is read of the answer to each method; the other answers are shown as they are.
READERS: Final[Mapping[str, Callable[[object], dict[str, Any]]]] = MappingProxyType(
    {
        "stats": _stats,
        "active_queues": _queues,
        "registered": _registered,
        "conf": _conf,
        "active": _active,
        "reserved": _reserved,
    }
)


def _listed(value: object) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else ()


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> float | None:
    """Return a limit; 0 is none."""
    return float(value) if is_number(value) and value else None
