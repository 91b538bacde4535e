"""The background look at the broker. The broker is a stand-in: it must fail and hang on demand."""

import asyncio

from flower_ng.brokers import Look, QueueNumbers, RedisFacts
from flower_ng.brokers.condition import RabbitFacts, RabbitNode
from flower_ng.brokers.poll import GOOD_S, Poll
from flower_ng.errors import Unavailable


class Broker:
    """Answers as told; a real one does not hang when a test wants it to."""

    trouble = None

    def __init__(self, *queues, facts=None) -> None:
        self.answer, self.asked = Look(tuple(queues), facts), []
        self.open = asyncio.Event()
        self.open.set()

    async def look(self, names):
        self.asked.append(names)
        await self.open.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def polling(broker, noted=None, **arguments):
    noted = [] if noted is None else noted
    return Poll(broker, "redis", lambda: {"b", "a"}, noted.append, **arguments)


async def test_what_the_broker_tells_is_kept_and_noted():
    noted, mail = [], QueueNumbers("mail", 3)
    broker = Broker(mail, facts=RedisFacts("7.0"))
    poll = polling(broker, noted, clock=lambda: 5.0)

    await poll.look()

    assert broker.asked == [["a", "b"]]
    assert poll.numbers == {"mail": mail}
    assert noted == [{"mail": mail}]
    assert (poll.facts.redis, poll.facts.trouble, poll.told_at) == (RedisFacts("7.0"), "", 5.0)


async def test_a_broker_that_does_not_answer_is_away_since_the_first_time():
    now, broker = [1.0], Broker(QueueNumbers("mail", 3))
    poll = polling(broker, clock=lambda: now[0])
    await poll.look()

    broker.answer = Unavailable("away")
    for now[0] in (10.0, 20.0):
        await poll.look()

    assert (poll.facts.at, poll.facts.away_since, poll.facts.trouble) == (20.0, 10.0, "away")
    assert poll.numbers["mail"].length == 3


async def test_what_another_server_told_is_forgotten_and_the_next_news_are_looked_for():
    broker = Broker(QueueNumbers("mail", 3), facts=RedisFacts("7.0"))
    poll = polling(broker)
    await poll.look()

    poll.forget()
    assert (poll.numbers, poll.facts, poll.told_at) == ({}, None, None)

    broker.answer = Look((QueueNumbers("mail", 8),))
    await poll.news(patience_s=5)
    assert poll.numbers["mail"].length == 8


async def test_numbers_too_old_are_no_numbers():
    now, broker = [1.0], Broker(QueueNumbers("mail", 3))
    poll = polling(broker, clock=lambda: now[0])
    await poll.look()

    now[0] += GOOD_S

    assert poll.numbers == {}


async def test_alarms_are_those_that_rabbitmq_told_of_lately():
    now = [5.0]
    well = RabbitNode("a", is_running=True, has_memory_alarm=False, has_disk_alarm=False)
    short = RabbitNode("b", is_running=True, has_memory_alarm=True)
    broker = Broker(facts=RabbitFacts("4.1", (well,)))
    poll = polling(broker, clock=lambda: now[0])
    assert poll.alarms is None
    await poll.look()
    assert poll.alarms == (5.0, "")

    broker.answer = Look((), RabbitFacts("4.1", (well, short)))
    await poll.look()
    assert poll.alarms == (5.0, "b is short of memory")
    now[0] += GOOD_S + 1
    assert poll.alarms is None

    for untold in (RabbitFacts("4.1"), RedisFacts("7.0", role="slave"), None):
        broker.answer = Look((), untold)
        await poll.look()
        assert poll.alarms is None


async def test_an_answer_that_cannot_be_read_ends_nothing():
    broker = Broker()
    broker.answer = KeyError("name")
    poll = polling(broker)

    await poll.look()

    assert "KeyError" in poll.facts.trouble


async def test_who_asks_waits_a_moment_and_the_look_goes_on():
    broker = Broker(QueueNumbers("mail", 3))
    broker.open.clear()
    poll = polling(broker)

    await poll.news(0.01)
    await poll.news(0.01)
    assert poll.numbers == {}
    broker.open.set()
    await poll.look()

    assert poll.numbers["mail"].length == 3
    assert len(broker.asked) == 1


async def test_the_broker_is_looked_at_again_and_again_until_the_end():
    broker, noted = Broker(), []
    poll = polling(broker, noted, interval_s=0.01)

    poll.start()
    while len(noted) < 3:  # noqa: ASYNC110 - a list tells nobody
        await asyncio.sleep(0.01)
    poll.stop()
    count = len(broker.asked)
    await asyncio.sleep(0.05)

    assert len(broker.asked) == count
