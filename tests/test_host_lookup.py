"""Lookups of host names end in time; the name server is a stand-in that waits until it is told."""

import socket
import threading

import pytest

from flower_ng import host_lookup
from flower_ng.host_lookup import HostLookups

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 6379))]


class SlowServer:
    """Answers every question once it may, and counts them."""

    def __init__(self) -> None:
        self.now, self.asked = 100.0, 0
        self.may_answer = threading.Event()

    def look_up(self, *_: object) -> list[tuple[object, ...]]:
        self.asked += 1
        assert self.may_answer.wait(10)
        return FOUND


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> SlowServer:
    monkeypatch.setattr(host_lookup, "LOOKUP_S", 0.05)
    return SlowServer()


@pytest.fixture
def lookups(server: SlowServer) -> HostLookups:
    return HostLookups(server.look_up, lambda: server.now)


def test_a_name_server_that_is_silent_is_waited_for_until_the_limit(lookups, server):
    with pytest.raises(socket.gaierror, match="name resolution of 'broker' has taken more than"):
        lookups("broker", 6379)
    server.may_answer.set()


def test_who_asks_the_same_meanwhile_waits_for_the_same_lookup(lookups, server):
    for _ in range(3):
        with pytest.raises(socket.gaierror):
            lookups("broker", 6379)
    assert server.asked == 1
    server.may_answer.set()


def test_an_answer_that_came_too_late_is_kept_for_who_asks_next_and_not_for_ever(lookups, server):
    with pytest.raises(socket.gaierror):
        lookups("broker", 6379)
    server.now += 10
    server.may_answer.set()
    for thread in threading.enumerate():
        if thread.name == "flower-lookup":
            thread.join(10)

    assert (lookups("broker", 6379), server.asked) == (FOUND, 1)
    server.now += 61
    assert (lookups("broker", 6379), server.asked) == (FOUND, 2)


def test_an_answer_in_time_is_not_kept(lookups, server):
    server.may_answer.set()
    assert [lookups("broker", 6379), lookups("broker", 6379)] == [FOUND, FOUND]
    assert server.asked == 2


def test_what_a_lookup_raises_reaches_who_asked():
    def refuse(*_: object) -> list[tuple[object, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(socket.gaierror, match="not known"):
        HostLookups(refuse)("nowhere.invalid", 1)


@pytest.mark.parametrize("host", [None, "", "127.0.0.1", b"127.0.0.1", "::1", "fe80::1%lo"])
def test_what_is_no_name_is_asked_at_once_in_the_same_thread(host):
    asked_in = []
    HostLookups(lambda *_: asked_in.append(threading.current_thread()) or FOUND)(host, 1)
    assert asked_in == [threading.current_thread()]
