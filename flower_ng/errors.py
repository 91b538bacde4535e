"""All errors raised on purpose; each class has the HTTP status that a request answers with.

FlowerError
├── SettingsError        a wrong option value; ends the start
│   └── HistoryAway      the history's server does not answer, which may pass
└── AnswerError          becomes an HTTP answer
    ├── BadRequest       400
    │   └── SearchError  400, with the position in the query
    ├── LoginRequired    401
    ├── Forbidden        403
    │   └── Refused      403, a worker said no
    ├── NotFound         404
    ├── Conflict         409, not as it was reviewed
    ├── LoginError      500, somebody's login handler failed
    ├── BadGateway       502, the login provider failed
    │   └── Unreadable   502, a worker answered in a form that we may not read
    ├── TooManyRequests  429, with the time to wait
    ├── Unavailable      503
    │   └── NoBackend    503, the app has no result backend
    └── NoAnswer         504, a worker said nothing in time
        └── NoSuchWorker 504, to a script: nobody of this name answers
"""

from typing import ClassVar


class FlowerError(Exception):
    """Anything that we raise on purpose: what happened, the value, and what to do."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class SettingsError(FlowerError):
    """An option, an environment variable or the configuration file holds a wrong value."""


class HistoryAway(SettingsError):  # noqa: N818 - a state, which may pass
    """The server of the history does not answer, or is just starting or stopping."""


class AnswerError(FlowerError):
    """An error that a request answers with; `status` is the HTTP status."""

    status: ClassVar[int] = 500
    #: Whether what was asked for may have been done all the same.
    is_uncertain: ClassVar[bool] = False
    #: Flower's API labels the answer text/html, so clients may look for that.
    is_labelled_html: ClassVar[bool] = False


class BadRequest(AnswerError):  # noqa: N818 - named as the HTTP status it answers with
    """The request itself is wrong."""

    status = 400


class SearchError(BadRequest):
    """The search text is wrong; `position` is 0-based, None where no place can be named.

    `hint` says what could be written instead; it may be empty.
    """

    def __init__(self, message: str, position: int | None = None, hint: str = "") -> None:
        place = "" if position is None else f" at position {position}"
        super().__init__(f"{message}{place}.")
        self.position = position
        self.hint = hint


class LoginRequired(AnswerError):  # noqa: N818 - named as the HTTP status it answers with
    """Credentials are missing or wrong, or the API is closed."""

    status = 401


class Forbidden(AnswerError):  # noqa: N818 - named as the HTTP status it answers with
    """Understood, and not allowed."""

    status = 403


class Refused(Forbidden):
    """A worker answered a command with a refusal; the message carries its words."""


class NotFound(AnswerError):  # noqa: N818 - named as the HTTP status it answers with
    """No such thing is known."""

    status = 404


class Conflict(AnswerError):  # noqa: N818 - named as the HTTP status it answers with
    """What somebody reviewed is not so any more; the message says what has changed."""

    status = 409


class TooManyRequests(AnswerError):  # noqa: N818 - named as the HTTP status it answers with
    """Too many wrong passwords came; the answer says for how long not to try."""

    status = 429

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LoginError(AnswerError):
    """A login handler that is not ours failed in a way that nobody foresaw."""


class BadGateway(AnswerError):  # noqa: N818 - named as the HTTP status it answers with
    """Someone whom we had to ask, as the login provider, gave no usable answer."""

    status = 502


class Unreadable(BadGateway):
    """A worker answered, and its answer can't be read: whether it did as told is not known."""

    is_uncertain = True


class NoAnswer(AnswerError):  # noqa: N818 - what happened, as Refused
    """A worker gave no answer in time; the message says whether the command may still run."""

    status = 504
    is_uncertain = True


class NotSent(NoAnswer):
    """A worker gave no answer before the command, which was not sent then."""

    is_uncertain = False


class NoSuchWorker(NoAnswer):
    """No worker of this name answers: there is none, or it is silent. For scripts."""


class Unavailable(AnswerError):  # noqa: N818 - named as the HTTP status it answers with
    """The broker, the result backend or the store cannot be reached now."""

    status = 503


class NoBackend(Unavailable):
    """The app has no result backend."""

    is_labelled_html = True
