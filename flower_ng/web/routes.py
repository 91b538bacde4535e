"""Routes is every URL of the site; adding a page or an endpoint is one line in a tuple here."""

import re
import secrets
from typing import Any

from tornado.web import Application, RequestHandler, URLSpec

from flower_ng.web.actions import twin
from flower_ng.web.api import control, publish, queues, workers
from flower_ng.web.auth.oauth import OAuthClient
from flower_ng.web.base import Endpoint, Handler, Page, Services
from flower_ng.web.files import file_specs
from flower_ng.web.health import HealthCheck
from flower_ng.web.missing import Missing, Outside
from flower_ng.web.pages.login import Logout
from flower_ng.web.stream import Stream, Ticker

PAGES: tuple[type[Page], ...] = (Logout,)

ENDPOINTS: tuple[type[Endpoint], ...] = (
    workers.ListWorkers,
    control.WorkerShutDown,
    control.WorkerPoolRestart,
    control.WorkerPoolGrow,
    control.WorkerPoolShrink,
    control.WorkerPoolAutoscale,
    control.WorkerQueueAddConsumer,
    control.WorkerQueueCancelConsumer,
    queues.GetQueueLengths,
    publish.TaskApply,
    publish.TaskAsyncApply,
    publish.TaskSend,
    control.TaskTimeout,
    control.TaskRateLimit,
    control.TaskRevoke,
)

PLUMBING: tuple[type[Handler], ...] = (HealthCheck,)


class Site(Application):
    """The whole web side of one dashboard.

    `options` and `capp` are for login handlers that were written for Flower.
    """

    def __init__(self, services: Services, login: list[URLSpec], **settings: Any) -> None:
        self.ticker = Ticker()
        self.options = services.options
        self.capp = services.cluster.capp
        self.url_prefix = services.prefix
        specs = [*_specs(services, self.ticker), *login, *_rest(services)]
        super().__init__(specs, services=services, nav=_nav(), **settings)
        services.cluster.events.add_listener(self.ticker.tick)

    def close(self) -> None:
        """End what stays open by itself: the streams."""
        self.ticker.close()


def application(
    services: Services,
    *,
    login: type[RequestHandler] | None = None,
    oauth: OAuthClient | None = None,
) -> Site:
    """The site: every route under the prefix, the guard in front of each.

    `login` is the handler of `/login`, None without a login provider.
    """
    oauth = oauth or OAuthClient()
    return Site(
        services,
        _login_specs(services, login),
        autoescape="xhtml_escape",
        compiled_template_cache=not services.options.debug,
        cookie_secret=services.options.cookie_secret or secrets.token_urlsafe(64),
        login_url=services.url("/login"),
        oauth={"key": oauth.key, "secret": oauth.secret, "redirect_uri": oauth.redirect_uri},
        template_path=str(services.assets.templates),
        log_function=_log_request if services.options.debug else _log_nothing,
    )


def _nav() -> tuple[tuple[str, str], ...]:
    first: dict[str, str] = {}
    for page in PAGES:
        if page.nav is not None and "(" not in page.path:
            first.setdefault(page.nav, page.path)
    return tuple(first.items())


def _specs(services: Services, ticker: Ticker) -> list[URLSpec]:
    handlers: list[type[Handler]] = [*ENDPOINTS, *PLUMBING]
    forms = [twin(endpoint) for endpoint in ENDPOINTS if endpoint.action]
    return [
        *(_spec(services, path, page) for page in PAGES for path in (page.path, *page.aliases)),
        *(_spec(services, handler.path, handler) for handler in (*handlers, *forms)),
        _spec(services, Stream.path, Stream, ticker=ticker),
        *file_specs(services),
    ]


def _login_specs(services: Services, login: type[RequestHandler] | None) -> list[URLSpec]:
    return [] if login is None else [_spec(services, "/login/?", login)]


def _rest(services: Services) -> list[URLSpec]:
    catch_all = URLSpec(f"{re.escape(services.prefix)}.*", Missing)
    return [catch_all, URLSpec(".*", Outside)] if services.prefix else [catch_all]


def _spec(
    services: Services, path: str, handler: type[RequestHandler], **arguments: Any
) -> URLSpec:
    return URLSpec(f"{re.escape(services.prefix)}{path}", handler, arguments)


def _log_request(handler: RequestHandler) -> None:
    Application.log_request(handler.application, handler)


def _log_nothing(_handler: RequestHandler) -> None:
    pass
