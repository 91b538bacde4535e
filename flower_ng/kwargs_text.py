"""KwargsText is a task's keyword arguments, as text and as a mapping; for `format_task`. Pure."""

from collections.abc import Mapping
from typing import Any, Self

from flower_ng.search import parsed

_MISSING = object()


class KwargsText(str):
    """Keyword arguments as they came, which can be read and changed like a dict as well.

    Flower's manual has `task.kwargs.pop('credit_card_number')` on what is a text. Here that works
    where the text can be parsed, and where it can't a ValueError says so: what was to be taken out
    may still be in it. To take out what is not there is no error, because most tasks lack it.
    `changed` is the text after all changes.
    """

    __slots__ = ("_fields", "_is_changed")

    _fields: dict[str, Any] | None
    _is_changed: bool

    def __new__(cls, text: str) -> Self:
        """Take the text; it is parsed when it is used as a mapping."""
        made = super().__new__(cls, text)
        made._fields, made._is_changed = None, False
        return made

    @property
    def changed(self) -> str:
        """The text with the changes that were made to it as a mapping."""
        is_known = bool(self._fields or self)
        return repr(self._fields) if self._is_changed and is_known else str(self)

    def pop(self, key: str, default: Any = None) -> Any:
        """Take an argument out and return it, or the default where there is none of this name."""
        return self._changing().pop(key, default)

    def get(self, key: str, default: Any = None) -> Any:
        """Return an argument, or the default."""
        return self._mapping().get(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return an argument, which is set to the default if there is none."""
        return self._changing().setdefault(key, default)

    def update(self, *others: Any, **more: Any) -> None:
        """Set arguments, as `dict.update`."""
        self._changing().update(*others, **more)

    def clear(self) -> None:
        """Take all arguments out."""
        self._changing().clear()

    def keys(self) -> Any:
        """Return the names of the arguments."""
        return self._mapping().keys()

    def values(self) -> Any:
        """Return the values of the arguments."""
        return self._mapping().values()

    def items(self) -> Any:
        """Return the arguments with their values."""
        return self._mapping().items()

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return self._mapping()[key]
        return super().__getitem__(key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._changing()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._changing()[key]

    def _changing(self) -> dict[str, Any]:
        self._is_changed = True
        return self._mapping()

    def _mapping(self) -> dict[str, Any]:
        if self._fields is None:
            found = parsed(str(self)) if self else {}
            if not isinstance(found, Mapping):
                raise ValueError(
                    "these keyword arguments are no dict that can be parsed: they were cut, or hold"
                    " objects"
                )
            self._fields = dict(found)
        return self._fields
