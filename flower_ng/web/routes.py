"""Routes is every URL of the site; adding a page or an endpoint is one line in a tuple here."""

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from tornado.httputil import HTTPHeaders, parse_cookie
from tornado.routing import URLSpec
from tornado.web import Application, RequestHandler

from flower_ng.settings.amounts import seconds
from flower_ng.web.api import (
    audit,
    batches,
    connection,
    control,
    deploys,
    details,
    doctor,
    export,
    failures,
    fields,
    history,
    holds,
    listing,
    overview,
    problems,
    publish,
    queue,
    queue_ledger,
    queue_scale,
    queues,
    rerun,
    revoke_stamped,
    rolling,
    schedule,
    send,
    series,
    sessions,
    tasks,
    why,
    workers,
    workflows,
)
from flower_ng.web.api.datatable import TasksDataTable
from flower_ng.web.auth.client import OAuthClient
from flower_ng.web.auth.identification import named_user
from flower_ng.web.auth.oidc import OidcProvider
from flower_ng.web.auth.sessions import SESSION_COOKIE, Sessions
from flower_ng.web.http.audit import RefusalLimit
from flower_ng.web.http.base import Endpoint, Handler, Page, Services
from flower_ng.web.http.frame import PLACES, NavLink
from flower_ng.web.http.page_cache import Rendered
from flower_ng.web.http.server import most_descriptors
from flower_ng.web.lookups.chosen import FrozenChoices
from flower_ng.web.lookups.past_actions import action_words
from flower_ng.web.pages.actions import Actions
from flower_ng.web.pages.audit import AuditTrail
from flower_ng.web.pages.batch import BatchPage
from flower_ng.web.pages.broker import BrokerPage
from flower_ng.web.pages.compare import ComparePage
from flower_ng.web.pages.deploys import DeploysPage
from flower_ng.web.pages.doctor import DoctorPage
from flower_ng.web.pages.failure import FailurePage
from flower_ng.web.pages.failures import FailuresPage
from flower_ng.web.pages.history import History
from flower_ng.web.pages.logout import Logout
from flower_ng.web.pages.overview.page import Overview
from flower_ng.web.pages.problems import Problems
from flower_ng.web.pages.queue import QueueDetailPage
from flower_ng.web.pages.queues.page import Queues
from flower_ng.web.pages.rolling import RollingPage
from flower_ng.web.pages.schedule import SchedulePage
from flower_ng.web.pages.styleguide import Styleguide
from flower_ng.web.pages.task.page import TaskDetailPage
from flower_ng.web.pages.tasks.complete import Complete, Counts
from flower_ng.web.pages.tasks.counts_cache import Summaries
from flower_ng.web.pages.tasks.facets import Summary
from flower_ng.web.pages.tasks.page import Tasks
from flower_ng.web.pages.type import Type
from flower_ng.web.pages.types import Types
from flower_ng.web.pages.waiting import WaitingPage
from flower_ng.web.pages.worker.page import WorkerPage
from flower_ng.web.pages.workers.page import Workers
from flower_ng.web.pages.workflow import WorkflowDetailPage
from flower_ng.web.pages.workflows import WorkflowsPage
from flower_ng.web.plumbing.forms import action_path, twin
from flower_ng.web.plumbing.jump import Jump
from flower_ng.web.plumbing.metrics import Scrape
from flower_ng.web.plumbing.not_found import Missing, Outside
from flower_ng.web.plumbing.probes import HealthCheck, Live, Ready
from flower_ng.web.plumbing.static import file_specs
from flower_ng.web.plumbing.stream import Stream, Ticker
from flower_ng.web.ui.review import RecentReviews

if TYPE_CHECKING:
    from flower_ng.web.http.guard import Door

PAGES: tuple[type[Page], ...] = (
    Overview,
    Workers,
    RollingPage,
    WorkerPage,
    Tasks,
    TaskDetailPage,
    WorkflowsPage,
    WorkflowDetailPage,
    ComparePage,
    Types,
    Type,
    Queues,
    QueueDetailPage,
    Problems,
    FailuresPage,
    FailurePage,
    DeploysPage,
    SchedulePage,
    WaitingPage,
    DoctorPage,
    History,
    Actions,
    BatchPage,
    AuditTrail,
    BrokerPage,
    Logout,
)

