"""Services is what handlers are given: the cluster, the options, the door, the clock."""

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, unquote

from flower_ng.settings import Settings
from flower_ng.web.http.guard import API_SWITCH, Door

if TYPE_CHECKING:
    from flower_ng.brokers import Broker, QueueNumbers
    from flower_ng.brokers.poll import Poll
    from flower_ng.doctor import Doctor
    from flower_ng.health import Watch
    from flower_ng.health.checkup import Checkup
    from flower_ng.health.notify.delivery import Telling
    from flower_ng.metrics import PrometheusMetrics, Registry
    from flower_ng.monitor.ingest.events import Events
    from flower_ng.monitor.remote.control import Control
    from flower_ng.monitor.remote.inspector import Inspector
    from flower_ng.monitor.remote.publish import Publisher
    from flower_ng.monitor.remote.verifying import Verifier
    from flower_ng.monitor.state.presence import Presence
    from flower_ng.monitor.state.sent_tasks import Oldest
    from flower_ng.monitor.state.state import EventsState
    from flower_ng.monitor.state.worker_starts import Starts
    from flower_ng.store import Store, TaskRow


class Cluster(Protocol):
    """One broker and all that belongs to it; handlers reach all else only through it."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def app_name(self) -> str:
        """The Celery app's main name."""

    @property
    def capp(self) -> Any:
        """The Celery app itself, for login handlers made for Flower; ours never touch it."""

    @property
    def transport(self) -> str:
        """Kombu's name of the broker's transport, as `redis` or `amqp`."""

    @property
    def broker_url(self) -> str:
        """The broker's address with its password masked."""

    @property
    def timezone(self) -> tzinfo:
        """The app's timezone, UTC if it has none."""

    @property
    def state(self) -> "EventsState":
        """What is live, in memory."""

    @property
    def presence(self) -> "Presence":
        """Which workers are online, left, silent or gone."""

    @property
    def store(self) -> "Store":
        """Every list, search and count over tasks."""

    @property
    def events(self) -> "Events":
        """The thread that receives; its connection, its numbers, its listeners."""

    @property
    def inspector(self) -> "Inspector":
        """The workers' own answers."""

    @property
    def starts(self) -> "Starts":
        """When workers were seen to start."""

    @property
    def control(self) -> "Control":
        """Commands to workers."""

    @property
    def publisher(self) -> "Publisher":
        """Tasks sent from here, and results."""

    @property
    def verifier(self) -> "Verifier":
        """Who asks the result backend where events can't tell."""

    @property
    def broker(self) -> "Broker":
        """The broker itself; asked for what must be as of now."""

    @property
    def poll(self) -> "Poll":
        """What the broker told when it was last looked at."""

    @property
    def problems(self) -> "Watch":
        """What is wrong, and what was."""

    @property
    def health(self) -> "Checkup":
        """What looks for problems, and has doubts about tasks."""

    @property
    def doctor(self) -> "Doctor":
        """Who looks at everything once, when asked."""

    @property
    def tellings(self) -> "Sequence[Telling]":
        """Everyone who is told of problems."""

    @property
    def metrics(self) -> "PrometheusMetrics":
        """The six families that Flower has, and ours."""

    @property
    def registry(self) -> "Registry":
        """Every collector that `/metrics` shows."""

    def registered_tasks(self) -> Sequence[str]:
        """The names of the tasks that the app knows, sorted."""

    def queue_names(self) -> Sequence[str]:
        """The queues that the cached workers consume from, sorted; else those of the app."""

    def oldest(self, queue: "QueueNumbers") -> "Oldest | None":
        """For how long the oldest message of a queue waits, None where that is unknown."""

    def known_queue_names(self) -> Collection[str]:
        """Every queue that tasks may be in, as far as settings, workers and sends tell."""

    def format_task(self, row: "TaskRow") -> "TaskRow":
        """The row as `format_task` wants it shown."""

    def warnings(self) -> Sequence[str]:
        """What an operator should know on every page; empty when all is well."""


def is_known(cluster: Cluster, worker: str) -> bool:
    """Whether a worker has sent an event or has answered an inspection; nobody else is asked."""
    return worker in cluster.inspector.workers or worker in cluster.state.workers


@dataclass(frozen=True, slots=True)
class Assets:
    """Where templates and static files lie; `digest` changes whenever a static file does."""

    templates: Path
    static: Path
    digest: str


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a handler may reach.

    `prefix` is empty or starts with a slash and ends without one. `new_id` makes the short ids that
    tie an error page to its line in the log.
    """

    cluster: Cluster
    options: "Settings"
    door: Door
    assets: Assets
    prefix: str
    version: str
    clock: Callable[[], float]
    new_id: Callable[[], str]
    demo: bool = False

    def url(self, path: str) -> str:
        """The path as browsers must ask for it."""
        return f"{self.prefix}{path}"

    def static(self, path: str) -> str:
        """The path of a static file, good for ever: its digest is part of it."""
        return self.url(f"/static/{self.assets.digest}/{path}")


def mounted(cluster: Cluster) -> Services:
    """Services for a handler of ours in another application, which decides who may come in.

    Only what another site makes a browser send is refused here.
    """
    return Services(
        cluster,
        Settings(),
        Door(environ={API_SWITCH: "true"}),
        Assets(Path(), Path(), ""),
        prefix="",
        version="",
        clock=time.time,
        new_id=lambda: secrets.token_hex(4),
    )


def normal_prefix(url_prefix: str | None) -> str:
    """The option's value as Services wants it: `flower/`, `/flower` and `flower` are one.

    Quoted as browsers send it, whether or not the option is.
    """
    inner = quote(unquote(url_prefix or "").strip().strip("/"), safe="/@:!$&'()*+,;=~")
    return f"/{inner}" if inner else ""


def furnish(
    cluster: Cluster,
    options: "Settings",
    assets: Assets,
    *,
    environ: Mapping[str, str],
    version: str,
    clock: Callable[[], float],
    new_id: Callable[[], str],
    demo: bool = False,
) -> Services:
    """Services as the options want them; SettingsError for a login option that cannot be meant."""
    door = Door(
        basic_auth=tuple(options.basic_auth),
        auth=options.auth,
        read_only=options.read_only,
        cors_origins=tuple(options.cors_origins),
        environ=environ,
    )
    prefix = normal_prefix(options.url_prefix)
    return Services(cluster, options, door, assets, prefix, version, clock, new_id, demo)
