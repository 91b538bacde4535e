"""Frame is what stands around every page: title, navigation, toasts, banners, controls."""

import json
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler

from flower_ng.brokers.explained import Explained, connection_explained
from flower_ng.cluster import Cluster
from flower_ng.web.auth.identity import STRANGER, How, Identity
from flower_ng.web.auth.roles import Need
from flower_ng.web.auth.sessions import GROUPS_COOKIE, SESSION_COOKIE, LoginSession, Sessions
from flower_ng.web.http.credentials import from_proxy
from flower_ng.web.http.guard import XSRF_COOKIE, Controls, is_xsrf_token
from flower_ng.web.http.services import Services, mounted
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.icons import SPRITE, icon
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.zone import Zone

if TYPE_CHECKING:
    from flower_ng.monitor.holds.records import DrainedWorker, PausedQueue
    from flower_ng.monitor.ingest.ingest_stats import ConnectionState

TOAST_COOKIE = "flower_toast"
_TOAST_LENGTH = 1000  # a cookie holds 4 KiB; signing and escapes take their share


class View(Protocol):
    """What a page shows: a frozen record with at least its title, without the product's name."""

    @property
    def title(self) -> str:
        """The first part of the browser's title."""


#: The places that the navigation has, in their order: what is there, its icon, and the key that
#: leads there after `g`. One appears as soon as a page names it.
PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "Overview": ("gauge", "o"),
    "Problems": ("triangle-alert", "p"),
    "Tasks": ("rows-3", "t"),
    "Workers": ("server", "w"),
    "Queues": ("layers", "q"),
    "Failures": ("circle-x", "f"),
    "Workflows": ("workflow", "l"),
    "Schedule": ("calendar-clock", "s"),
    "Types": ("shapes", "y"),
    "Actions": ("play", "a"),
    "Deploys": ("rocket", "e"),
    "History": ("database", "h"),
    "Doctor": ("stethoscope", "d"),
    "Audit": ("scroll-text", "u"),
}
#: How many of them always have room, also at the bottom of a phone; the others open from there.
FIRST_PLACES: Final = 5
_ELSEWHERE: Final = ("chevron-right", "")


@dataclass(frozen=True, slots=True)
class NavCount:
    """A number beside a link of the navigation; `words` say what is counted, as a tooltip does.

    `is_alarming` is for a number that an operator should look into.
    """

    value: int
    words: str
    is_alarming: bool = False


@dataclass(frozen=True, slots=True)
class NavLink:
    """A page that the navigation leads to, for whom it is; `path` is without the prefix."""

    label: str
    path: str
    count: Callable[[Cluster], NavCount | None]
    need: Need


@dataclass(frozen=True, slots=True)
class NavItem:
    """One link of the navigation; `url` carries the prefix, `key` leads there after `g`."""

    label: str
    url: str
    active: bool
    icon: str
    key: str
    count: NavCount | None


