"""Running a task again: read what was given, review it, send it. On the loop."""

import json
from typing import Any
from uuid import uuid4

from flower_ng.errors import BadRequest
from flower_ng.monitor.remote.task_actions import RERUN
from flower_ng.web.api.message import parse_message
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.lookups.rerun import GivenArguments, rerun_of, send_again

KINDS = {"args": (list, "array"), "kwargs": (dict, "object")}
FIELDS = "application/x-www-form-urlencoded"
IN_BODY = frozenset({"args", "kwargs", "queue", "countdown", "digest", "dry_run", "reason"})


class TaskRerun(ReviewedWrite):
    """Send a task of the same type with the same arguments, and note which one it repeats."""

    deed = RERUN
    parameter_names = IN_BODY

    async def plan(self, task_id: str) -> Plan:
        """Take what replaces the known from the JSON body, or from the fields of a form."""
        given = self._from_form() if self.is_form else self._from_body()
        again = await rerun_of(self.cluster, task_id, given)

        async def send() -> dict[str, Any]:
            uuid = str(uuid4())
            await send_again(self.cluster, again, task_id, uuid)
            answer = {"task-id": uuid, "rerun_of": task_id}
            return answer | {"message": f"Sent again as {uuid}"} if self.is_form else answer

        return Plan(lambda: again.review, send)

    @property
    def is_dry_run(self) -> bool:
        """Also where the body says so."""
        return super().is_dry_run or self._body().get("dry_run", False) is not False

    def digest(self) -> str:
        """From the body too, which is JSON."""
        return super().digest() or str(self._body().get("digest") or "")

    def reason(self) -> str:
        """From the body too, which is JSON."""
        return super().reason() or str(self._body().get("reason") or "")

    def _from_body(self) -> GivenArguments:
        body = self._body()
        if unknown := sorted(body.keys() - IN_BODY):
            raise BadRequest(f"There is no option '{unknown[0]}': {', '.join(sorted(IN_BODY))}")
        return _given({name: value for name, value in body.items() if value is not None})

    def _from_form(self) -> GivenArguments:
        names = ("args", "kwargs", "queue", "countdown")
        texts = {name: self.get_argument(name, default="").strip() for name in names}
        values: dict[str, Any] = {name: text for name, text in texts.items() if text}
        for name in KINDS.keys() & values.keys():
            values[name] = _decoded(name, values[name])
        if "countdown" in values:
            values["countdown"] = self.get_argument("countdown", type=float)
        return _given(values)

    def _body(self) -> dict[str, Any]:
        """Return the body's object; of a form, whose fields are read as arguments, none."""
        body = self.request.body
        if self.is_form or not body or self._is_fields(body):
            return {}
        message = parse_message(body)
        told = json.loads(body)
        parts = {"args": message.args, "kwargs": message.kwargs}
        return {**message.options, **{name: parts[name] for name in parts if name in told}}

    def _is_fields(self, body: bytes) -> bool:
        """Whether a body is that of a form: curl says so of JSON, too."""
        kind = self.request.headers.get("Content-Type", "")
        return FIELDS in kind and not body.lstrip().startswith((b"{", b"["))


def _decoded(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{name} are no JSON: {error}") from error


def _given(values: dict[str, Any]) -> GivenArguments:
    """Return it checked; BadRequest says what is of the wrong kind."""
    for name, (kind, words) in KINDS.items():
        if name in values and not isinstance(values[name], kind):
            raise BadRequest(f"{name} must be a JSON {words}")
    queue, countdown = values.get("queue"), values.get("countdown")
    if queue is not None and not isinstance(queue, str):
        raise BadRequest("queue must be the name of a queue")
    if countdown is not None and (
        isinstance(countdown, bool) or not isinstance(countdown, int | float) or not countdown >= 0
    ):
        raise BadRequest(f"countdown must be a number of seconds from 0 on, not {countdown!r}")
    return GivenArguments(values.get("args"), values.get("kwargs"), queue, countdown)
