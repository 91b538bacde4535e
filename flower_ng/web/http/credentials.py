"""Credentials are read from a request here. On the loop."""

from tornado.httputil import HTTPServerRequest

from flower_ng.web.auth.identification import (
    Credentials,
    ProxyHeader,
    named_groups,
    named_user,
)
from flower_ng.web.auth.sessions import LoginSession

#: What the server writes at the context of a connection with a trusted proxy.
FROM_PROXY = "is_from_trusted_proxy"


def credentials_of(
    request: HTTPServerRequest, header: ProxyHeader, session: LoginSession | None
) -> Credentials:
    """What a request shows; `session` is that of its signed cookie."""
    headers, is_proxied = request.headers, from_proxy(request)
    return Credentials(
        request.remote_ip or "",
        headers.get("Authorization"),
        named_user(headers, header) if is_proxied else "",
        named_groups(headers, header) if is_proxied else "",
        session,
    )


def from_proxy(request: HTTPServerRequest) -> bool:
    """Whether a request came straight from a trusted proxy, as the server found (server.py)."""
    context = getattr(request.connection, "context", None)
    return getattr(context, FROM_PROXY, False) is True
