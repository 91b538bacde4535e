"""Guard decides, before a handler runs, whether a request may pass; by Flower 2.2.0's rules."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

from flower_ng.errors import Forbidden, LoginRequired
from flower_ng.web.auth.basic import BasicAuth
from flower_ng.web.auth.hosts import Hosts
from flower_ng.web.auth.htpasswd import Htpasswd
from flower_ng.web.auth.identification import Credentials, Identification, ProxyHeader
from flower_ng.web.auth.identity import STRANGER, Identity
from flower_ng.web.auth.pattern import EmailPattern
from flower_ng.web.auth.roles import Need, Role, Roles
from flower_ng.web.auth.tokens import Tokens
from flower_ng.web.http.arguments import truth

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
API_SWITCH = "FLOWER_UNAUTHENTICATED_API"
API_CLOSED = f"{API_SWITCH} environment variable is required to enable API without authentication"
READ_ONLY = "Read only mode is enabled"
#: Where a reverse proxy says which host its client asked for; others' are removed (server.py).
FORWARDED_HOST = "X-Forwarded-Host"
CROSS_ORIGIN = (
    "Cross-origin request forbidden: the page that sent it is not of the host that this request"
    " names. Behind a reverse proxy, have it pass the Host header (nginx: proxy_set_header Host"
    " $http_host), or name that origin in --cors_origins"
)
FOREIGN_HOST = (
    "This host name is not known to be that of this dashboard: name it in --trusted_hosts, or open"
    " the dashboard by an IP address or as localhost"
)
#: What a browser may not do under a name that a stranger may have led here.
STRANGE_HOST = (
    "Browsers may change nothing under the host name {0}: there is no login, and a page of anybody"
    " can have such a name lead here (DNS rebinding). If it is a name of this dashboard, start with"
    " --trusted_hosts={0}, and name its others there too; or with the address of the reverse proxy"
    " that logs people in as --trusted_proxies"
)
XSRF_COOKIE = "_xsrf"
_EVERYONE = "everyone who can connect"
_XSRF_TOKEN = re.compile(r"2\|[0-9a-f]{8}\|[0-9a-f]{32}\|[0-9]{1,12}")

OF_DOCUMENTS = frozenset({"Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy"})
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_CORS_HEADERS: Mapping[str, str] = {
    "Access-Control-Allow-Headers": (
        "x-requested-with,access-control-allow-origin,authorization,content-type"
    ),
    "Access-Control-Allow-Methods": "PUT, DELETE, OPTIONS, POST, GET, PATCH",
}


class Access(Enum):
    """Which rule a route stands under; a route that names none stands under PAGE."""

    PAGE = "page"
    API = "api"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Controls:
    """Which buttons of pages work for whoever asks; `why` says what to do when they don't.

    It is empty where there is nothing to do.
    `open` are those that operate, `administers` those that only admins have, `looks` those that
    ask workers and change nothing.
    """

    open: bool
    why: str = ""
    administers: bool = False
    looks: bool = False


@dataclass(frozen=True, slots=True)
class Door:
    """The access policy of one site, made once from the options.

    `environ` is read at every request, because Flower does so. Raises SettingsError for pairs or
    a pattern that cannot be meant.
    """

    basic_auth: Sequence[str] = ()
    auth: str = ""
    read_only: bool = False
    cors_origins: Sequence[str] = ()
    hosts: Hosts = field(default_factory=Hosts)
    environ: Mapping[str, str] = field(default_factory=dict)
    header: ProxyHeader = field(default_factory=ProxyHeader)
    roles: Sequence[str] = ()
    htpasswd: Htpasswd | None = None
    tokens: Tokens = field(default_factory=Tokens)
    hsts_s: int = 0
    metrics_auth: bool = False
    logins: Identification = field(init=False)

    def __post_init__(self) -> None:
        logins = Identification(
            BasicAuth(self.basic_auth, self.htpasswd),
            EmailPattern(self.auth) if self.auth else None,
            self.header,
            Roles(self.roles),
            self.tokens,
        )
        object.__setattr__(self, "logins", logins)

    @property
    def basic(self) -> BasicAuth:
        """The pairs of HTTP Basic login, maybe none."""
        return self.logins.basic

    @property
    def pattern(self) -> EmailPattern | None:
        """The addresses that may log in by a provider, None without one."""
        return self.logins.pattern

    @property
    def has_lock(self) -> bool:
        """Whether any authentication is configured."""
        return self.logins.has_lock

    def is_api_open(self) -> bool:
        """Whether API requests are let in at all: a login is configured or the switch is on."""
        return self.has_lock or _is_on(self.environ.get(API_SWITCH, ""))

    def controls(self, who: Identity = STRANGER, stranger: str = "") -> Controls:
        """Which buttons work for someone, and what is to be done to make the others work.

        `stranger` is the host name that nobody vouches for, if any.
        """
        looks = self.is_api_open() and who.role.may(Need.READ)
        if self.read_only:
            why = "Started with --read_only: this dashboard only looks."
            return Controls(open=False, why=why, looks=looks)
        if not self.is_api_open():
            return Controls(
                open=False,
                why="Controls are closed: no login is configured. Set --basic_auth or --auth, "
                f"or set {API_SWITCH}=true to open them to everyone who can reach this page.",
            )
        if who.role is Role.NONE:  # who sees no page of which there could be any
            return Controls(open=False)
        if stranger:
            return Controls(open=False, why=f"{STRANGE_HOST.format(stranger)}.", looks=looks)
        if not who.role.may(Need.OPERATE):
            return Controls(
                open=False,
                why=f"You are a {who.role.word}, so controls are closed to you. Whoever runs this"
                f" dashboard can make you an {Role.OPERATOR.word} or admin (--roles).",
                looks=looks,
            )
        return Controls(open=True, administers=who.role.may(Need.ADMINISTER), looks=looks)

    def summary(self) -> str:
        """What is open to whom, in one line for the log."""
        metrics = f"/metrics and health checks: {_EVERYONE}"
        if self.metrics_auth:
            metrics = f"/metrics: logins and tokens (--metrics_auth); health checks: {_EVERYONE}"
        return (
            f"Access: read: {self._visitors()}{self._closed_api()}; steer: {self._operators()}; "
            f"{metrics}"
        )

    def _closed_api(self) -> str:
        if self.is_api_open():
            return ""
        return ", pages only: the API is " + (
            "open to tokens alone (--tokens)" if self.tokens else "closed"
        )

    def _visitors(self) -> str:
        locks = [
            name
            for name, lock in (
                ("basic_auth", self.basic_auth),
                ("htpasswd", self.htpasswd),
                ("auth", self.pattern),
            )
            if lock
        ]
        ways = [f"--{' and --'.join(locks)}"] if locks else []
        ways += ["--auth_header"] if self.header else []
        ways += ["--tokens"] if self.tokens and ways else []
        return f"whoever passes {' or '.join(ways)}" if ways else _EVERYONE

    def _operators(self) -> str:
        if self.read_only:
            return "nobody (--read_only)"
        if not self.is_api_open():
            who = "tokens by their roles, nobody else" if self.tokens else "nobody"
            return f"{who} (no login is configured, {API_SWITCH} is not true)"
        return f"{self._visitors()}, by --roles" if self.roles else self._visitors()

    def check_host(self, host: str) -> None:
        """Refuse a request that names a host which nobody gave this dashboard."""
        if not self.hosts.accepts(host):
            raise Forbidden(FOREIGN_HOST)

    def check_site(self, method: str, headers: Mapping[str, str]) -> None:
        """Refuse what another site makes a browser send; Forbidden says which sign gave it away."""
        if method in SAFE_METHODS or headers.get("Origin") in self.cors_origins:
            return
        site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
        typed_in = site == "none" and not self.has_lock
        if site is not None and site != "same-origin" and not typed_in:
            raise Forbidden("Cross-site request forbidden")
        if site is None and origin is not None and not _is_same_host(origin, headers):
            raise Forbidden(CROSS_ORIGIN)

    def stranger(self, method: str, headers: Mapping[str, str], *, is_from_proxy: bool) -> str:
        """Return the host name of a request that a page of anybody may have led here, or empty.

        With a login nobody is known by such a name, and HTTPS has a certificate for its name. What
        a proxy sends that the operator named is believed, and pages that `cors_origins` names.
        """
        origin = headers.get("Origin", "")
        is_vouched = self.has_lock or is_from_proxy or origin in self.cors_origins
        if is_vouched or _is_secure(method, origin, headers):
            return ""
        listed = [_netloc(one) for one in self.cors_origins]
        hosts = (headers.get("Host", ""), _forwarded_host(headers), _netloc(origin))
        return self.hosts.stranger(host for host in hosts if host not in listed)

    def check_name(
        self, who: Identity, method: str, headers: Mapping[str, str], stranger: str
    ) -> None:
        """Refuse what a browser is to change under a name that a stranger may have led here.

        Only browsers can be led by a name: what says neither a page nor a site comes from a script.
        """
        is_browser = "Origin" in headers or "Sec-Fetch-Site" in headers
        if stranger and is_browser and method not in SAFE_METHODS and not who.is_named:
            raise Forbidden(STRANGE_HOST.format(stranger))

    def needs_xsrf_token(self, method: str, headers: Mapping[str, str]) -> bool:
        """Whether a request that a session cookie vouches for must show the token as well."""
        unsafe = method not in SAFE_METHODS
        return unsafe and self.pattern is not None and "Authorization" not in headers

    def check_open(self, access: Access, authorization: str | None = None) -> None:
        """Refuse API requests of any method while the API is closed, but those with a token."""
        has_token = bool(self.tokens.shown(authorization))
        if access is Access.API and not has_token and not self.is_api_open():
            raise LoginRequired(API_CLOSED)

    async def identity(self, credentials: Credentials) -> Identity | None:
        """Who someone is; None for who has to log in by the provider, LoginRequired for others."""
        anonymous = Role.ADMIN if self.is_api_open() else Role.VIEWER
        return await self.logins.identity(credentials, anonymous=anonymous)

    def check_need(self, who: Identity, need: Need, method: str) -> None:
        """Refuse what is more than someone's role, or more than looking where that is all.

        `read_only` goes before every role. The words say who, what is needed, and who gives it.
        """
        if self.read_only and need > Need.READ and method not in SAFE_METHODS:
            raise Forbidden(READ_ONLY)
        if who.role.may(need):
            return
        if who.role is Role.NONE:
            raise Forbidden(f"{who.name} has no role here: no entry of --roles fits")
        raise Forbidden(f"{who.name} is a {who.role.word}: this needs the role {Role(need).word}")

    def headers(self, origin: str | None, protocol: str) -> Mapping[str, str]:
        """What an answer says of origins whose pages may read it, and of HTTPS.

        Unless options name them, no page of another origin may, and browsers may come by HTTP.
        """
        headers = dict(self._cors_headers(origin))
        if self.hsts_s and protocol == "https":
            headers["Strict-Transport-Security"] = f"max-age={self.hsts_s}"
        return headers

    def _cors_headers(self, origin: str | None) -> Mapping[str, str]:
        if not self.cors_origins:
            return {}
        if "*" in self.cors_origins:
            return {"Access-Control-Allow-Origin": "*", **_CORS_HEADERS}
        if origin not in self.cors_origins:
            return {"Vary": "Origin"}
        return {"Access-Control-Allow-Origin": str(origin), "Vary": "Origin", **_CORS_HEADERS}


def is_xsrf_token(value: str) -> bool:
    """Whether a cookie holds a token as Tornado makes them now."""
    return _XSRF_TOKEN.fullmatch(value) is not None


def _is_on(value: str) -> bool:
    try:
        return truth(value)
    except ValueError:
        return False


def _is_same_host(origin: str, headers: Mapping[str, str]) -> bool:
    hosts = {headers.get("Host", "").lower(), _forwarded_host(headers).lower()} - {""}
    return _netloc(origin) in hosts


def _is_secure(method: str, origin: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser came by HTTPS, as far as it says so.

    It tells about sites by HTTPS alone. The origin is that of the page: a stranger's own, by HTTPS,
    may send a form by HTTP to its own name, which leads here by then.
    """
    is_told = "Sec-Fetch-Site" in headers
    is_origin = urlsplit(origin).scheme == "https" if _netloc(origin) else method in SAFE_METHODS
    return is_told and is_origin


def _forwarded_host(headers: Mapping[str, str]) -> str:
    return headers.get(FORWARDED_HOST, "").partition(",")[0].strip()


def _netloc(origin: str) -> str:
    """Return the host and port of an origin in small letters, empty for what is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
