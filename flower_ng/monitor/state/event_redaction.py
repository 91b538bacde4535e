"""Hides the secrets of an event before it is applied. On the loop, for every event."""

import json
from typing import Final

from flower_ng.event_record import Event
from flower_ng.redaction import Redactor

#: What most tasks are called with, and what most return.
_NO_ARGUMENTS: Final = frozenset({"(){}", "[]{}"})
_NOTHING: Final = frozenset({"None", "True", "False", ""})


class EventRedaction:
    """Hides what the redactor finds in arguments, results, errors, and fields of the app's own."""

    def __init__(self, redactor: Redactor) -> None:
        self.redactor = redactor
        self._is_on = redactor.is_on
        self._is_suspicious = redactor.is_suspicious

    def __call__(self, event: Event) -> None:
        """Change an event in place; one without suspicious texts costs less than a microsecond."""
        if not self._is_on:
            return
        args, kwargs, result = event.args, event.kwargs, event.result
        if args is not None or kwargs is not None:
            asked = f"{args}{kwargs}"
            if asked not in _NO_ARGUMENTS and self._is_suspicious(asked):
                event.args, event.kwargs = self._text(args), self._text(kwargs)
        if result is not None and result not in _NOTHING and self._is_suspicious(result):
            event.result = self._text(result)
        if event.exception is not None or event.traceback is not None or event.own:
            self._hide_more(event)

    def _hide_more(self, event: Event) -> None:
        event.exception = self._text(event.exception)
        if event.traceback is not None:
            event.traceback = self.redactor.text(event.traceback, is_traceback=True)
        if event.own:
            fields = self.redactor.value(json.loads(event.own))
            event.own = json.dumps(fields, ensure_ascii=False)

    def _text(self, text: str | None) -> str | None:
        return None if text is None else self.redactor.text(text)
