"""Surveyor asks broker, backend and workers at once, each with a timeout. On the loop.

Blocking calls run in the pool. Nothing is changed, and no queue is left behind.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Final
from uuid import uuid4

import celery
from celery import Celery
from celery.backends.rpc import RPCBackend

from flower_ng.brokers import BrokerAdapter, address, endpoint_of, mask
from flower_ng.brokers.poll import Poll
from flower_ng.doctor.prefixes import other_prefixes
from flower_ng.doctor.survey import (
    AppSurvey,
    BrokerSurvey,
    Conf,
    EventSurvey,
    OwnOptions,
    ServerReply,
    Survey,
    WorkerSurvey,
)
from flower_ng.errors import NoBackend
from flower_ng.monitor.fanout import lack_of_fanout
from flower_ng.monitor.ingest.events import EventsThread
from flower_ng.monitor.remote.bounded_calls import BoundedCalls, reason
from flower_ng.monitor.remote.broadcast import Broadcasts, CollectedReplies, UnreadableReply
from flower_ng.monitor.remote.connections import BrokerConnection
from flower_ng.monitor.remote.queue_names import known_queue_names
from flower_ng.monitor.remote.results import Results
from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from flower_ng.records import Worker

log = logging.getLogger(__name__)

#: The inspect commands with their arguments, sent in one broadcast.
QUESTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "ping": {},
    "stats": {},
    "active_queues": {},
    "registered": {"taskinfoitems": ["resultrepr_maxsize"]},
    "conf": {"with_defaults": True},
}
#: How long to wait for heartbeats: by default, Celery sends one every two seconds.
HEAR_S: Final = 5.0
#: Heartbeats that arrive earlier may be replies to the broadcast of a new listener.
WAKE_S: Final = 1.0
#: How long each request may take in addition to the reply time of workers.
LIMIT_S: Final = 4.0
MOST_CALLS: Final = 8
#: How often to check whether all workers were heard.
LISTEN_S: Final = 0.05
#: The name of Celery's default app, which is used when no app is given.
NO_APP: Final = "default"


class Surveyor:
    """Surveys one cluster. `events` has been started; `own` returns our own options and may block.

    `reply_s` is how long workers may take to reply.
    """

    def __init__(
        self,
        capp: Celery,
        pool: Executor,
        broker: BrokerAdapter,
        events: EventsThread,
        own: Callable[[], OwnOptions],
        *,
        reply_s: float,
        hear_s: float = HEAR_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._capp, self._events, self._own = capp, events, own
        self._reply_s, self._hear_s, self._clock = reply_s, hear_s, clock
        self._calls = BoundedCalls(
            pool, MOST_CALLS, reply_s + LIMIT_S, lambda: events.servers.slack_s
        )
        self._results = Results(capp, pool)
        every = events.servers.every()
        self._facts = endpoint_of(every[0])
        self._url = ";".join(map(address, every))
        self._poll = Poll(broker, self._facts.transport, self._names, lambda _: None)
        self._answers: dict[str, dict[str, Any]] = {}
        self._unreadable: Sequence[UnreadableReply] = ()

    async def survey(self) -> Survey:
        """Ask broker, backend and workers, and return their answers."""
        try:
            return await self._survey()
        finally:
            self._poll.stop()

    async def _survey(self) -> Survey:
        began = self._clock()
        reached, backend, answers, own = await asyncio.gather(
            self._reach(self._url, self._reach_broker),
            self._reach("The result backend", self._reach_backend),
            self._ask_workers(),
            self._calls.run(self._own),
        )
        self._answers = answers
        no_fanout = lack_of_fanout(self._capp)
        hear_s = 0.0 if reached.why or no_fanout else self._hear_s
        _, events = await asyncio.gather(
            self._poll.look(), self._hear(answers.keys(), began, hear_s)
        )
        current = self._events.servers.current
        facts = self._facts if current is None else endpoint_of(current)
        return Survey(
            BrokerSurvey(
                reached,
                facts.transport,
                facts.tls is not None or facts.transport in {"rediss", "amqps"},
                facts.host,
                self._poll.facts,
                no_fanout,
                tuple(self._poll.numbers.values()),
                () if reached.why or self._known() else await self._prefixes(),
            ),
            backend,
            self._app(),
            events,
            tuple(self._workers(events)),
            own,
            self._from_nobody(),
        )

    def _names(self) -> Collection[str]:
        answers = {name: WorkerAnswer.of(one) for name, one in self._answers.items()}
        return known_queue_names(self._capp, answers, ())

    async def _reach(self, url: str, ask: Callable[[], ServerReply]) -> ServerReply:
        """Contact a server; any exception becomes the reason why it was not reached."""
        try:
            return await self._calls.run(ask)
        except Exception as error:  # noqa: BLE001 - the border: libraries raise what they like
            return ServerReply(url, why=mask(reason(error)))

    def _reach_broker(self) -> ServerReply:
        line = BrokerConnection(self._capp, self._events.servers)
        try:
            line.prove()
            return ServerReply(address(line.connection), took_s(lambda: ping(line)), version(line))
        finally:
            line.close()

    def _reach_backend(self) -> ServerReply:
        """Read a missing result twice: the first read connects, the second one is timed."""
        try:
            backend = self._results.backend()
        except NoBackend:
            return ServerReply()
        url = mask(backend.as_uri() or "") or self._backend_name(backend)
        if isinstance(backend, RPCBackend):
            return ServerReply(url)
        try:
            self._results.read_blocking(str(uuid4()))
            return ServerReply(url, took_s(lambda: self._results.read_blocking(str(uuid4()))))
        except Exception as error:  # noqa: BLE001 - the border: as above, now with its address
            return ServerReply(url, why=mask(reason(error)))

    def _backend_name(self, backend: Any) -> str:
        """Return the name of a backend without a URL: its setting, for example `django-db`."""
        setting: Any = self._capp.conf.result_backend
        return mask(setting) if isinstance(setting, str) else type(backend).__name__

    async def _prefixes(self) -> tuple[str, ...]:
        """Look for Celery's keys under other prefixes; empty where the scan fails."""
        try:
            return await self._calls.run(self._other_prefixes)
        except Exception as error:  # noqa: BLE001 - the border: libraries raise what they like
            log.debug("The search for other key prefixes failed: %s", error)
            return ()

    def _other_prefixes(self) -> tuple[str, ...]:
        line = BrokerConnection(self._capp, self._events.servers)
        try:
            line.prove()
            if line.connection.transport.driver_type != "redis":
                return ()
            own = (line.connection.transport_options or {}).get("global_keyprefix", "")
            return other_prefixes(line.channel.client, own)
        finally:
            line.close()

    async def _ask_workers(self) -> dict[str, dict[str, Any]]:
        """Return each worker's answers by method; empty where no worker can be asked."""
        broadcasts = Broadcasts(self._capp, servers=self._events.servers)
        try:
            gathered: CollectedReplies = await self._calls.run(
                broadcasts.ask, QUESTIONS, None, self._reply_s + broadcasts.reply_slack_s
            )
        except Exception as error:  # noqa: BLE001 - the border: the broker's check says why
            log.debug("The workers could not be asked: %s", error)
            return {}
        finally:
            self._calls.send_off(broadcasts.close)
        found: dict[str, dict[str, Any]] = {}
        self._unreadable = gathered.unreadable
        for method, by_worker in gathered.replies.items():
            for name, reply in by_worker.items():
                found.setdefault(name, {})[method] = reply
        return found

    async def _hear(self, names: Collection[str], began: float, hear_s: float) -> EventSurvey:
        """Wait until a heartbeat of each worker that answered has arrived, at most `hear_s`."""
        while True:
            connection, now = self._events.connection, self._clock()
            since = max(connection.since, 0.0) if connection.connected else began
            is_done = connection.connected and all(map(self._is_heard, names))
            if (is_done and names) or now - since >= hear_s:
                waited_s = max(0.0, now - since)
                return EventSurvey(
                    connection.connected,
                    waited_s,
                    mask(connection.why or ""),
                    sum(self._events.stats.malformed.values()),
                    self._events.stats.disallowed,
                )
            await asyncio.sleep(LISTEN_S)

    def _is_heard(self, name: str) -> bool:
        """Whether a worker sent a heartbeat on its own, not as a reply to our broadcast."""
        worker, asked_until = self._events.workers.get(name), self._events.connection.since + WAKE_S
        return (
            worker is not None and worker.is_alive(self._clock()) and worker.beat_at > asked_until
        )

    def _app(self) -> AppSurvey:
        capp: Any = self._capp
        values = capp.conf.table(with_defaults=True, censored=False)
        length = getattr(capp.amqp, "argsrepr_maxsize", None)
        return AppSurvey(capp.main != NO_APP, Conf(values), celery.__version__, length)

    def _from_nobody(self) -> tuple[str, ...]:
        """Return the errors of undecodable answers that no known worker has sent."""
        known = self._known()
        return tuple(sorted({one.why for one in self._unreadable if one.sender(known) is None}))

    def _known(self) -> set[str]:
        """Return the workers that answered or sent heartbeats."""
        heard = (name for name, one in self._events.workers.items() if one.is_alive(self._clock()))
        return {*self._answers, *heard}

    def _workers(self, events: EventSurvey) -> Iterator[WorkerSurvey]:
        tallies, known = self._events.state.tallies.workers, self._known()
        unreadable = {one.sender(known): one.why for one in self._unreadable}
        for name in sorted(known):
            worker = self._events.workers.get(name) or Worker(name)
            is_heard = self._is_heard(name)
            yield WorkerSurvey(
                name,
                self._answers.get(name, {}),
                is_heard if events.is_connected else None,
                has_tasks=any(tallies.get(name, {}).values()),
                every_s=worker.freq if is_heard else None,
                celery=worker.sw_ver or "",
                skew_s=worker.heartbeats[-1] - worker.beat_at if worker.heartbeats else None,
                unreadable=unreadable.get(name, ""),
            )


def took_s(question: Callable[[], object]) -> float:
    """Return how long a call took, in seconds."""
    began = time.perf_counter()
    question()
    return time.perf_counter() - began


def ping(line: BrokerConnection) -> None:
    """Make one round trip to the broker, if its transport offers one."""
    channel = line.channel
    if line.connection.transport.driver_type == "redis":
        channel.client.ping()
    else:
        line.prove()


def version(line: BrokerConnection) -> str:
    """Return the broker's product and version; empty where it does not report them."""
    with contextlib.suppress(Exception):
        if line.connection.transport.driver_type == "redis":
            return f"Redis {line.channel.client.info('server')['redis_version']}"
        server: Mapping[str, Any] = line.connection.connection.server_properties
        return f"{server['product']} {server['version']}"
    return ""