ENDPOINTS: tuple[type[Endpoint], ...] = (
    workers.ListWorkers,
    control.WorkerShutDown,
    control.WorkerPoolRestart,
    control.WorkerPoolGrow,
    control.WorkerPoolShrink,
    control.WorkerPoolAutoscale,
    control.WorkerQueueAddConsumer,
    control.WorkerQueueCancelConsumer,
    tasks.ListTasks,
    listing.TasksPage,
    listing.TasksFacets,
    listing.TasksHistogram,
    export.TasksExport,
    fields.SearchFields,
    tasks.ListTaskTypes,
    queues.GetQueueLengths,
    queues.QueuesClean,
    queue_scale.QueueScale,
    queue_ledger.QueueLedger,
    overview.ShowOverview,
    connection.ShowConnection,
    series.ShowSeries,
    tasks.TaskInfo,
    details.TaskDetails,
    why.TaskWhy,
    publish.TaskApply,
    publish.TaskAsyncApply,
    publish.TaskSend,
    tasks.TaskResult,
    control.TaskAbort,
    control.TaskTimeout,
    control.TaskRateLimit,
    control.TaskRevoke,
    revoke_stamped.TasksRevokeStamped,
    rerun.TaskRerun,
    send.TaskSendReviewed,
    queue.QueueMessages,
    queue.QueuePurge,
    queue.QueueDeleteMessage,
    queue.QueueMove,
    holds.ShowHolds,
    holds.QueuePause,
    holds.QueueResume,
    holds.WorkerDrain,
    holds.WorkerUndrain,
    rolling.WorkersDrain,
    rolling.WorkersStopDrain,
    rolling.WorkersUndrain,
    history.ShowHistory,
    history.TaskForget,
    history.TasksForget,
    problems.ShowProblems,
    problems.ProblemMute,
    problems.ProblemUnmute,
    problems.ProblemsTest,
    workflows.ListWorkflows,
    workflows.ShowWorkflow,
    failures.ShowFailures,
    failures.FailureResolve,
    failures.FailureReopen,
    failures.FailureNote,
    failures.FailureMute,
    failures.FailureUnmute,
    failures.ShowFailure,
    deploys.Deploys,
    deploys.ShowChanges,
    deploys.DeployRemove,
    schedule.ShowForecast,
    schedule.ShowWaiting,
    schedule.ShowSchedule,
    schedule.ScheduleRun,
    schedule.ScheduleEnable,
    schedule.ScheduleDisable,
    doctor.ShowDoctor,
    audit.ShowAudit,
    sessions.SessionsEnd,
    batches.ManyRerun,
    batches.ManyRevoke,
    batches.ManyTerminate,
    batches.ManyForget,
    batches.BatchPause,
    batches.BatchResume,
    batches.BatchStop,
    batches.BatchRate,
    batches.ListBatches,
    batches.ShowBatch,
)

PLUMBING: tuple[type[Handler], ...] = (
    HealthCheck,
    Live,
    Ready,
    Scrape,
    TasksDataTable,
    export.ShownTasksExport,
    Jump,
    Complete,
)


#: Pages that follow what happens, where there are descriptors for them.
MOST_STREAMS: Final = 500


class Site(Application):
    """The whole web side of one dashboard.

    `options` and `capp` are for login handlers that were written for Flower.
    """

    def __init__(
        self, services: Services, ticker: Ticker, specs: Sequence[URLSpec], **settings: Any
    ) -> None:
        super().__init__(list(specs), services=services, **settings)
        self.options = services.options
        self.capp = services.cluster.capp
        self.ticker = ticker

    def is_trusted(self, headers: HTTPHeaders, peer: str, is_from_proxy: bool) -> bool:  # noqa: FBT001 - the server calls it
        """Whether a request may send much: it is logged in, or everybody may use the API."""
        door: Door = self.settings["services"].door
        if token := door.tokens.shown(headers.get("Authorization")):
            return door.tokens.knows(token)
        if not door.has_lock:
            return door.is_api_open()
        return self._is_logged_in(headers, peer, is_from_proxy=is_from_proxy)

    def _is_logged_in(self, headers: HTTPHeaders, peer: str, *, is_from_proxy: bool) -> bool:
        door: Door = self.settings["services"].door
        if is_from_proxy and named_user(headers, door.header):
            return True
        if not (door.basic or door.pattern):
            return False
        if door.basic and not door.basic.knows(headers.get("Authorization"), peer):
            return False
        if door.pattern is None:
            return True
        sessions: Sessions = self.settings["sessions"]
        session = sessions.of(parse_cookie(headers.get("Cookie", "")).get(SESSION_COOKIE))
        return session is not None and door.pattern.accepts(session.who)

    def close(self) -> None:
        """End what stays open by itself: the streams, and what is being counted."""
        self.ticker.close()
        self.settings["summaries"].close()
        self.settings["values"].close()


