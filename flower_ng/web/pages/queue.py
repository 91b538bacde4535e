"""One queue: how long it is, who consumes from it, its first messages, purging and moving."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from flower_ng.brokers import QueueGlimpse, QueueNumbers, WaitingMessage
from flower_ng.errors import AnswerError, NotFound
from flower_ng.monitor.holds.records import PausedQueue
from flower_ng.monitor.state.sent_tasks import Oldest
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.consumers import Consumer, consumers, lengths, queue_names
from flower_ng.web.lookups.glimpse import glimpse, require_queue
from flower_ng.web.lookups.past_actions import PastAction, past_actions_on
from flower_ng.web.lookups.purge_review import OWN
from flower_ng.web.ui.links import Links, word

#: So many messages are looked at.
FIRST: Final = 50
#: So many other queues are offered to move messages to; any other can be typed.
MOST_OFFERED: Final = 200


@dataclass(frozen=True, slots=True)
class QueueDetailView:
    """One queue; `trouble` is why its length lacks or is `age_s` old.

    `types` are those of the messages that were looked at, with how many they are. `refusal` says
    why it can't be purged. `pause` is what keeps it from its consumers.
    """

    title: str
    name: str
    numbers: QueueNumbers
    oldest: Oldest | None
    workers: tuple[Consumer, ...]
    trouble: str
    age_s: float | None
    messages: tuple[WaitingMessage, ...]
    why_not: str
    types: tuple[tuple[str, int], ...]
    links: Links
    tasks_url: str
    purge_url: str
    move_url: str
    others: tuple[str, ...]
    refusal: str
    past_actions: tuple[PastAction, ...]
    pause: PausedQueue | None


class QueueDetailPage(Page):
    """`/queues/{name}`."""

    path = r"/queues/(.+)"
    need = Need.READ
    nav = "Queues"
    template = "pages/queue.html"

    async def view(self, name: str) -> QueueDetailView:
        """Ask the broker; NotFound for a queue that nobody names."""
        cluster, links = self.cluster, Links(self.services.prefix)
        require_queue(cluster, name)
        told = await lengths(cluster, self.services.clock())
        numbers = told.numbers.get(name)
        seen = await self._glimpse(name)
        return QueueDetailView(
            title=name,
            name=name,
            numbers=numbers or QueueNumbers(name),
            oldest=None if numbers is None else cluster.oldest(numbers),
            workers=tuple(consumers(cluster, links).get(name, ())),
            trouble=told.trouble,
            age_s=told.age_s,
            messages=seen.messages,
            why_not=seen.why_not,
            types=counted(seen.messages),
            links=links,
            tasks_url=links.tasks(search=f"queue:={word(name)}"),
            purge_url=links.action("queue/purge", name),
            move_url=links.action("queue/move", name),
            others=tuple(self._others(name)),
            refusal=OWN if cluster.is_system_queue(name) else "",
            past_actions=tuple(await past_actions_on(self, name)),
            pause=cluster.holds.pauses.get(name),
        )

    def _others(self, name: str) -> Iterator[str]:
        """Yield the queues that messages may be moved to, as many as are offered."""
        every = (one for one in queue_names(self.cluster) if not self.cluster.is_system_queue(one))
        yield from islice((one for one in every if one != name), MOST_OFFERED)

    async def _glimpse(self, name: str) -> QueueGlimpse:
        try:
            return await glimpse(self.cluster, name, FIRST)
        except NotFound:
            raise
        except AnswerError as error:
            return QueueGlimpse(why_not=error.message)


def counted(messages: Sequence[WaitingMessage]) -> tuple[tuple[str, int], ...]:
    """Return the types of messages, the most frequent first."""
    return tuple(Counter(one.task for one in messages if one.task).most_common())
