"""Action is something that people may do to the cluster, declared once. Pure.

The API's route, the form, the review before it and the table in `docs/actions.md` follow from it.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

from flower_ng.errors import BadRequest
from flower_ng.monitor.remote.pools import Ability
from flower_ng.truncation import cut

#: So much is told of a number that is out of bounds.
DIGITS: Final = 40


@dataclass(frozen=True, slots=True)
class ActionArgument:
    """An argument of an action: its name in requests, its type, and its bounds.

    `unit` is what a number counts. `default` stands for one that is left out.
    """

    name: str
    type: type
    meaning: str
    default: Any = None
    is_required: bool = False
    least: int | None = None
    most: int | None = None
    unit: str = ""

    def checked(self, value: Any) -> Any:
        """Return the value; BadRequest unless it is of the type and within the bounds."""
        if self.type is int:
            self._check_whole(value)
        elif self.type is float and value is not None:
            self._check_number(value)
        return value

    def _check_whole(self, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise BadRequest(f"{self.name} must be a whole number, not {value!r}")
        if not (self.least or 0) <= value <= (value if self.most is None else self.most):
            raise BadRequest(f"{self.name} must be {self.bounds}, not {value}")

    def _check_number(self, value: float) -> None:
        most = math.inf if self.most is None else self.most
        if not (self.least or 0) <= value <= most:
            unit = f" of {self.unit}" if self.unit else ""
            raise BadRequest(f"{self.name} must be a number{unit} {self.bounds}, not {told(value)}")

    @property
    def bounds(self) -> str:
        """The bounds in words, empty where there are none."""
        if self.least is None:
            return ""
        return f"from {self.least} on" if self.most is None else f"from {self.least} to {self.most}"


def told(number: float) -> str:
    """Return a number for a sentence: JSON may hold whole ones that no float can."""
    return cut(str(number), DIGITS) if isinstance(number, int) else f"{number:.15g}"


@dataclass(frozen=True, slots=True)
class Action:
    """What can be done to a `target`, which its path names; empty where its arguments say to what.

    `route` is its path below `/api/` and, as a form, `/do/`; `label` its button. `effect` is the
    sentence of what it does: names of arguments, and `{target}`, stand in it for their values.
    Only admins may do what `administers`. A page shows the review first where `is_reviewed`.
    `needs` is what the worker's pool must be able to do.
    """

    name: str
    route: str
    label: str
    summary: str
    effect: str
    target: str = "worker"
    arguments: tuple[ActionArgument, ...] = ()
    is_reviewed: bool = False
    needs: Ability | None = None
    administers: bool = False
