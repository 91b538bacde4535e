"""Actions whose arguments come as a JSON body, or as the fields of a form. On the loop."""

import json
from collections.abc import Mapping
from typing import Any, Final

from flower_ng.errors import BadRequest
from flower_ng.monitor.remote.action import ActionArgument
from flower_ng.web.api.message import decoded, parse_message
from flower_ng.web.api.write import ReviewedWrite

FIELDS: Final = "application/x-www-form-urlencoded"
#: What may be in a body beside the arguments.
BESIDE: Final = frozenset({"digest", "dry_run", "reason"})
KINDS: Final[Mapping[type, str]] = {
    list: "a JSON array",
    dict: "a JSON object",
    str: "a text",
    bool: "true or false",
}


class JsonWrite(ReviewedWrite):
    """An action that takes JSON; its form holds the JSON of arrays and objects as text."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        if "action" in cls.__dict__:
            cls.parameter_names = BESIDE | {one.name for one in cls.action.arguments}
        super().__init_subclass__(**arguments)

    @property
    def is_dry_run(self) -> bool:
        """Also where the body says so."""
        return super().is_dry_run or self._body().get("dry_run", False) is not False

    def digest(self) -> str:
        """From the body too, which is JSON."""
        return super().digest() or str(self._body().get("digest") or "")

    def reason(self) -> str:
        """From the body too, which is JSON."""
        return super().reason() or self.cluster.redactor.text(str(self._body().get("reason") or ""))

    def given(self) -> dict[str, Any]:
        """Return the arguments that were given, checked; BadRequest says what is wrong with one."""
        values = self._from_form() if self.is_form else self._from_body()
        return {
            one.name: checked(one, values[one.name])
            for one in self.action.arguments
            if values.get(one.name) is not None
        }

    def _from_body(self) -> dict[str, Any]:
        body, known = self._body(), self.parameter_names or ()
        if unknown := sorted(body.keys() - set(known)):
            raise BadRequest(f"There is no option '{unknown[0]}': {', '.join(sorted(known))}")
        return body

    def _from_form(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for one in self.action.arguments:
            text = self.get_argument(one.name, default="").strip()
            if text and one.type in (list, dict):
                values[one.name] = from_field(one.name, text)
            elif text:
                values[one.name] = self.get_argument(one.name, type=one.type)
        return values

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


def from_field(name: str, text: str) -> Any:
    """Return what the JSON in a form's field means; BadRequest names the field."""
    try:
        return decoded(text)
    except BadRequest as error:
        raise BadRequest(f"{name} are no JSON: {error.message}") from error


def checked(argument: ActionArgument, value: Any) -> Any:
    """Return a value of an argument; BadRequest says of what kind it must be."""
    name, kind = argument.name, argument.type
    if kind is int:
        return argument.checked(value)
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRequest(
                f"{name} must be a number of {argument.unit} {argument.bounds}, not {value!r}"
            )
        return argument.checked(value)
    if not isinstance(value, kind):
        raise BadRequest(f"{name} must be {KINDS[kind]}")
    return value
