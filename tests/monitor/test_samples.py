import asyncio

from flower_ng.errors import Unavailable
from flower_ng.monitor.samples import QueueSamples


class Broker:
    """Stands in for a broker: answers as told."""

    def __init__(self, *rows, error=None) -> None:
        self.rows, self.error, self.asked = rows, error, []

    async def queues(self, names):
        self.asked.append(list(names))
        if self.error:
            raise self.error
        return list(self.rows)


def sampling(broker, noted, **arguments):
    return QueueSamples(
        lambda: ["a", "b"], broker.queues, lambda *one: noted.append(one), **arguments
    )


async def test_lengths_are_noted_and_unknown_ones_stay_unknown():
    noted = []
    broker = Broker({"name": "a", "messages": 0}, {"name": "b", "messages": None, "reason": "x"})

    await sampling(broker, noted).sample()

    assert broker.asked == [["a", "b"]]
    assert noted == [("a", 0, None), ("b", None, None)]


async def test_a_broker_that_does_not_answer_leaves_nothing():
    noted = []

    await sampling(Broker(error=Unavailable("away")), noted).sample()

    assert noted == []


async def test_the_broker_is_asked_again_and_again_until_the_end():
    noted = []
    samples = sampling(Broker({"name": "a", "messages": 1}), noted, interval_s=0.02)

    samples.start()
    await asyncio.sleep(0.2)
    samples.stop()
    count = len(noted)
    await asyncio.sleep(0.1)

    assert count >= 3
    assert len(noted) == count
