"""Delivery says whether a command or task has left. Used by the pool's threads and the loop."""

import threading
import time
from datetime import UTC, datetime

from flower_ng.errors import AnswerError, NoAnswer, Unavailable
from flower_ng.monitor.remote.connections import UnconfirmedError

#: A command that was not delivered by then is dropped, where the broker sees to it.
EXPIRES_S = 10.0


class Delivery:
    """Whether something has left: one thread sends it, another may lose its patience first.

    A context manager around the sending; Unavailable for what was withdrawn before.
    """

    def __init__(self, lives_s: float = EXPIRES_S) -> None:
        self.lives_s = lives_s
        self._lock = threading.Lock()
        self._is_withdrawn = False
        #: When it expires, in UTC seconds; None as long as it was not sent.
        self.expires_at: float | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._is_withdrawn:
                raise Unavailable("It was cancelled before it was sent")
            self.expires_at = time.time() + self.lives_s

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not issubclass(kind, UnconfirmedError):  # the broker has refused it
            self.expires_at = None

    def withdraw(self) -> bool:
        """Keep it from being sent; False when it was sent, or is being sent."""
        with self._lock:
            self._is_withdrawn = True
            return self.expires_at is None

    @property
    def maybe_later(self) -> str:
        """Say until when it may still be carried out, as far as that is known."""
        until = datetime.fromtimestamp(self.expires_at or 0.0, UTC)
        return (
            f"it may still be carried out until {until:%H:%M:%S} UTC, and later by a worker that"
            " has already taken the message in: Celery doesn't look at its age"
        )

    def failed(self, error: Unavailable, unknown: str = "") -> AnswerError:
        """Return what to answer when the broker failed, and keep it from being sent from now on.

        Unavailable if nothing was sent, else NoAnswer, with `unknown` or the words for a command.
        """
        if self.withdraw():
            return Unavailable(f"{error.message.rstrip('.')}. Nothing was sent")
        words = f"The broker failed while the command was sent; {self.maybe_later}"
        return NoAnswer(unknown or words)
