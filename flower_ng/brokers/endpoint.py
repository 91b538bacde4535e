"""Where a broker is and how Celery talks to it, read from an app's connection. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from kombu import Connection

#: Names that Kombu gives to one and the same transport.
ALIASES = {"pyamqp": "amqp", "librabbitmq": "amqp"}
#: Parts of a URL that are secret: what stands between the user and the last @, some parameters.
USERINFO = re.compile(r"(?<=://)([^:/?#@]*):[^?#]*@")
SECRETS = re.compile(r"(?i)([?&][^=&#;]*(?:password|secret|token)[^=&#;]*=)[^&#;]*")
#: An IPv6 address as Kombu writes it into a URL.
QUOTED_IPV6 = re.compile(r"(://(?:[^/?#]*@)?)((?:[0-9a-fA-F.]|%3A|%25\w*)*%3A[0-9a-fA-F.%]*)")
#: Several URLs in one, as for failover and Sentinel.
NEXT_URL = re.compile(r";(?=[a-zA-Z0-9+.-]+://)")


@dataclass(frozen=True, slots=True)
class BrokerEndpoint:
    """Where a broker is and how Celery talks to it.

    `transport` is Kombu's name of it. `path` is the virtual host or database, as in the URL.
    `tls` holds the arguments from `broker_use_ssl` or the URL, None for plain text.
    `alternates` are all URLs where several are configured. `clone` makes a connection of the
    app's own kind, not yet connected. `management_url` is the option `broker_api`;
    `has_management` is false where it can't be told whose management API would answer.
    """

    transport: str
    host: str
    port: int | None
    user: str | None
    password: str | None = field(repr=False)
    path: str
    options: Mapping[str, Any] = field(repr=False)
    tls: Mapping[str, Any] | None = field(repr=False)
    alternates: tuple[str, ...] = field(repr=False)
    clone: Callable[..., Connection] = field(repr=False)
    credentials: Any = field(default=None, repr=False)
    management_url: str | None = field(default=None, repr=False)
    has_management: bool = True


def endpoint_of(connection: Connection, management_url: str | None = None) -> BrokerEndpoint:
    """Read an app's connection, as `app.connection_for_read()` returns it; nothing is connected."""
    password: Any = connection.password
    return BrokerEndpoint(
        transport=transport_of(connection),
        host=connection.hostname or "localhost",
        port=connection.port,
        user=connection.userid,
        password=password() if callable(password) else password,
        path=connection.virtual_host or "/",
        options=dict(connection.transport_options or {}),
        tls=tls_of(connection),
        alternates=tuple(connection.alt),
        clone=connection.clone,
        credentials=getattr(connection, "credential_provider", None),
        management_url=management_url,
    )


def transport_of(connection: Connection) -> str:
    """Return Kombu's short name of the transport, also where it is given as a class or a path."""
    name: Any = connection.transport_cls
    if not isinstance(name, str) or ":" in name or "." in name:
        name = connection.transport.driver_type
    return str(ALIASES.get(name, name))


def tls_of(connection: Connection) -> Mapping[str, Any] | None:
    """Return the TLS arguments as Kombu uses them: `True` stands for none in particular."""
    if not connection.ssl:
        return None
    return dict(connection.ssl) if isinstance(connection.ssl, Mapping) else {}


def address(connection: Connection) -> str:
    """Return the URL of a connection for people: passwords as `**`, IPv6 addresses in brackets.

    Of sentinels all are named, since each of them leads to the same server.
    """
    if connection.alt and connection.transport_cls == "sentinel":
        return mask(";".join(connection.alt))
    url = mask(connection.as_uri(include_password=True))
    return QUOTED_IPV6.sub(lambda found: f"{found[1]}[{unquote(found[2])}]", url)


def mask(url: str) -> str:
    """Return a broker's URL, or several joined by `;`, with the passwords as `**`."""
    return ";".join(
        SECRETS.sub(r"\1**", USERINFO.sub(r"\1:**@", one)) for one in NEXT_URL.split(url)
    )
