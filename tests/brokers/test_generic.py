"""Other transports: passive declares, and honesty where they do not help."""

import pytest
from kombu.transport.memory import Channel as MemoryChannel
from kombu.transport.virtual import Channel

from flower_ng.brokers.generic import unknowable
from flower_ng.errors import Unavailable
from tests.brokers.places import Place


async def test_a_queue_that_nobody_declared_is_unknown_not_zero(memory_place, adapter):
    broker = adapter(memory_place)

    (row,) = await broker.queues(["never-declared"])

    assert row["messages"] is None
    assert row["reason"] == "The broker knows no queue 'never-declared'."
    assert broker.trouble is None


async def test_the_reason_for_an_unknown_length_is_kept(memory_place, adapter, monkeypatch):
    monkeypatch.setattr(MemoryChannel, "_size", Channel._size)  # noqa: SLF001 - Kombu's hook
    broker = adapter(memory_place)

    (row,) = await broker.queues(["celery"])

    assert broker.trouble == row["reason"]
    assert row["reason"].startswith("Not knowable here: ")


async def test_a_transport_that_cannot_be_loaded_is_unavailable(adapter):
    broker = adapter(Place("zookeeper://127.0.0.1:1"))

    with pytest.raises(Unavailable, match="The broker does not answer"):
        await broker.queues(["celery"])


class Blind(Channel):
    """A channel of a transport that does not measure its queues."""


class Eager(Channel):
    """A channel of a transport whose declare makes the queue, even a passive one."""

    def _size(self, *_names):
        return 0

    def _new_queue(self, *_names, **_options):
        raise AssertionError("asking must not make a queue")


@pytest.mark.parametrize("kind", [Blind, Eager])
def test_a_transport_that_cannot_tell_is_not_believed(kind):
    assert unknowable(object.__new__(kind)).startswith("Not knowable here: ")
