"""The demo's broker: nobody reads half of what another writes."""

from concurrent.futures import ThreadPoolExecutor
from queue import Empty

import pytest
from kombu import Connection

from flower_ng.demo.folders import Transport

WRITERS, MESSAGES = 3, 100


@pytest.fixture
def connect(tmp_path):
    opened = []

    def connected():
        options = {
            "data_folder_in": str(tmp_path / "messages"),
            "data_folder_out": str(tmp_path / "messages"),
            "control_folder": str(tmp_path / "exchanges"),
        }
        connection = Connection(transport=Transport, transport_options=options)
        opened.append(connection)
        return connection.default_channel

    (tmp_path / "messages").mkdir()
    yield connected
    for connection in opened:
        connection.release()


def test_every_message_is_read_whole_while_others_write(connect):
    def write(writer):
        channel = connect()
        for number in range(MESSAGES):
            channel._put("orders", {"writer": writer, "number": number})  # noqa: SLF001 - Kombu's hook

    def read():
        channel, found = connect(), []
        while len(found) < WRITERS * MESSAGES:
            try:
                found.append(channel._get("orders"))  # noqa: SLF001 - Kombu's hook
            except Empty:
                continue
        return found

    with ThreadPoolExecutor(WRITERS + 1) as threads:
        reading = threads.submit(read)
        list(threads.map(write, range(WRITERS)))

    assert {(one["writer"], one["number"]) for one in reading.result()} == {
        (writer, number) for writer in range(WRITERS) for number in range(MESSAGES)
    }


def test_an_exchange_knows_all_that_are_bound_to_it_at_once(connect):
    def bind(number):
        channel = connect()
        channel._queue_bind("celeryev", "", "", f"queue-{number}")  # noqa: SLF001 - Kombu's hook
        return channel.get_table("celeryev")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(bind, range(40)))

    assert {bound.queue for bound in connect().get_table("celeryev")} == {
        f"queue-{number}" for number in range(40)
    }
