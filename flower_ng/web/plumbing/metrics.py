"""Scrape answers Prometheus at `/metrics`, open unless `metrics_auth`; on the loop, in turns."""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from tornado.iostream import StreamClosedError

from flower_ng.errors import LoginRequired
from flower_ng.metrics import Form, ScrapeAnswer
from flower_ng.web.auth.identity import Identity
from flower_ng.web.auth.tokens import METRICS
from flower_ng.web.http.base import Access, Handler, Need
from flower_ng.web.http.error_bodies import Fault

METRICS_CLOSED: Final = (
    "Metrics need a login or a token (--metrics_auth): flower-ng token create NAME --scope=metrics"
)
#: A scraper that has not read its answer by then is given up.
SENDING_S: Final = 60.0


class Scrape(Handler):
    """The exposition, in the format and the coding that the Accept headers ask for."""

    access = Access.OPEN
    path = "/metrics"
    need = Need.OPEN

    @property
    def is_open(self) -> bool:
        """Whether everybody may scrape."""
        return not self.services.options.metrics_auth

    def check_role(self, who: Identity) -> None:
        """Let in tokens for metrics, and whoever may see pages after a login."""
        if not who.is_named:
            raise LoginRequired(METRICS_CLOSED)
        if who.scope != METRICS:
            self.services.door.check_need(who, Need.READ, self.request.method or "")

    def ask_to_log_in(self) -> None:
        """Say what is needed: a scraper can't follow to a login."""
        raise LoginRequired(METRICS_CLOSED)

    def write_fault(self, fault: Fault, error: BaseException | None) -> None:
        """Say in plain text what is missing."""
        if fault.status == HTTPStatus.UNAUTHORIZED:
            self.write_api_fault(fault)
        else:
            super().write_fault(fault, error)

    async def get(self) -> None:
        """Answer with every metric."""
        headers = self.request.headers
        form = Form.asked(headers.get("Accept", ""), headers.get("Accept-Encoding", ""))
        self.add_header("Vary", "Accept, Accept-Encoding")
        async with self.cluster.scrapes.answer(form) as answer:
            await self._answer(form, answer)

    async def _answer(self, form: Form, answer: ScrapeAnswer) -> None:
        self._etag = f'"{answer.digest}"'
        self.set_etag_header()
        if self.check_etag_header():
            self.set_status(304)
            return
        self.set_header("Content-Type", form.content_type)
        self.set_header("Content-Length", sum(map(len, answer.body)))
        if form.encoding is not None:
            self.set_header("Content-Encoding", form.encoding)
        try:
            with suppress(StreamClosedError):  # a scraper that went away wants no more
                async with asyncio.timeout(SENDING_S):
                    await self._send(answer.body)
        except TimeoutError:
            connection: Any = self.request.connection
            connection.close()

    async def _send(self, body: list[bytes]) -> None:
        """Send it piece by piece: at once, Tornado copies it twice, and the loop waits for that."""
        for chunk in body:
            self.write(chunk)
            await self.flush()
            await asyncio.sleep(0)  # to whom reads fast enough, flushing never waits

    _etag: str | None = None

    def compute_etag(self) -> str | None:
        """The tag of what is sent, summed up chunk by chunk: the body may be large."""
        return self._etag
