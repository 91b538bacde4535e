"""Facts turns what workers say of themselves into names and values that people can read; pure.

Workers of any version and pool may say anything: nothing here relies on a key or a type. Passwords
in addresses and values whose names say that they are secret are masked.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from flower_ng.brokers import mask
from flower_ng.monitor.remote.worker_answer import NO_ANSWER, is_number, mapping
from flower_ng.web.ui import format as fmt

MASKED = "**"
_SECRET = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|api_?key|private_?key|credential", re.IGNORECASE
)
#: Resource usage in seconds (getrusage(2)).
_DURATIONS = frozenset({"utime", "stime"})


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value, both readable; `url` explains the name, or leads to the value."""

    label: str
    value: str
    url: str | None = None


def facts(values: object, prefix: str = "") -> tuple[Fact, ...]:
    """The facts of a mapping, those of inner mappings after it with both names; else nothing."""
    return tuple(_facts(values, prefix)) if isinstance(values, Mapping) else ()


def _facts(values: Mapping[Any, Any], prefix: str) -> Iterator[Fact]:
    for key, value in values.items():
        name = f"{prefix} {key}".strip()
        if isinstance(value, Mapping) and value and not is_secret(str(key)):
            yield from _facts(value, name)
        else:
            yield Fact(fmt.label(name), shown(value, str(key)))


def shown(value: object, key: str = "") -> str:
    """A value as people read it: yes or no, a list with commas, a dash for nothing."""
    if value is None or value in ("", [], {}):
        return fmt.DASH
    if is_secret(key):
        return MASKED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {shown(inner, str(name))}" for name, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(shown(inner, key) for inner in value)
    return mask(str(value))


def is_secret(key: str) -> bool:
    """Whether the name of a value says that it is not to be shown."""
    return _SECRET.search(key) is not None


def pool_facts(stats: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What `stats` says of the pool: its slots first, then its own words, then the process."""
    pool = mapping(stats.get("pool"))
    ends = {"Worker PID": stats.get("pid"), "Prefetch Count": stats.get("prefetch_count")}
    return (
        Fact("Slots", shown(NO_ANSWER.taking("stats", stats).slots)),
        *facts(pool),
        *(Fact(label, shown(value)) for label, value in ends.items()),
    )


def usage_facts(usage: object) -> tuple[Fact, ...]:
    """Resource usage; the times as durations."""
    return tuple(
        Fact(fmt.label(key), fmt.duration(value) if _is_time(key, value) else shown(value, key))
        for key, value in mapping(usage).items()
    )


def _is_time(key: str, value: object) -> TypeGuard[float]:
    return key in _DURATIONS and is_number(value)


def other_facts(stats: Mapping[str, Any], known: Iterable[str]) -> tuple[Fact, ...]:
    """Whatever else `stats` says."""
    rest = {key: value for key, value in stats.items() if key not in set(known)}
    uptime_s = rest.get("uptime")
    if is_number(uptime_s):
        rest["uptime"] = fmt.duration(uptime_s)
    return facts(rest)


def sequence(value: object) -> Sequence[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, (list, tuple)) else ()
