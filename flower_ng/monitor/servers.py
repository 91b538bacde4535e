"""Servers are the brokers in an app's broker URLs, and the one that the events come from.

The workers use that one too: commands, tasks and inspections go there first. Any thread.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from celery import Celery
from kombu import Connection
from redis.backoff import NoBackoff
from redis.retry import Retry

#: Several URLs of this kind are not several servers: they are asked where the one is.
SENTINEL = "sentinel"
#: Round trips of a command that has to connect, ask what the worker can do, and be replied to: 35
#: were counted on Redis. The last of a reply alone are some ten.
TRIPS, REPLY_TRIPS = 40, 10
#: What is measured beyond that is no distance, but a broker that is busy.
FARTHEST_S = 1.0
#: How long one sentinel may take to connect, and to answer; there are others.
SENTINEL_S = 0.5


class Servers:
    """The servers of one app; with one URL, or only sentinels, there is nothing to choose."""

    def __init__(self, capp: Celery) -> None:
        self._capp = capp
        self._current: Connection | None = None
        self._url: str | None = None
        self._round_trip_s = 0.0

    @property
    def slack_s(self) -> float:
        """How much longer a call may take than on a short way to the broker, for its round trips.

        It follows the newest round trips; 0 before the first.
        """
        return TRIPS * self._round_trip_s

    @property
    def reply_slack_s(self) -> float:
        """How much longer a worker's reply may take, of that."""
        return REPLY_TRIPS * self._round_trip_s

    def took(self, round_trip_s: float) -> None:
        """Note how long the broker's answer to a command without work took."""
        newest_s = min(round_trip_s, FARTHEST_S)
        self._round_trip_s = max(newest_s, (self._round_trip_s + newest_s) / 2)

    @property
    def urls(self) -> Sequence[str]:
        """The URLs where several servers are named, in the order in which they are tried."""
        urls = [str(url) for url in self._capp.connection_for_read().alt or ()]
        is_one = len(urls) < 2 or all(url.startswith(SENTINEL) for url in urls)  # noqa: PLR2004
        return [] if is_one else urls

    def every(self) -> list[Connection]:
        """Return a connection to each server alone, none of them open."""
        return [alone(self._at(url)) for url in self.urls] or [self._capp.connection_for_read()]

    @property
    def current(self) -> Connection | None:
        """A connection, not open, to the server that the events come from; None while none is."""
        return self._current

    @property
    def source(self) -> str:
        """Say where the events come from, for the log; empty where there is nothing to choose."""
        current = self._current
        return f", from {current.host}" if current is not None and self.urls else ""

    def joined(self, connection: Connection) -> None:
        """Note where the events come from now: an open connection of the app for reading."""
        urls = self.urls
        same = [url for url in urls if place(self._at(url)) == place(connection)]
        self._url = same[0] if same else None
        self._current = alone(connection) if urls else connection.clone()

    def left(self) -> None:
        """Note that no events come."""
        self._current = self._url = None

    def lead(self, connection: Connection) -> None:
        """Have a connection for writing try the server of the events first, then the others."""
        url, urls = self._url, list(connection.alt or ())
        if url is None or url not in urls or url == urls[0]:
            return
        turns: Any = connection.cycle
        for _ in urls:  # the next turn is then that of the one behind it
            if next(turns) == url:
                break
        connection.switch(url)

    def _at(self, url: str) -> Connection:
        """Return a connection that was switched to a URL, as Kombu does when another fails.

        Kombu takes a port or virtual host that the URL leaves out from the first one.
        """
        connection = self._capp.connection_for_read()
        if url != connection.alt[0]:
            connection.switch(url)
        return connection


def sentinel_patience(connection: Connection, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the option that bounds the wait for one sentinel, so that the next is asked soon.

    redis-py sets no limit of its own, and tries one that is down again and again.
    """
    if connection.transport_cls != SENTINEL:
        return {}
    ours = {
        "socket_connect_timeout": SENTINEL_S,
        "socket_timeout": SENTINEL_S,
        "retry": Retry(NoBackoff(), 0),
    }
    return {"sentinel_kwargs": {**ours, **(options.get("sentinel_kwargs") or {})}}


def alone(connection: Connection) -> Connection:
    """Return a connection, not open, to the server that one is at, and to no other."""
    return connection.clone(alternates=[])


def place(connection: Connection) -> tuple[object, ...]:
    """Return what tells servers apart."""
    return (
        connection.transport_cls,
        connection.hostname,
        connection.port,
        connection.virtual_host,
        connection.userid,
    )