def application(
    services: Services,
    *,
    login: type[RequestHandler] | None = None,
    oauth: OAuthClient | None = None,
    extra: Mapping[str, Any] | None = None,
    handlers: Sequence[type[Handler]] = (*PAGES, *ENDPOINTS, *PLUMBING),
) -> Site:
    """The site: every route under the prefix, the guard in front of each.

    `login` is the handler of `/login`, None without a login provider. `extra` are Tornado settings
    that it reads; ours go first.
    """
    ticker, turn = Ticker(max_streams=min(MOST_STREAMS, most_descriptors() // 2)), asyncio.Lock()
    services.cluster.events.add_listener(ticker.tick)
    services.cluster.batches.add_listener(ticker.tick)
    return Site(
        services,
        ticker,
        [
            *(spec for handler in handlers for spec in _specs(services, handler)),
            *([] if login is None else [_spec(services, "/login/?", login)]),
            *(_specs(services, Styleguide) if services.options.debug else []),
            _spec(services, Stream.path, Stream, ticker=ticker),
            *file_specs(services),
            *_rest(services),
        ],
        nav=_nav(handlers, services.options.home),
        reviews=RecentReviews(),
        frozen=FrozenChoices(),
        acted=ticker.tick,
        action_words=action_words(handlers),
        refusals=RefusalLimit(),
        rendered=Rendered(lambda: ticker.ticks),
        summaries=Summaries[Summary](ticker.tick, turn=turn),
        values=Summaries[Counts](lambda: None, turn=turn),
        **{**(extra or {}), **_settings(services, oauth or OAuthClient())},
    )


def _specs(services: Services, handler: type[Handler]) -> list[URLSpec]:
    """The routes of one handler: its path, its other paths, and its form."""
    specs = [_spec(services, path, handler) for path in (handler.path, *handler.aliases)]
    if issubclass(handler, Endpoint) and handler.has_form:
        specs.append(_spec(services, action_path(handler), twin(handler)))
    return specs


def _rest(services: Services) -> list[URLSpec]:
    catch_all = URLSpec(f"{re.escape(services.prefix)}.*", Missing)
    return [catch_all, URLSpec(".*", Outside)] if services.prefix else [catch_all]


def _spec(
    services: Services, path: str, handler: type[RequestHandler], **arguments: Any
) -> URLSpec:
    return URLSpec(f"{re.escape(services.prefix)}{path}", handler, arguments)


def _nav(handlers: Sequence[type[Handler]], home: str) -> tuple[NavLink, ...]:
    """What the navigation leads to: each page's name with the first path that has no group."""
    links: dict[str, NavLink] = {}
    for page in handlers:
        if issubclass(page, Page) and page.nav is not None and "(" not in page.path:
            leads_on = page is Workers and home == "overview"
            path = "/workers" if leads_on else page.path
            links.setdefault(page.nav, NavLink(page.nav, path, page.count, page.need))
    known = [links.pop(place) for place in PLACES if place in links]
    return (*known, *links.values())


def _settings(services: Services, oauth: OAuthClient) -> dict[str, Any]:
    """Tornado's settings; `oauth` has the form that login handlers made for Flower read."""
    debug = services.options.debug
    secret = services.options.cookie_secret or secrets.token_urlsafe(64)
    max_age_s = seconds(services.options.session_max_age) or 0.0
    settings = {
        "autoescape": "xhtml_escape",
        "compiled_template_cache": not debug,
        "cookie_secret": secret,
        "oidc": OidcProvider(services.options.oidc_url) if services.options.oidc_url else None,
        "login_url": services.url("/login"),
        "oauth": {"key": oauth.key, "secret": oauth.secret, "redirect_uri": oauth.redirect_uri},
        "sessions": Sessions(secret, services.cluster.store.session_ends, max_age_s),
        "template_path": str(services.assets.templates),
    }
    return settings if debug else settings | {"log_function": _log_nothing}


def _log_nothing(_handler: RequestHandler) -> None:
    """Requests are logged with `debug` only; errors are logged where they are answered."""
