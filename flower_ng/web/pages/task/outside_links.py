"""Links of a task to logs, traces or an error tracker, made from `task_links`; pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from flower_ng.settings.checks import IN_TASK_LINKS
from flower_ng.store import TaskRow
from flower_ng.web.ui.format import iso, label

#: The time of a link begins so long before the task's, and ends so long after: clocks differ.
MARGIN_S: Final = 60.0
_BEGAN: Final = ("sent", "received", "started")
_ENDED: Final = ("succeeded", "failed", "revoked", "rejected")
_PLACE: Final = re.compile(rf"\{{({'|'.join(IN_TASK_LINKS)})\}}")


@dataclass(frozen=True, slots=True)
class OutsideLink:
    """A link; without `url` where the task lacks the value that `lacks` names."""

    label: str
    url: str | None
    lacks: str = ""


def outside_links(templates: Sequence[str], task: TaskRow, now: float) -> Iterator[OutsideLink]:
    """Yield the links of one task; `now` (UTC seconds) ends the time of an unfinished one."""
    values = _values(task, now)
    for template in templates:
        words, _, url = template.partition("=")
        lacking = next((name for name in _PLACE.findall(url) if not values[name]), "")
        told = None if lacking else _PLACE.sub(lambda place: _shown(values[place[1]]), url)
        yield OutsideLink(words.strip(), told, label(lacking).lower() if lacking else "")


def _shown(value: str | None) -> str:
    return quote(value or "", safe="")


def _values(task: TaskRow, now: float) -> dict[str, str | None]:
    start = min(_times(task, _BEGAN), default=task.timestamp) - MARGIN_S
    end = max(_times(task, _ENDED), default=now) + MARGIN_S
    return {
        **{name: getattr(task, name) for name in IN_TASK_LINKS if hasattr(task, name)},
        "start": iso(start),
        "end": iso(end),
        "start_ms": str(int(start * 1000)),
        "end_ms": str(int(end * 1000)),
    }


def _times(task: TaskRow, names: Sequence[str]) -> list[float]:
    return [time for name in names if (time := getattr(task, name)) is not None]
