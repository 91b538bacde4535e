"""Lookups of host names that have an end: a name server that is silent holds nobody up. Any thread.

The C library waits for a name server for ten seconds and more, whatever the timeout of the
connection that is to be made, and its call can't be ended.
"""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from ipaddress import ip_address
from typing import Any, Final

#: The longest wait for a host's addresses: as long as for the connection itself.
LOOKUP_S: Final = 1.5
#: For how long addresses that came too late are kept for whoever asks next.
KEPT_S: Final = 60.0

Answer = list[tuple[Any, ...]]


class HostLookups:
    """Has the shape of socket.getaddrinfo, and raises its socket.gaierror after LOOKUP_S.

    A lookup that takes longer goes on: who asks the same meanwhile waits for it too, and what it
    brings is kept for KEPT_S, so that hosts are reached however slow the name server is.
    """

    def __init__(
        self, look_up: Callable[..., Answer], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look_up, self._clock = look_up, clock
        self._lock = threading.Lock()
        self._running: dict[tuple[Any, ...], Future[Answer]] = {}
        self._late: dict[tuple[Any, ...], tuple[float, Answer]] = {}

    def __call__(
        self,
        host: Any,
        port: Any,
        family: int = 0,
        type: int = 0,  # noqa: A002
        proto: int = 0,
        flags: int = 0,
    ) -> Answer:
        """Return the addresses of a host."""
        question = (host, port, family, type, proto, flags)
        if not is_looked_up(host, flags):
            return self._look_up(*question)
        answer = self._kept(question)
        if answer is not None:
            return answer
        try:
            return self._asked(question).result(LOOKUP_S)
        except TimeoutError:
            raise socket.gaierror(
                socket.EAI_AGAIN,
                f"name resolution of {host!r} has taken more than {LOOKUP_S:g} s:"
                " the name server is slow or silent",
            ) from None

    def _kept(self, question: tuple[Any, ...]) -> Answer | None:
        with self._lock:
            until, answer = self._late.get(question, (0.0, None))
            if answer is not None and until < self._clock():
                del self._late[question]
                return None
            return answer

    def _asked(self, question: tuple[Any, ...]) -> Future[Answer]:
        """Return the lookup that runs for this, begun now if there is none."""
        with self._lock:
            lookup = self._running.get(question)
            if lookup is None:
                lookup = self._running[question] = Future()
                threading.Thread(
                    target=self._run, args=(question, lookup), name="flower-lookup", daemon=True
                ).start()
            return lookup

    def _run(self, question: tuple[Any, ...], lookup: Future[Answer]) -> None:
        began = self._clock()
        try:
            answer = self._look_up(*question)
        except Exception as error:  # noqa: BLE001 - it is for whoever asked
            self._leave(question)
            lookup.set_exception(error)
            return
        if self._clock() - began > LOOKUP_S:
            with self._lock:
                self._late[question] = self._clock() + KEPT_S, answer
        self._leave(question)
        lookup.set_result(answer)

    def _leave(self, question: tuple[Any, ...]) -> None:
        with self._lock:
            del self._running[question]


def is_looked_up(host: Any, flags: int) -> bool:
    """Whether a host may be asked for at a name server: it is neither absent nor an address."""
    if not host or flags & socket.AI_NUMERICHOST:
        return False
    try:
        ip_address(host.decode() if isinstance(host, bytes) else host.partition("%")[0])
    except ValueError:
        return True
    return False


def limit_lookups() -> None:
    """Have all lookups of this process end in time: those of libraries have no limit."""
    if not isinstance(socket.getaddrinfo, HostLookups):
        socket.getaddrinfo = HostLookups(socket.getaddrinfo)
