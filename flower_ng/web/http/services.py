"""What request handlers are given: the cluster, the options, access checks, the clock."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from flower_ng.settings import Settings
from flower_ng.settings.amounts import seconds
from flower_ng.web.auth.hosts import Hosts, is_loopback
from flower_ng.web.auth.htpasswd import Htpasswd, read_htpasswd
from flower_ng.web.auth.identification import ProxyHeader
from flower_ng.web.auth.roles import roles_of
from flower_ng.web.auth.tokens import Tokens
from flower_ng.web.http.guard import API_SWITCH, Door

if TYPE_CHECKING:
    from flower_ng.cluster import Cluster


def is_known(cluster: "Cluster", worker: str) -> bool:
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

    cluster: "Cluster"
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


def mounted(cluster: "Cluster") -> Services:
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


def has_login_option(options: "Settings") -> bool:
    """Whether the options name any login."""
    return bool(options.basic_auth or options.htpasswd or options.auth or options.auth_header)


def normal_prefix(url_prefix: str | None) -> str:
    """The option's value as Services wants it: `flower/`, `/flower` and `flower` are one.

    Quoted as browsers send it, whether or not the option is.
    """
    inner = quote(unquote(url_prefix or "").strip().strip("/"), safe="/@:!$&'()*+,;=~")
    return f"/{inner}" if inner else ""


def furnish(
    cluster: "Cluster",
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
        hosts=_hosts(options),
        environ=environ,
        header=ProxyHeader(options.auth_header, options.auth_groups_header),
        htpasswd=Htpasswd(read_htpasswd(options.htpasswd)),
        tokens=Tokens(options.tokens),
        roles=roles_of(options.roles, options.roles_path),
        hsts_s=int(seconds(options.hsts_max_age) or 0),
        metrics_auth=options.metrics_auth,
    )
    prefix = normal_prefix(options.url_prefix)
    return Services(cluster, options, door, assets, prefix, version, clock, new_id, demo)


def _hosts(options: "Settings") -> Hosts:
    """Without a login whoever is on this machine may look: then only its own names are accepted."""
    has_login = has_login_option(options)
    is_local = is_loopback(options.address) and not options.unix_socket
    return Hosts(tuple(options.trusted_hosts), only_local=is_local and not has_login)
