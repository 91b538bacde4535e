"""Event is one Celery event as decoded: each field typed, bounded, or None. Any thread."""

from typing import Annotated, Any

import msgspec

from flower_ng.life.runs import EXPIRED, KILLED, REQUEUED, TERMINATED, WAITED

#: Bounds of what comes over the wire: longer names are refused, longer texts are cut.
NAME_LENGTH = 512
TEXT_LENGTH = 4096
TRACEBACK_LENGTH = 65_536
#: Of what an app's own event says: fields, characters of one value, and in all.
OWN_FIELDS, OWN_VALUE_LENGTH, OWN_LENGTH = 20, 1000, 1200
#: Event times outside are no times: 1970 and the year 2242, in seconds.
TIME_MAX = 2.0**33
CLOCK_MAX = 2**62
NUMBER_MAX = 2**53

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH)]
_Text = Annotated[str, msgspec.Meta(max_length=TEXT_LENGTH)]
_Traceback = Annotated[str, msgspec.Meta(max_length=TRACEBACK_LENGTH)]
_Nothing = Annotated[str, msgspec.Meta(max_length=0)]
_Time = Annotated[float, msgspec.Meta(gt=0, lt=TIME_MAX)]
_Clock = Annotated[int, msgspec.Meta(ge=0, le=CLOCK_MAX)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, lt=TIME_MAX)]
_Freq = Annotated[float, msgspec.Meta(ge=1, le=3600)]


class Event(msgspec.Struct, gc=False, eq=False):
    """One Celery event after the border: every field typed, bounded, or None when absent.

    `timestamp` is UTC seconds; `clock` is the sender's logical clock. Fields that Celery does not
    send are not here: they are dropped at the border, never merged. The bounds are checked while
    decoding (wire.py), not by the constructor.
    """

    type: _Name
    hostname: _Name
    timestamp: _Time
    clock: _Clock | None = None
    pid: _Count | None = None
    uuid: _Name | None = None
    name: _Name | None = None
    args: _Text | None = None
    kwargs: _Text | None = None
    result: _Text | None = None
    exception: _Text | None = None
    traceback: _Traceback | None = None
    runtime: _Seconds | None = None
    eta: _Name | None = None
    expires: _Name | None = None
    retries: _Count | None = None
    parent_id: _Name | None = None
    root_id: _Name | None = None
    exchange: _Text | None = None
    routing_key: _Text | None = None
    queue: _Text | None = None
    requeue: bool | None = None
    terminated: bool | None = None
    expired: bool | None = None
    freq: _Freq | None = None
    active: _Count | None = None
    processed: _Count | None = None
    loadavg: tuple[_Seconds, _Seconds, _Seconds] | None = None
    sw_ident: _Name | None = None
    sw_ver: _Name | None = None
    sw_sys: _Name | None = None
    #: What an event of the app's own (task-progress) says, as a JSON object; made by clean.py.
    #: Nothing that was sent is taken for it.
    own: _Nothing | None = msgspec.field(default=None, name="flower_ng.own")

    @property
    def how(self) -> str:
        """What more it says of an end, see TaskEvent; empty for nothing."""
        if self.requeue:
            return REQUEUED
        if self.terminated is None:
            is_bare = self.runtime is None and self.result is None
            return KILLED if is_bare and self.type == "task-succeeded" else ""
        return TERMINATED if self.terminated else EXPIRED if self.expired else WAITED

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that it has, as Celery's callbacks see an event."""
        fields = msgspec.structs.asdict(self)
        own = msgspec.json.decode(self.own) if self.own else {}
        return {
            **own,
            **{
                name: value for name, value in fields.items() if value is not None and name != "own"
            },
        }
