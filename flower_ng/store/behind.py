"""Behind is what follows a place of a list, as conditions for the arms of a query. Pure."""

from dataclasses import dataclass
from itertools import product

from flower_ng.store.arms import Arms, Further, Way, anything
from flower_ng.store.keyset import Place
from flower_ng.store.old_index import Part
from flower_ng.store.order import Order
from flower_ng.store.parts import PartRows, place_of
from flower_ng.store.where import TaskTable


@dataclass(frozen=True, slots=True)
class Behind:
    """All that is behind a place in an order, or without one, everything.

    `value` and `name` stand for the place's value and task id.
    """

    order: Order
    place: Place | None
    value: str
    name: str

    @classmethod
    def of(cls, order: Order, place: Place | None, arms: Arms) -> "Behind":
        """Return what is behind a place, for the arms of a query."""
        value = arms.parameter(place.key if place else None)
        return cls(order, place, value, arms.parameter(place.uuid if place else None))

    @property
    def is_cased(self) -> bool:
        """Whether the place's task id is not in lower case."""
        return self.place is not None and self.place.uuid != self.place.uuid.casefold()

    @property
    def newest(self) -> str:
        """The WHERE for a list of all tasks `t`, the newest first."""
        return f"WHERE (t.timestamp, t.uuid) < ({self.value}, {self.name}) " if self.place else ""

    @property
    def of_rest(self) -> str:
        """The condition for a task `t`."""
        return self._looked_at(self.order.key(TaskTable()), "t.uuid")

    def among(self, _: Part) -> list[str]:
        """Return the condition for a row of a part, each of which is looked at."""
        return [self._looked_at(self.order.key(PartRows()), "p.uuid")]

    def seek(self, way: Way) -> Further:
        """Return conditions by which a way in the list's order begins there."""
        place = self.place
        if place is None:
            return anything
        return lambda part: self._reached(part, way, place)

    def _reached(self, part: Part, way: Way, place: Place) -> list[str]:
        is_ascending = self.order.direction == "ASC"
        passed = place_of(part.number, part.rows, self.name, "<=" if is_ascending else "<")
        tie = f"p.r {'>' if is_ascending else '<='} {passed}"
        if not way.index:
            return [tie]
        return self.order.behind(self.order.key(PartRows()), place.key, self.value, tie)

    def _looked_at(self, key: str, uuid: str) -> str:
        if self.place is None:
            return ""
        tie = f"{uuid} {self.order.beyond} {self.name}"
        conditions = self.order.behind(key, self.place.key, self.value, tie)
        return f"({' OR '.join(f'({one})' for one in conditions)})"


def both(one: Further, other: Further) -> Further:
    """Return conditions, of which one holds where one of each does."""
    return lambda part: [
        " AND ".join(condition for condition in pair if condition)
        for pair in product(one(part), other(part))
    ]
