"""The JSON body of the publish calls, parsed and checked once. Pure; called on the loop."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

from flower_ng.errors import BadRequest
from flower_ng.event_record import NAME_LENGTH

JSON_NAMES = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}


@dataclass(frozen=True, slots=True)
class TaskMessage:
    """What to publish: the task's arguments, and the options of `apply_async` or `send_task`."""

    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def split_timeout(self) -> tuple[float | None, "TaskMessage"]:
        """Return the key `timeout` in seconds, None when it is absent, and the message without it.

        BadRequest `Invalid timeout` for anything that is not a number of seconds from 0 on.
        """
        options = dict(self.options)
        return _seconds(options.pop("timeout", None)), TaskMessage(self.args, self.kwargs, options)

    def split_rerun(self) -> tuple[str | None, "TaskMessage"]:
        """Return the key `rerun_of`, None when it is absent, and the message without it.

        BadRequest for anything that is no task's id.
        """
        options = dict(self.options)
        uuid = options.pop("rerun_of", None)
        if uuid is not None and not (isinstance(uuid, str) and 0 < len(uuid) <= NAME_LENGTH):
            raise BadRequest("rerun_of must be the id of a task")
        return uuid, TaskMessage(self.args, self.kwargs, options)


def check_name(task: str) -> None:
    """Refuse with BadRequest a name that no task can have: too long, or with unprintable parts."""
    if len(task) > NAME_LENGTH or not task.isprintable():
        words = f"a task's name has at most {NAME_LENGTH} characters, all of them printable"
        raise BadRequest(f"{words}: {task[:50]!r}")


def parse_message(body: bytes) -> TaskMessage:
    """Read a body whatever its content type; an empty one means no arguments and no options.

    BadRequest for what is not JSON, is nested too deep to be read, holds what no JSON may hold
    (NaN, infinite numbers, half characters), or is not of the shape that Flower's API takes.
    """
    options = decoded(body) if body else {}
    if not isinstance(options, dict):
        kind = JSON_NAMES.get(type(options), "a number")
        raise BadRequest(f"invalid options: the body must be an object, not {kind}")
    args, kwargs = options.pop("args", []), options.pop("kwargs", {})
    if not isinstance(args, list):
        raise BadRequest("args must be an array")
    if kwargs is None:
        kwargs = {}
    if not isinstance(kwargs, dict):
        raise BadRequest("kwargs must be an object")
    return TaskMessage(args, kwargs, options)


def decoded(body: bytes | str) -> Any:
    """Return what JSON means; BadRequest for what is none, and for what no JSON may hold.

    It is encoded once for that: Python's decoder takes more than JSON allows.
    """
    try:
        value = json.loads(body.decode() if isinstance(body, bytes) else body)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except RecursionError:
        raise BadRequest("it is nested too deep") from None
    except ValueError as error:
        raise BadRequest(str(error)) from error
    return value


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        raise BadRequest("Invalid timeout") from None
    if not 0 <= seconds < math.inf:
        raise BadRequest("Invalid timeout")
    return seconds
