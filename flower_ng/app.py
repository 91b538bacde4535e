"""The dashboard: a Cluster and its web server, started and stopped in order. On the loop."""

import asyncio
import errno
import logging
import os
import secrets
import socket
import ssl
import sys
import time
from collections.abc import Mapping

from celery import Celery
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets, bind_unix_socket

from flower_ng import __version__, assets
from flower_ng.cluster import Cluster, guarded
from flower_ng.drop_in import extra_settings, login_handler
from flower_ng.errors import SettingsError
from flower_ng.settings import Settings
from flower_ng.web.auth.client import OAuthClient
from flower_ng.web.http.server import DashboardServer
from flower_ng.web.http.services import Assets, Services, furnish, normal_prefix
from flower_ng.web.logins.check import check
from flower_ng.web.routes import Site, application

#: Python's default of 5 ms lets a busy thread keep a page waiting that long for each SQLite step.
SWITCH_INTERVAL_S = 0.001
OTHERS = 0o002  # whoever is neither the owner nor of the group may write, so connect

log = logging.getLogger(__name__)


class Flower:
    """The dashboard of one cluster, as the command line starts it.

    `notice` is a sentence for every page. Must be built on the running loop.
    """

    def __init__(
        self,
        capp: Celery,
        settings: Settings,
        *,
        notice: str = "",
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        check(settings)
        self.settings = settings
        self.cluster = Cluster(capp, settings, IOLoop.current())
        services = self._services(environ, notice)
        self._door = services.door
        self.site: Site = application(
            services,
            login=login_handler(settings.auth_provider),
            oauth=OAuthClient(
                settings.oauth2_key or "",
                settings.oauth2_secret or "",
                settings.oauth2_redirect_uri or "",
            ),
            extra=extra_settings(),
        )
        self.socket_path = settings.unix_socket
        self.port = settings.port
        self._server: DashboardServer | None = None

    @property
    def urls(self) -> list[str]:
        """The addresses that people can open, with the real port and the prefix."""
        scheme = "https" if self.settings.certfile else "http"
        host = self.settings.address or "127.0.0.1"
        shown = f"[{host}]" if ":" in host else host
        return [f"{scheme}://{shown}:{self.port}{normal_prefix(self.settings.url_prefix)}/"]

    @property
    def access(self) -> str:
        """What is open to whom."""
        return self._door.summary()

    @property
    def believed(self) -> str:
        """Whose headers are believed; empty where nobody's are."""
        if not self.settings.xheaders or self.socket_path:
            return ""
        named = ", ".join(self.settings.trusted_proxies)
        usual = "loopback and private addresses (--trusted_proxies names fewer)"
        return f"The headers of reverse proxies are believed from {named or usual}"

    @property
    def advice(self) -> str:
        """What to do about host names that anybody may give this dashboard; empty where nothing."""
        door = self._door
        if door.has_lock or door.hosts.names or door.hosts.only_local or self.socket_path:
            return ""
        return (
            "Any host name is accepted and there is no login: a web page of anybody, open in a"
            " browser that reaches this port, can have its own name lead here, and read along"
            " (DNS rebinding); it can change nothing. Set a login, or name this dashboard's hosts"
            " in --trusted_hosts"
        )

    async def start(self) -> None:
        """Listen, then start the cluster.

        OSError when the port or the socket is not to be had, SettingsError for other options.
        """
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        tls = None if self.socket_path else tls_context(self.settings)
        sockets = self._bind()
        has_proxy = self.settings.xheaders and not self.socket_path
        self._server = DashboardServer(
            self.site,
            ssl_options=tls,
            xheaders=has_proxy,
            proxies=self.settings.trusted_proxies,
            is_trusted=self.site.is_trusted,
        )
        self.cluster.start()
        self._server.add_sockets(sockets)

    @property
    def is_encrypted(self) -> bool:
        """Whether it is reached by HTTPS."""
        return bool(self.settings.certfile and not self.socket_path)

    async def renew_certificate(self) -> None:
        """Show the certificate that is in its file now to new connections.

        One that can't be used is logged, and the old one stays.
        """
        try:
            context = await asyncio.to_thread(tls_context, self.settings)
        except SettingsError as error:
            log.error("The certificate stays the one from before: %s", error)  # noqa: TRY400 - one line
            return
        if self._server is not None:
            self._server.ssl_options = context
            log.info("New connections get what is in %s now", self.settings.certfile)

    async def stop(self) -> None:
        """End everything in order; a step that fails is logged and skips no other."""
        if self._server is not None:
            await guarded(self._server.stop)
        await guarded(self.site.close)
        await self.cluster.stop()
        if self._server is not None:
            await guarded(self._server.close_all_connections)

    def _bind(self) -> list[socket.socket]:
        if self.socket_path:
            return [unix_socket(self.socket_path, int(self.settings.unix_socket_mode, 8))]
        sockets = bind_sockets(self.settings.port, self.settings.address or None)
        self.port = sockets[0].getsockname()[1]
        return sockets

    def _services(self, environ: Mapping[str, str], notice: str) -> Services:
        folder = assets.static()
        return furnish(
            self.cluster,
            self.settings,
            Assets(assets.templates(), folder, assets.digest(folder)),
            environ=environ,
            version=__version__,
            clock=time.time,
            new_id=lambda: secrets.token_hex(4),
            demo=bool(notice),
        )


def unix_socket(path: str, mode: int) -> socket.socket:
    """Listen on a Unix socket; OSError where that can't be, a file of another kind included."""
    try:
        bound = bind_unix_socket(path, mode)
    except ValueError as error:
        raise FileExistsError(errno.EEXIST, "there is a file, which is no socket") from error
    if mode & OTHERS:
        log.warning("Every user of this machine can connect to %s; see --unix_socket_mode", path)
    return bound


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS settings of the options; None for plain HTTP.

    Raises SettingsError that names the files which can't be used.
    """
    if not settings.certfile or not settings.keyfile:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=settings.ca_certs)
    except OSError as error:
        raise SettingsError(
            f"Invalid 'ca_certs' option: {settings.ca_certs} holds no certificates that can be read"
            f" ({error}): name a file of certificates in PEM form"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.certfile, settings.keyfile)
    except OSError as error:
        raise SettingsError(
            f"Invalid 'certfile' and 'keyfile' options: {settings.certfile} and {settings.keyfile}"
            f" cannot be used ({error}): name a certificate and its own key in PEM form, not"
            " encrypted"
        ) from error
    return context
