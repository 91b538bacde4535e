"""Revoking all tasks with a stamp: read the stamps, review, tell the workers. On the loop."""

from collections.abc import Mapping
from typing import Any, Final

from flower_ng.errors import BadRequest
from flower_ng.monitor.remote.control import signal_name
from flower_ng.monitor.remote.task_actions import REVOKE_STAMPED
from flower_ng.web.api.json_write import JsonWrite
from flower_ng.web.api.write import Plan
from flower_ng.web.lookups.task_review import acknowledged_stamps, stamped_review
from flower_ng.web.ui import format as fmt

EXAMPLE: Final = '{"customer": "7"}, or {"customer": ["7", "8"]}'
#: So many values are revoked at once: workers keep them until they restart.
MOST_STAMPS: Final = 100


class TasksRevokeStamped(JsonWrite):
    """Tell every worker to discard all tasks with a stamp, and say who has acknowledged it."""

    action = REVOKE_STAMPED

    async def plan(self) -> Plan:
        """Take `stamps`, and `terminate` with the name of a `signal`."""
        given = self.given()
        stamps = stamps_of(given.get("stamps"))
        signal = signal_name(given.get("signal", "SIGTERM")) * bool(given.get("terminate"))

        async def revoke() -> dict[str, Any]:
            who = self.identity.name
            told = await acknowledged_stamps(self.cluster, stamps, signal, who)
            words = "Revoked all tasks with these stamps"
            if told.workers:
                count = fmt.counted(len(told.workers), "worker")
                words = f"{words}, by the word of {count}"
            message = ", but ".join(filter(None, (words, told.trouble)))
            return {"message": message, **told.record()}

        return Plan(lambda: stamped_review(self.cluster, stamps, signal), revoke)


def stamps_of(given: Mapping[str, Any] | None) -> dict[str, tuple[str, ...]]:
    """Return the values of each stamp; BadRequest says what is wrong with one."""
    if not given:
        raise BadRequest(f"stamps is missing: give {EXAMPLE}")
    stamps: dict[str, tuple[str, ...]] = {}
    for name, told in given.items():
        values = told if isinstance(told, list) else [told]
        if not name or not values or not all(is_stamp(one) for one in values):
            raise BadRequest(f"stamps has {name!r}: {told!r}, expected {EXAMPLE}")
        stamps[name] = tuple(dict.fromkeys(values))
    if sum(map(len, stamps.values())) > MOST_STAMPS:
        raise BadRequest(f"stamps has more than {MOST_STAMPS} values")
    return stamps


def is_stamp(value: Any) -> bool:
    """Whether it is a text that can be a stamp."""
    return isinstance(value, str) and bool(value)
