"""The Inbox: bounded in messages and bytes, in order, one waiter woken when there is room."""

import threading
import time

from flower_ng.monitor.ingest.inbox import EventMessage, Inbox


def message(text: str) -> EventMessage:
    return EventMessage(text.encode())


def test_messages_come_out_in_the_order_they_went_in():
    inbox = Inbox()
    for text in ("a", "b"):
        assert inbox.put(message(text))

    assert [inbox.take(), inbox.take(), inbox.take()] == [message("a"), message("b"), None]


def test_a_full_inbox_refuses_by_count():
    inbox = Inbox(max_messages=2)

    assert [inbox.put(message(text)) for text in "abc"] == [True, True, False]
    assert inbox.messages == 2


def test_a_full_inbox_refuses_by_bytes_and_has_room_again_after_a_take():
    inbox = Inbox(max_bytes=10)
    assert inbox.put(message("123456"))
    assert not inbox.put(message("12345"))

    inbox.take()

    assert inbox.bytes == 0
    assert inbox.put(message("12345"))


def test_a_message_larger_than_the_bound_finds_room_only_alone():
    inbox = Inbox(max_bytes=3)

    assert inbox.put(message("12345"))
    assert not inbox.put(message("1"))


def test_put_waits_for_room_no_longer_than_told():
    inbox = Inbox(max_messages=1)
    inbox.put(message("a"))
    began = time.monotonic()

    assert not inbox.put(message("b"), wait_s=0.1)
    assert 0.1 <= time.monotonic() - began < 2


def test_a_waiting_put_goes_on_as_soon_as_there_is_room():
    inbox = Inbox(max_messages=1)
    inbox.put(message("a"))
    threading.Timer(0.1, inbox.take).start()
    began = time.monotonic()

    assert inbox.put(message("b"), wait_s=5)
    assert time.monotonic() - began < 2
