"""A real site on a real socket, over a fake cluster.

The cluster is a fake because these tests are about what stands in front of it: the guard, the
forms of answers, the frame of pages.
"""

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from prometheus_client import Gauge
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.testing import bind_unused_port
from tornado.web import create_signed_value

from flower_ng import assets
from flower_ng.doctor import Doctor
from flower_ng.doctor.survey import Survey
from flower_ng.hook import Hook
from flower_ng.metrics import Registry, Scrapes
from flower_ng.monitor.ingest.ingest_stats import ConnectionState
from flower_ng.monitor.remote.verifying import Verifier
from flower_ng.monitor.state.presence import Presence
from flower_ng.monitor.state.state import ClusterState
from flower_ng.monitor.state.worker_starts import Starts
from flower_ng.redaction import Redactor
from flower_ng.settings import Settings
from flower_ng.store.noted import SessionEnds
from flower_ng.store.notes import Notes
from flower_ng.web.auth.client import OAuthClient
from flower_ng.web.http.server import DashboardServer
from flower_ng.web.http.services import Assets, Services, furnish
from flower_ng.web.routes import Site, application
from tests.doctor.making import survey
from tests.health.making import watch

SECRET = "a secret of at least thirty-two characters"
OPEN_API = {"FLOWER_UNAUTHENTICATED_API": "true"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class FakeEvents:
    """Events that never come, until a test says `happen()`."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[], None]] = []
        self.connection = ConnectionState(connected=True, since=0.0, began=0.0)
        self.stats = SimpleNamespace(dropped={})
        self.inbox = SimpleNamespace(messages=0)

    def add_listener(self, callback: Callable[[], None]) -> None:
        self.listeners.append(callback)

    def happen(self) -> None:
        for listener in self.listeners:
            listener()


class NoBackend:
    """What an app without a result backend has."""

    async def refusal(self) -> str:
        return "No result backend is configured"

    async def outcomes(self, _task_ids: Sequence[str]) -> dict[str, Any]:
        return {}


class FakeCluster:
    """As much of a cluster as the frame of a page and the plumbing ask."""

    name = "shop"
    app_name = "shop"
    capp = SimpleNamespace(main="shop")

    broker_url = "memory://"
    timezone = UTC

    def __init__(self) -> None:
        self.events = FakeEvents()
        status = SimpleNamespace(
            failing=None, lag_s=0.0, waiting=0, kind="temporary", wanted="temporary"
        )
        self.recorded: list[Any] = []
        self.store: Any = SimpleNamespace(
            status=lambda: status,
            lag_s=0.0,
            record=self.recorded.append,
            session_ends=SessionEnds(Notes()),
        )
        self.store.session_ends.open()
        self.batches: Any = SimpleNamespace(
            add_listener=lambda _listener: None, outlast_us=True, running=0
        )
        self.redactor = Redactor()
        self.format_task = self.format_for_api = Hook(None)
        self.state = ClusterState()
        self.presence = Presence(self.state, lambda: self.events.connection, None, time.time)
        self.starts = Starts(lambda _: None)
        self.problems = watch()
        self.doctor = Doctor(self.examine)
        self.examined = survey()
        self.tellings: Any = ()
        self.holds: Any = SimpleNamespace(
            pauses={},
            is_paused=lambda _name: False,
            drains={},
            present_drains=(),
            left={},
            roll=None,
            revoked={},
            revoke=self.told,
        )
        self.health: Any = SimpleNamespace(doubt=lambda _uuid, _worker: "")
        self.verifier = Verifier(self.state, NoBackend(), lambda _worker: False)
        self.registry = Registry()
        gauge = Gauge("flower_test_gauge", "a gauge", registry=None)
        gauge.set(7)
        self.registry.register(gauge)
        self.scrapes = Scrapes(self.registry)

    async def told(self, *_revoke: Any) -> dict[str, Any]:
        """Nobody is there to acknowledge a revoke."""
        return {}

    def registered_tasks(self) -> Sequence[str]:
        return ()

    async def examine(self) -> Survey:
        return self.examined

    def warnings(self) -> Sequence[str]:
        return ()


@dataclass
class Answer:
    """What the site said."""

    status: int
    headers: Any
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def type(self) -> str | None:
        return self.headers.get("Content-Type")

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cookies(self) -> dict[str, str]:
        """Each cookie that was set, by name, with all its attributes."""
        lines = self.headers.get_list("Set-Cookie")
        return {line.partition("=")[0]: line.partition("=")[2] for line in lines}


class Client:
    """Asks one site; keeps no cookies."""

    def __init__(self, port: int, site: Site) -> None:
        self.host = f"127.0.0.1:{port}"
        self.port = port
        self.site = site
        self.http = AsyncHTTPClient(force_instance=True, max_clients=200)

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> Answer:
        needs_body = method in ("POST", "PUT", "PATCH") and body is None
        request = HTTPRequest(
            f"http://{self.host}{path}",
            method,
            dict(headers or {}),
            b"" if needs_body else body,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            decompress_response=False,
            request_timeout=20,
        )
        answer = await self.http.fetch(request, raise_error=False)
        return Answer(answer.code, answer.headers, answer.body or b"")

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, headers)

    async def post(
        self,
        path: str,
        form: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        **headers: str,
    ) -> Answer:
        return await self.ask("POST", path, {**FORM, **headers}, urlencode(form or {}))


def basic(pair: str, encoding: str = "utf-8") -> str:
    """The Authorization header for `user:password`."""
    return f"Basic {base64.b64encode(pair.encode(encoding)).decode()}"


def session(address: str, *, ago: float = 0) -> str:
    """The Cookie header of someone who is logged in, since some seconds ago."""
    value = create_signed_value(SECRET, "user", address, clock=lambda: time.time() - ago)
    return f"user={value.decode()}"


#: Every static file is read for it; a test that changes one has a folder of its own.
digest = cache(assets.digest)


def make_services(
    cluster: Any,
    *,
    static: Path | None = None,
    environ: Mapping[str, str] | None = None,
    demo: bool = False,
    clock: Callable[[], float] = lambda: 1000.0,
    **options: Any,
) -> Services:
    """Services as a start with these options makes them."""
    folder = static or assets.static()
    return furnish(
        cluster,
        Settings(**{"cookie_secret": SECRET, **options}),
        Assets(assets.templates(), folder, digest(folder)),
        environ={} if environ is None else environ,
        version="1.2.3",
        clock=clock,
        new_id=lambda: "5eed",
        demo=demo,
    )


class Server:
    """Starts sites, and stops them all."""

    def __init__(self) -> None:
        self._running: list[tuple[DashboardServer, Client]] = []

    def start(
        self,
        handlers: Sequence[Any] | None = None,
        *,
        cluster: Any = None,
        login: Any = None,
        oauth: OAuthClient | None = None,
        extra: Mapping[str, Any] | None = None,
        xheaders: bool = False,
        proxies: Sequence[str] = (),
        **options: Any,
    ) -> Client:
        """Serve a site; options are those of a start, and `static`, `environ`, `demo`, `clock`.

        What the headers of `proxies` say is believed.
        """
        services = make_services(cluster or FakeCluster(), **options)
        chosen = {} if handlers is None else {"handlers": handlers}
        site = application(services, login=login, oauth=oauth, extra=extra, **chosen)
        server = DashboardServer(
            site, is_trusted=site.is_trusted, xheaders=xheaders, proxies=proxies
        )
        socket, port = bind_unused_port()
        server.add_socket(socket)
        client = Client(port, site)
        self._running.append((server, client))
        return client

    async def stop(self) -> None:
        """Stop them all."""
        for server, client in self._running:
            client.site.close()
            client.http.close()
            server.stop()
            await server.close_all_connections()
