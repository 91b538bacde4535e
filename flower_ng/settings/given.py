"""A value that was set for an option, and where it was set. At start."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from flower_ng.errors import SettingsError
from flower_ng.settings.option import Option, shortened

_CREDENTIALS = re.compile(r"://[^\s'\"]*@")


@dataclass(frozen=True, slots=True)
class Given:
    """An option's value and where it was set, as messages name it: `--port`, `FLOWER_PORT`."""

    option: Option
    place: str
    value: Any

    @classmethod
    def read(
        cls, option: Option, place: str, reader: Callable[[Option, Any], Any], raw: Any
    ) -> Self:
        """Read and check a raw value; SettingsError names the place."""
        try:
            given = cls(option, place, reader(option, raw))
        except ValueError as error:
            raise SettingsError(f"Invalid '{place}' option: {masked(str(error))}") from None
        given.check()
        return given

    def check(self) -> None:
        """Raise SettingsError if the option can't have this value."""
        fault = self.option.check(self.value) if self.option.check else None
        if fault:
            message = f"Invalid '{self.place}' option: {self.shown} {fault}"
            raise SettingsError(message if self.option.secret else masked(message))

    @property
    def shown(self) -> str:
        """The value as people write it, unless it may hold a password."""
        if self.option.secret:
            return "the value"
        if self.option.multiple:
            return shortened(",".join(map(str, self.value)))
        if isinstance(self.value, float):
            return f"{self.value:.15g}"
        return shortened(self.value) if isinstance(self.value, str) else str(self.value)


def masked(message: str) -> str:
    """Return a message with the credentials of URLs hidden, whatever option they were set for."""
    return _CREDENTIALS.sub("://**@", message)
