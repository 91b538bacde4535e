"""DashboardServer limits what a stranger can take: descriptors, time and memory. On the loop."""

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final, TypeAlias
from weakref import WeakSet

from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream, StreamClosedError

from flower_ng.web.http.credentials import FROM_PROXY
from flower_ng.web.http.guard import FORWARDED_HOST

if sys.platform != "win32":
    import resource

log = logging.getLogger(__name__)

#: The longest wait for the first request of a connection, between two of them, and for a body.
HEAD_S: Final = 10.0
IDLE_S: Final = 75.0
BODY_S: Final = 120.0
#: The largest body of whoever is not logged in.
STRANGERS_BYTES: Final = 2 << 20
#: The answer to a larger one, and for how long the rest of it is thrown away.
TOO_LARGE: Final = (
    "The body has {} bytes; at most {:,} are accepted. Send less, or log in: without a login the"
    " limit is lower.\n"
)
TOO_LARGE_HEAD: Final = (
    "HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: {}\r\nConnection: close\r\n\r\n"
)
FAREWELL_S: Final = 2.0
FAREWELL_BYTES: Final = 1 << 16
#: Descriptors that are kept for the broker, the history and others, but no more than a quarter.
RESERVE: Final = 64


#: Who is believed with `xheaders` unless `trusted_proxies` names others.
USUAL_PROXIES: Final = (
    "127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7",
    "fe80::/10",
)  # fmt: skip

Network: TypeAlias = IPv4Network | IPv6Network
#: Takes the headers of a request, the address that it comes from, and whether a proxy sent it.
IsTrusted: TypeAlias = Callable[[HTTPHeaders, str, bool], bool]


class DashboardServer(HTTPServer):
    """Serves a site to those who can connect.

    `is_trusted` says who is logged in, and so may send much. `proxies` are addresses and networks.
    With `xheaders` the client's address, scheme and host are taken from their headers. What others
    write into these headers is not believed.
    A connection that would leave too few descriptors for the broker and the history is closed, and
    so is one of an address that has half of what there is for all; with `xheaders` not a proxy's.
    """

    def initialize(  # type: ignore[override] # Tornado's options pass
        self,
        site: Any,
        *,
        is_trusted: IsTrusted,
        head_s: float = HEAD_S,
        proxies: Sequence[str] = (),
        **options: Any,
    ) -> None:
        """Take Tornado's options too."""
        self._proxies = [ip_network(one) for one in proxies or USUAL_PROXIES]
        self._are_named = bool(proxies)
        super().initialize(site, idle_connection_timeout=IDLE_S, body_timeout=BODY_S, **options)
        self._is_trusted = is_trusted
        self._head_s = head_s
        self._greeted: WeakSet[Any] = WeakSet()
        self._of_peers: Counter[str] = Counter()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Serve a connection, if there is a descriptor for it."""
        most = most_descriptors()
        left = most - min(RESERVE, most // 4)
        number: int = stream.socket.fileno()  # the lowest that is free: about how many are open
        peer = _peer(address)
        is_proxy = self.xheaders and _is_within(peer, self._proxies)
        if peer and not is_proxy and self._of_peers[peer] >= left // 2:
            log.warning(
                "A connection of %s was refused: it has %d, half of what there is for all. If it"
                " is a proxy, start with --xheaders",
                peer,
                self._of_peers[peer],
            )
            stream.close()
            return
        if number >= left:
            log.warning(
                "A connection was refused: %d of %d file descriptors are in use. Allow more"
                " (ulimit -n, or LimitNOFILE of systemd)",
                number,
                most,
            )
            stream.close()
            return
        self._of_peers[peer] += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        """Count a connection that has ended no more."""
        super().on_close(server_conn)
        connection: Any = server_conn
        peer = _peer(connection.context.address)
        self._of_peers[peer] -= 1
        if not self._of_peers[peer]:
            del self._of_peers[peer]

    def start_request(
        self, server_conn: object, request_conn: HTTPConnection
    ) -> HTTPMessageDelegate:
        """Begin to wait for a request, for the first of a connection less long."""
        connection: Any = request_conn
        if server_conn not in self._greeted:
            self._greeted.add(server_conn)
            connection.params = copy(connection.params)
            connection.params.header_timeout = self._head_s
        xheaders = self.xheaders
        is_within = _is_within(connection.context.remote_ip, self._proxies)
        setattr(connection.context, FROM_PROXY, self._are_named and is_within)
        is_proxy = xheaders and is_within
        self.xheaders = is_proxy
        delegate = super().start_request(server_conn, request_conn)
        self.xheaders = xheaders
        return _Limited(delegate, connection, self._is_trusted, is_proxy=is_proxy)


class _Limited(HTTPMessageDelegate):
    """Passes a request on, of which the body is limited when its headers are known."""

    def __init__(
        self,
        delegate: HTTPMessageDelegate,
        connection: Any,
        is_trusted: IsTrusted,
        *,
        is_proxy: bool,
    ) -> None:
        self._delegate = delegate
        self._connection = connection
        self._is_trusted = is_trusted
        self._is_proxy = is_proxy
        self._most = sys.maxsize
        self._received = 0

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Any:
        if not self._is_proxy:
            headers.pop(FORWARDED_HOST, None)
        is_from_proxy = getattr(self._connection.context, FROM_PROXY)
        most = self._connection.stream.max_buffer_size
        peer = self._connection.context.remote_ip
        if _is_large(headers) and not self._is_trusted(headers, peer, is_from_proxy):
            most = STRANGERS_BYTES
        length = headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > most:
            return _refuse_body(self._connection.detach(), f"{int(length):,}", most)
        if not length:  # it comes in chunks: Tornado would answer 400 to too many
            self._most = most
            self._connection.set_max_body_size(sys.maxsize)
        return self._delegate.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Any:
        self._received += len(chunk)
        if self._received > self._most:
            return _refuse_body(self._connection.stream, f"over {self._most:,}", self._most)
        return self._delegate.data_received(chunk)

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()


async def _refuse_body(stream: IOStream, length: str, most: int) -> None:
    """Answer 413 and close; what comes meanwhile is read, or the client would see a reset alone."""
    with suppress(StreamClosedError, TimeoutError):
        text = TOO_LARGE.format(length, most).encode()
        await stream.write(TOO_LARGE_HEAD.format(len(text)).encode() + text)
        async with asyncio.timeout(FAREWELL_S):
            while True:
                await stream.read_bytes(FAREWELL_BYTES, partial=True)
    stream.close()


def _is_large(headers: HTTPHeaders) -> bool:
    """Whether a body is to come that not everybody may send, or of which the size is not told."""
    length = headers.get("Content-Length", "")
    return not (length.isdecimal() and int(length) <= STRANGERS_BYTES) and bool(
        length or "Transfer-Encoding" in headers
    )


def _peer(address: Any) -> str:
    """Return the IP address that a connection comes from, empty for a Unix socket."""
    return str(address[0]) if isinstance(address, tuple) else ""


def _is_within(address: str, networks: Sequence[Network]) -> bool:
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False  # a Unix socket, which has none
    return any(ip in network for network in networks)


def most_descriptors() -> int:
    """Return how many files and sockets the process may have open."""
    if sys.platform == "win32":
        return sys.maxsize
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