@dataclass(frozen=True, slots=True)
class Toast:
    """What came of an action: its words, and whether it failed."""

    text: str
    failed: bool = False

    def packed(self) -> str:
        """The toast as a cookie carries it."""
        return json.dumps([self.text[:_TOAST_LENGTH], self.failed])

    @classmethod
    def unpacked(cls, packed: bytes | None) -> tuple["Toast", ...]:
        """The toast that a signed cookie held, if any."""
        if packed is None:
            return ()
        text, failed = json.loads(packed)
        return (cls(text, failed),)


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of one page; `xsrf` is empty where forms need no token.

    `nav` is the part of the navigation that is always seen, `nav_more` what opens on a phone.
    `who` is whom it is for, `has_session` whether that person can log out.
    `connection` is the state of the events' connection to the broker, `remedy` says what may mend
    it; `as_of` is when what is shown of workers and tasks was so (UTC seconds), None for now;
    `warnings` are sentences; `pauses` and `drains` are what is kept from its work on purpose.
    Whoever has not logged in where they must sees neither: None, and an empty `app_name`. `zone` is
    the time zone that all times are written in.
    """

    title: str
    app_name: str
    nav: tuple[NavItem, ...]
    nav_more: tuple[NavItem, ...]
    toasts: tuple[Toast, ...]
    connection: "ConnectionState | None"
    as_of: float | None
    broker_url: str
    remedy: Explained
    warnings: tuple[str, ...]
    pauses: "tuple[PausedQueue, ...]"
    drains: "tuple[DrainedWorker, ...]"
    controls: Controls
    read_only: bool
    xsrf: str
    who: Identity
    has_session: bool
    demo: bool
    version: str
    zone: Zone


def services_of(application: Application, cluster: Cluster | None, handler: str) -> Services:
    """Return what a handler works with; TypeError where it was mounted with nothing."""
    own: Services | None = application.settings.get("services")
    if own is not None:
        return own if cluster is None else replace(own, cluster=cluster)
    if cluster is None:
        raise TypeError(f'{handler} needs a cluster: (pattern, {handler}, {{"cluster": cluster}})')
    return mounted(cluster)


class Framed(RequestHandler):
    """A request that can be answered with a page in its frame; floor of every handler.

    `cluster` is given where a handler is mounted in an application that is not this site.
    `identity` is who asks, where the guard had to know; `is_known` says that it let them in.
    """

    identity: Identity = STRANGER
    is_known: bool = False

    def __init__(
        self,
        application: Application,
        request: HTTPServerRequest,
        cluster: Cluster | None = None,
        **options: Any,
    ) -> None:
        #: What this site was furnished with; of another application, what it was mounted with.
        self.services = services_of(application, cluster, type(self).__name__)
        super().__init__(application, request, **options)

    @property
    def cluster(self) -> Cluster:
        """The cluster that this request is about."""
        return self.services.cluster

    @property
    def session(self) -> LoginSession | None:
        """The login by a provider that this request shows; None without one."""
        sessions: Sessions | None = self.settings.get("sessions")
        if sessions is None:  # another application's
            return None
        return sessions.of(self.get_cookie(SESSION_COOKIE), self.get_cookie(GROUPS_COOKIE))

    def page_bytes(self, template: str, view: View, *, nav: str | None) -> bytes:
        """Render a template with `page`, `frame`, `fmt`, `icon`, `links`, `url` and `static`."""
        return self.render_string(
            template,
            page=view,
            frame=self._frame(view.title, nav),
            fmt=fmt.in_zone(self.cluster.timezone),
            icon=partial(icon, self.services.static(SPRITE)),
            links=Links(self.services.prefix),
            url=self.services.url,
            static=self.services.static,
        )

    def write_page(self, template: str, view: View, *, nav: str | None) -> None:
        """Answer with a page that nobody else is shown."""
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.write(self.page_bytes(template, view, nav=nav))

    @property
    def page_class(self) -> Hashable | None:
        """What the frame of a page depends on beside the cluster; None where it is one person's.

        Requests with equal classes and addresses are answered with equal pages.
        """
        token = self.get_cookie(XSRF_COOKIE, "") if self.services.door.pattern else ""
        is_own = self.get_cookie(TOAST_COOKIE) or (token and not is_xsrf_token(token))
        return None if is_own else (self.is_known, self.identity, token, self.stranger)

    @property
    def stranger(self) -> str:
        """The host name of this request that a page of anybody may have led here, or empty."""
        method, headers = self.request.method or "", self.request.headers
        is_from_proxy = from_proxy(self.request)
        return self.services.door.stranger(method, headers, is_from_proxy=is_from_proxy)

    @property
    def controls(self) -> Controls:
        """Which buttons work for whoever asks."""
        return self.services.door.controls(self.identity, self.stranger)

    def toast(self, toast: Toast) -> None:
        """Show these words on the next page that this browser opens."""
        self.set_signed_cookie(TOAST_COOKIE, toast.packed(), expires_days=None, **self.cookie_rules)

    @property
    def cookie_rules(self) -> dict[str, Any]:
        """The attributes of every cookie that scripts have no business with."""
        return {
            "httponly": True,
            "samesite": "Lax",
            "secure": self.request.protocol == "https",
        }

    def _frame(self, title: str, nav: str | None) -> Frame:
        services, cluster, door = self.services, self.cluster, self.services.door
        may_see = self.is_known or not door.has_lock
        token = self._xsrf()
        places = tuple(self._nav(nav, may_see=may_see))
        return Frame(
            title=f"{title} · flower_ng" if title else "flower_ng",
            app_name=cluster.app_name if may_see else "",
            nav=places[:FIRST_PLACES],
            nav_more=places[FIRST_PLACES:],
            toasts=self._toasts(),
            connection=cluster.events.connection if may_see else None,
            as_of=_as_of(cluster) if may_see else None,
            broker_url=cluster.broker_url if may_see else "",
            remedy=_remedy(cluster.events.connection),
            warnings=tuple(cluster.warnings()) if may_see else (),
            pauses=tuple(cluster.holds.pauses.values()) if may_see else (),
            drains=cluster.holds.present_drains if may_see else (),
            controls=self.controls,
            read_only=door.read_only,
            xsrf=token if door.pattern else "",
            who=self.identity,
            has_session=self.identity.how is How.SESSION,
            demo=services.demo,
            version=services.version,
            zone=Zone(cluster.timezone),
        )

    def _nav(self, active: str | None, *, may_see: bool) -> Iterator[NavItem]:
        links: tuple[NavLink, ...] = self.settings["nav"]
        for link in links:
            if link.need > Need.READ and not (may_see and self.identity.role.may(link.need)):
                continue
            name, key = PLACES.get(link.label, _ELSEWHERE)
            count = link.count(self.cluster) if may_see else None
            url = self.services.url(link.path)
            yield NavItem(link.label, url, link.label == active, name, key, count)

    def _toasts(self) -> tuple[Toast, ...]:
        packed = self.get_signed_cookie(TOAST_COOKIE)
        if packed is not None:
            self.clear_cookie(TOAST_COOKIE)
        return Toast.unpacked(packed)

    def _xsrf(self) -> str:
        """The token for forms: the cookie as carried, so that equal pages stay equal."""
        carried = self.get_cookie(XSRF_COOKIE, "")
        if is_xsrf_token(carried):
            return carried
        token = self.xsrf_token.decode()
        is_lasting = self.get_status() == HTTPStatus.OK
        rules = {**self.cookie_rules, "httponly": False}  # the pages' own scripts send it back
        self.set_cookie(XSRF_COOKIE, token, expires_days=30 if is_lasting else None, **rules)
        return token


def _remedy(connection: "ConnectionState") -> Explained:
    """Say why no events come in, and what to do; by the error's words."""
    return connection_explained("" if connection.connected else connection.why or "")


def _as_of(cluster: Cluster) -> float | None:
    presence = cluster.presence
    return presence.at if presence.has_listened and not presence.is_current else None
