"""The result backend of an app: its class, and the backend itself. In threads that may wait.

Some backends connect to their server when they are built, without a limit of time.
"""

import contextlib
from typing import Any, Final

from celery import Celery
from celery.app import backends
from celery.backends.base import DisabledBackend

from flower_ng.errors import NoBackend, Unavailable

#: The longest wait for a connection, and for one answer of a Redis that keeps results.
PATIENCE_S: Final = 1.5
#: The longest wait for a connection to a database; libpq rounds it up to 2 s at least.
CONNECT_S: Final = 2
#: The drivers of SQLAlchemy that take that limit, and under this name.
_DRIVERS: Final = frozenset(
    {
        *("postgresql", "postgresql+psycopg", "postgresql+psycopg2"),
        *("mysql", "mysql+mysqldb", "mysql+pymysql"),
    }
)


def backend_class(capp: Celery) -> type:
    """Return the class of the app's backend, which connects to nothing.

    NoBackend where there is none, Unavailable where it cannot be loaded.
    """
    return _loaded(capp)[0]


def has_backend(capp: Celery) -> bool:
    """Whether the app has a backend that can be loaded, which connects to nothing."""
    with contextlib.suppress(Unavailable):
        backend_class(capp)
        return True
    return False


def backend_of(capp: Celery) -> Any:
    """Return Celery's backend, which may connect to be built; errors as of `backend_class`."""
    _, url = _loaded(capp)
    limit_connecting(capp, url or "")
    try:
        backend = capp.backend
    except Exception as error:  # backends raise what their libraries raise
        raise Unavailable(f"The result backend cannot be used: {error}") from error
    hasten(backend)
    return backend


def _loaded(capp: Celery) -> tuple[type, str | None]:
    try:
        by_url: Any = backends.by_url  # the types say that it returns the class alone
        kind, url = by_url(capp.backend_cls or capp.conf.result_backend, capp.loader)
    except Exception as error:
        raise Unavailable(f"The result backend cannot be used: {error}") from error
    if issubclass(kind, DisabledBackend):
        raise NoBackend("No result backend is configured")
    return kind, url


def limit_connecting(capp: Celery, url: str) -> None:
    """Let a database that accepts and is silent fail soon; many drivers wait for ever."""
    if url.partition("://")[0] not in _DRIVERS:
        return
    options = dict(capp.conf.database_engine_options or {})
    wanted = {"connect_timeout": CONNECT_S, **options.get("connect_args", {})}
    capp.conf.database_engine_options = {**options, "connect_args": wanted}


def hasten(backend: Any) -> None:
    """Let a Redis backend fail as fast as a request may; Celery's default is two minutes."""
    parameters = getattr(backend, "connparams", {})
    for name in ("socket_timeout", "socket_connect_timeout"):
        if name in parameters:
            parameters[name] = min(parameters[name] or PATIENCE_S, PATIENCE_S)
