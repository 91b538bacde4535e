"""The options that a publish request may set beside the arguments of the task. Pure.

Celery takes any option and ignores those that it does not know, so that a slip of the pen runs a
task at once that was to wait. Here each is known or refused.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from inspect import signature
from types import MappingProxyType
from typing import Any, Final

from celery import Celery, Task
from celery.app.amqp import AMQP
from celery.utils.time import maybe_iso8601
from kombu import Producer
from kombu.serialization import registry  # type: ignore[attr-defined] # the types lack it

from flower_ng.errors import BadRequest
from flower_ng.monitor.remote.worker_answer import WorkerAnswer

Options = Mapping[str, Any]

#: Options that are Python objects, which no JSON can hold.
OBJECTS: Final = frozenset(
    {"channel", "connection", "declare", "event_dispatcher", "producer", "publisher", "result_cls"}
    | {"router", "task_type"}
)
#: What says in which form the message is: `serializer` decides that.
FORMS: Final = frozenset({"content_type", "content_encoding"})
#: Parameters of Celery's own functions that are no options.
NO_OPTIONS: Final = frozenset(
    {"self", "args", "kwargs", "name", "message", "body", "options", "properties"}
    | {"callbacks", "errbacks", "create_sent_event", "now", "timezone"}
)
#: What a message may have beside: the properties of AMQP, and those of SQS.
PROPERTIES: Final = frozenset(
    {"app_id", "cluster_id", "correlation_id", "message_id", "timestamp", "type", "user_id"}
    | {"MessageAttributes", "MessageDeduplicationId", "MessageGroupId", "DelaySeconds"}
    | {"queue", "ignore_result", "origin"}
)
#: What Celery accepts unless told otherwise.
DEFAULT_CONTENT: Final = ("json",)
RETRYING: Final = frozenset({"retry", "retry_policy"})
#: Flower's form of a time; the worker takes it as of the app's timezone.
TIME_FORM: Final = "%Y-%m-%d %H:%M:%S.%f"
TIME_SHOWN: Final = "2030-12-31 23:59:59.0"
PICKLE: Final = frozenset({"pickle", "application/x-python-serialize"})
#: What the common options must be, if they are given; Celery or a worker trips over the rest.
TEXT, NUMBER, WHOLE = ((str,), "a string"), ((int, float), "a number"), ((int,), "an integer")
SIGNATURES = ((dict, list), "a signature or an array of them")
TYPES: Final[Mapping[str, tuple[tuple[type, ...], str]]] = MappingProxyType(
    {
        **dict.fromkeys(("task_id", "root_id", "parent_id", "group_id", "shadow"), TEXT),
        **dict.fromkeys(("queue", "exchange", "exchange_type", "routing_key", "reply_to"), TEXT),
        **dict.fromkeys(("serializer", "compression"), TEXT),
        **dict.fromkeys(("time_limit", "soft_time_limit"), NUMBER),
        **dict.fromkeys(("priority", "delivery_mode", "retries"), WHOLE),
        "headers": ((dict,), "an object"),
        **dict.fromkeys(("link", "link_error", "chain", "chord"), SIGNATURES),
        "ignore_result": ((bool,), "true or false"),
    }
)


def checked(options: Options, capp: Celery, name: str) -> dict[str, Any]:
    """Return the options of a request; BadRequest names the first that can't be meant."""
    known = known_options(capp, name, options)
    for option, value in options.items():
        if option in OBJECTS:
            raise BadRequest(f"The option '{option}' cannot be given in a request")
        if option in FORMS:
            raise BadRequest(f"The option '{option}' cannot be given: use 'serializer'")
        if option not in known:
            raise BadRequest(unknown(option, known))
        if option in RETRYING and value:
            raise BadRequest(
                f"The option '{option}' has no effect here: publishing is tried once. Leave it out"
            )
        kinds, wanted = TYPES.get(option, ((object,), ""))
        if value is not None and not isinstance(value, kinds):
            raise BadRequest(f"The option '{option}' must be {wanted}")
    check_headers(options.get("headers") or {}, capp, name)
    return {option: value for option, value in options.items() if option not in RETRYING}


def known_options(capp: Celery, name: str, options: Options) -> frozenset[str]:
    """Return what may be given for this task: what Celery, Kombu and the task's class take."""
    amqp: Any = capp.amqp
    task = capp.tasks.get(name)
    takers: list[Callable[..., Any]] = [
        capp.send_task,
        amqp.as_task_v2,
        amqp.send_task_message,
        Producer.publish,
        *([] if task is None else [task.apply_async]),
    ]
    named = {option for taker in takers for option in signature(taker).parameters}
    stamps = options.get("stamped_headers")
    own = stamps if isinstance(stamps, list) else []
    return frozenset((named - NO_OPTIONS) | PROPERTIES | RETRYING).union(map(str, own))


def common_options() -> frozenset[str]:
    """Return what may be given for a task of any app: what Celery and Kombu themselves take."""
    takers = (Celery.send_task, AMQP.as_task_v2, Producer.publish, Task.apply_async)
    named = {option for taker in takers for option in signature(taker).parameters}
    return frozenset((named - NO_OPTIONS) | PROPERTIES | RETRYING)


