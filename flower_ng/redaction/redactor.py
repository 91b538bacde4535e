"""Redactor hides secrets in texts and in values made of dicts and lists. Pure; any thread."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from flower_ng.redaction.names import Secrecy, SecretNames
from flower_ng.redaction.text import HIDDEN, HIDDEN_IN_URL, TextRedactor, is_suspicious

OFF, DEFAULT, STRICT = MODES = ("off", "default", "strict")
#: What is nested deeper is hidden as a whole.
DEEPEST: Final = 60
#: Shorter texts hold no secret with its name.
SHORTEST: Final = 6
PAIR: Final = 2
#: What workers tell by the names of tasks: settings, and how many of each they ran.
BY_TASK: Final = frozenset(
    {"task_routes", "task_annotations", "beat_schedule", "routes", "annotations"}
    | {"celerybeat_schedule"}
)
TOTALS: Final = "total"


class Redactor:
    """Hides values whose names say that they are secret, passwords in URLs, and bearer tokens.

    `mode` is `off`, `default`, or `strict`, which knows more names, hides users in URLs, and
    whatever looks random. `patterns` are more names, as in `*_iban`. What is hidden reads
    `[redacted]`, in URLs `***`. What is given is never changed in place.
    """

    def __init__(self, mode: str = DEFAULT, patterns: Collection[str] = ()) -> None:
        mode = mode.lower()
        self.mode, self._patterns = mode, tuple(patterns)
        self._names = SecretNames(is_strict=mode == STRICT, patterns=patterns)
        self._texts = TextRedactor(self._names, is_strict=mode == STRICT)
        self._more_stems = self._names.more_stems

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.mode, self._patterns)

    @property
    def is_on(self) -> bool:
        """Whether anything is hidden at all."""
        return self.mode != OFF

    def is_suspicious(self, text: str) -> bool:
        """Whether a text must be looked through; cheap, because most texts need not be."""
        if self.mode == DEFAULT:
            lower = text.lower()
            if is_suspicious(lower):
                return True
            return bool(self._more_stems) and any(stem in lower for stem in self._more_stems)
        return self.mode == STRICT

    def text(self, text: str, *, is_traceback: bool = False) -> str:
        """Return a text without its secrets."""
        if len(text) < SHORTEST or not self.is_suspicious(text):
            return text
        return self._texts.redacted(text, is_traceback=is_traceback)

    def value(self, value: Any) -> Any:
        """Return a value without its secrets, made of copies where there were some."""
        return self._value(value, 0) if self.is_on else value

    def _value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if depth > DEEPEST:
            return HIDDEN
        if isinstance(value, Mapping):
            return self._mapping(value, depth + 1)
        if isinstance(value, list | tuple):
            made = [self._item(one, depth + 1) for one in value]
            return made if isinstance(value, list) else tuple(made)
        return value

    def _item(self, item: Any, depth: int) -> Any:
        """Return an item of a list, which may be the name of a secret with its value."""
        if isinstance(item, list | tuple) and len(item) == PAIR and isinstance(item[0], str):
            made = [item[0], self._of_key(item[0], item[1], depth)]
            return made if isinstance(item, list) else tuple(made)
        return self._value(item, depth)

    def _mapping(self, mapping: Mapping[Any, Any], depth: int) -> Any:
        name = mapping.get("name", mapping.get("key"))
        is_named = isinstance(name, str) and self._names.secrecy(name) and "value" in mapping
        return {
            key: self._of_key(name if is_named and key == "value" else key, value, depth)
            for key, value in mapping.items()
        }

    def _of_key(self, key: Any, value: Any, depth: int) -> Any:
        if isinstance(value, Mapping) and is_by_task(key, value):
            return {name: self._value(one, depth + 1) for name, one in value.items()}
        secrecy = self._names.secrecy(key) if isinstance(key, str) else Secrecy.NONE
        if secrecy and is_secret(value, secrecy):
            return HIDDEN
        return self._value(value, depth)


def is_by_task(key: Any, value: Mapping[Any, Any]) -> bool:
    """Whether the keys of a mapping name tasks, as `reset_password`, and no secrets."""
    if key == TOTALS:
        return all(isinstance(count, int) for count in value.values())
    return isinstance(key, str) and key.lower().removeprefix("celery_") in BY_TASK


def is_secret(value: Any, secrecy: Secrecy) -> bool:
    """Whether the value of a secret's name is one: not where it says that there is none."""
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return secrecy == Secrecy.ALWAYS
    if isinstance(value, str):
        return bool(value.strip("*")) and value != HIDDEN
    return not isinstance(value, Mapping | list | tuple) or bool(value)


def has_hidden(text: str | None) -> bool:
    """Whether something seems to be hidden in a text."""
    return text is not None and (HIDDEN in text or f":{HIDDEN_IN_URL}@" in text)


NO_REDACTION: Final = Redactor(OFF)
