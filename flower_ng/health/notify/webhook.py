"""Webhook posts notices as JSON to a URL, signed with a secret. On the loop.

The format is in docs/health.md; it contains none of our secrets.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import msgspec
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from flower_ng.errors import Unavailable
from flower_ng.health.notify.digest import Notice
from flower_ng.printable import one_line

TIMEOUT_S: Final = 10.0
SIGNATURE: Final = "Flower-Signature"
#: Status codes after which a retry may succeed, in addition to all from 500 on.
RETRIED: Final = frozenset({408, 425, 429, 599})
_SERVER_ERRORS: Final = 500


class NoticeRefused(Unavailable):
    """The receiver rejected the notice; a retry would end the same."""


class Webhook:
    """Sends to one URL. Without a secret nothing is signed. `cluster` is what people call it."""

    name = "the webhook"

    def __init__(
        self, url: str, secret: str | None, cluster: str, clock: Callable[[], float]
    ) -> None:
        self._url, self._secret = url, secret
        self._cluster, self._clock = cluster, clock

    def body(self, notice: Notice) -> bytes:
        """Return a notice as it is posted, with an id that stays the same over its retries."""
        return json.dumps(
            {
                "version": 1,
                "id": uuid4().hex,
                "sent_at": self._clock(),
                "cluster": self._cluster,
                "test": notice.test,
                "text": notice.text,
                "raised": harmless(msgspec.to_builtins(notice.raised)),
                "cleared": harmless(msgspec.to_builtins(notice.cleared)),
            }
        ).encode()

    async def post(self, body: bytes) -> None:
        """Post once. Unavailable says why it failed, NoticeRefused that a retry is useless."""
        request = HTTPRequest(
            self._url,
            "POST",
            self._headers(body),
            body,
            connect_timeout=TIMEOUT_S,
            request_timeout=TIMEOUT_S,
            follow_redirects=False,
        )
        try:
            await AsyncHTTPClient().fetch(request)
        except HTTPClientError as error:
            is_passing = error.code >= _SERVER_ERRORS or error.code in RETRIED
            words = f"The webhook answered {error.code} {error.message}".rstrip()
            raise (Unavailable if is_passing else NoticeRefused)(words) from error
        except (OSError, ValueError, UnicodeError) as error:
            raise Unavailable(f"The webhook can't be reached: {error}") from error

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "flower_ng"}
        if self._secret:
            headers[SIGNATURE] = signature(self._secret, int(self._clock()), body)
        return headers


def harmless(value: Any) -> Any:
    """Return JSON of which every text is one that people may be shown as it is."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, dict):
        return {key: harmless(one) for key, one in value.items()}
    return [harmless(one) for one in value] if isinstance(value, list | tuple) else value


def signature(secret: str, at: int, body: bytes) -> str:
    """Return `t=<UTC seconds>,v1=<hex>`: HMAC-SHA256 of the time, a dot and the body."""
    signed = f"{at}.".encode() + body
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