def unknown(option: str, known: Collection[str]) -> str:
    """Say that there is no such option, and which was probably meant."""
    if option == "options":
        return "There is no option 'options': write what is in it beside 'args' and 'kwargs'"
    plain = {name.replace("_", "").lower(): name for name in known}
    written = option.replace("_", "").replace("-", "").lower()
    near = get_close_matches(written, plain, n=1)
    meant = f"; was '{plain[near[0]]}' meant?" if near else ""
    return f"There is no option '{option}'{meant}"


def check_headers(headers: Mapping[str, Any], capp: Celery, name: str) -> None:
    """Refuse headers that Celery itself writes: they would make another task of this one."""
    amqp: Any = capp.amqp
    for header in headers.keys() & amqp.as_task_v2("id", name).headers.keys():
        raise BadRequest(
            f"The header '{header}' is Celery's own and can't be given: the worker would run"
            f" something else than '{name}' as it was asked for"
        )


def linked(value: Any) -> Iterator[str]:
    """Yield the names of the tasks in signatures, however deep: those run, too."""
    if isinstance(value, Mapping):
        if isinstance(value.get("task"), str):
            yield value["task"]
        for inner in value.values():
            yield from linked(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from linked(inner)


def linked_tasks(options: Options) -> list[str]:
    """Return the names of the tasks that run after or beside the one that is published."""
    signatures = [options.get(option) for option in ("link", "link_error", "chain", "chord")]
    return sorted(set(linked(signatures)))


def check_serializer(serializer: str, capp: Celery, workers: Collection[Collection[str]]) -> None:
    """Refuse a serializer that nobody would read.

    `workers` holds what each worker accepts, as far as they told; where none did, what this app
    accepts stands for them. Pickle, which can run code at the worker, must be accepted by both.
    """
    content_type = registry.name_to_type.get(serializer, serializer)
    if content_type not in registry.type_to_name:
        raise BadRequest(f"There is no serializer '{serializer}'")
    ours = list(capp.conf.accept_content or ())
    everyone = [ours, *workers] if serializer in PICKLE or not workers else list(workers)
    are_reading = [content_type in content_types(accepted) for accepted in everyone]
    if serializer in PICKLE and not are_reading[0]:
        raise BadRequest(f"The serializer '{serializer}' is not in accept_content")
    if not any(are_reading):
        whose = "that of any worker" if workers else "this app's"
        told = ", ".join(sorted({name for accepted in everyone for name in accepted}))
        raise BadRequest(
            f"The serializer '{serializer}' is not in accept_content ({whose}: {told}): the task"
            " would be discarded"
        )


def accepted_content(answers: Iterable[WorkerAnswer]) -> list[Collection[str]]:
    """Return what each worker accepts, of those that told their settings.

    Celery tells those settings only that are not its defaults.
    """
    return [one.accepts or DEFAULT_CONTENT for one in answers if one.has_conf]


def content_types(accepted: Collection[str]) -> set[str]:
    """Return the content types that `accept_content` means: it may name those or serializers."""
    return {registry.name_to_type.get(name, name) for name in accepted}


def converted(options: Options) -> dict[str, Any]:
    """Return options with Flower's conversions: `eta` to a datetime, the others to seconds."""
    return {
        option: convert(option, value, *CONVERSIONS[option]) if option in CONVERSIONS else value
        for option, value in options.items()
    }


def convert(option: str, value: Any, read: Callable[[Any], Any], form: str) -> Any:
    """Return a value as `read` reads it; BadRequest names the option, the value and the form."""
    try:
        return read(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRequest(f"Invalid option {option}: {value!r} is not {form}") from error


def check_times(options: Options) -> None:
    """Refuse times in a form that no worker can read; else they are sent as they are."""
    for option in ("eta", "expires"):
        value = options.get(option)
        if isinstance(value, str):
            convert(option, value, maybe_iso8601, f"a time as ISO 8601 writes it ({TIME_SHOWN})")


def eta(value: Any) -> datetime:
    """Read a time of the app's own timezone, or one as ISO 8601 writes it with its own."""
    with suppress(ValueError):
        return datetime.strptime(value, TIME_FORM)  # noqa: DTZ007 - the worker adds the timezone
    when = datetime.fromisoformat(value)
    if when.tzinfo is None:
        raise ValueError("of no timezone")
    return when


def seconds(value: Any) -> float:
    """Read a number of seconds that Celery can add to a date."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not finite")
    try:
        datetime.now(UTC) + timedelta(seconds=number)
    except OverflowError as error:
        raise ValueError("beyond all dates") from error
    return number


def expiry(value: Any) -> float | datetime:
    """Read seconds, or a time of the app's own timezone."""
    try:
        return seconds(value)
    except ValueError:
        return eta(value)


#: The options that are read, how, and what they must be.
CONVERSIONS: Final[Mapping[str, tuple[Callable[[Any], Any], str]]] = {
    "eta": (eta, f"a time like {TIME_SHOWN}"),
    "countdown": (seconds, "a number of seconds"),
    "expires": (expiry, f"a number of seconds, nor a time like {TIME_SHOWN}"),
}
