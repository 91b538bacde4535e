"""Writes and compresses /metrics in small steps, so that the loop stays free.

Runs on the loop and gives it back between chunks: a scrape may take long, nothing waits for it.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha1

from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from flower_ng.metrics.flower import PrometheusMetrics
from flower_ng.metrics.registry import Registry
from flower_ng.metrics.text import pieces

#: Flower's own; Prometheus and its kin read it as the classic format.
CLASSIC = "text/plain"
OPENMETRICS = "application/openmetrics-text"
OPENMETRICS_TYPE = f"{OPENMETRICS}; version=1.0.0; charset=utf-8"
END = b"# EOF\n"
#: Text between two looks at the loop: well under a millisecond to write, two to compress.
CHUNK_CHARS = 128 * 1024
#: For how long an answer is given to others who ask while it is sent.
SHARED_S = 5.0
#: zlib's fastest: label names repeat so much that it saves nine tenths already.
GZIP_LEVEL = 1
GZIP_WINDOW = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Exposition:
    """One scrape's answer; `encoding` is the value of Content-Encoding, or None."""

    body: bytes
    content_type: str
    encoding: str | None


@dataclass(frozen=True, slots=True)
class Form:
    """How a scraper wants to be answered."""

    openmetrics: bool = False
    gzip: bool = False

    @classmethod
    def asked(cls, accept: str = "", accept_encoding: str = "") -> "Form":
        """Read the two request headers."""
        formats, codings = weights(accept), weights(accept_encoding)
        openmetrics = formats.get(OPENMETRICS, 0.0)
        return cls(
            openmetrics=openmetrics > 0 and openmetrics >= formats.get(CLASSIC, 0.0),
            gzip=codings.get("gzip", codings.get("*", 0.0)) > 0,
        )

    @property
    def content_type(self) -> str:
        """The value of Content-Type."""
        return OPENMETRICS_TYPE if self.openmetrics else CLASSIC

    @property
    def encoding(self) -> str | None:
        """The value of Content-Encoding, or None."""
        return "gzip" if self.gzip else None


@dataclass(slots=True)
class ScrapeAnswer:
    """What is sent to `scrapers` at present, in pieces; `digest` tells equal ones."""

    body: list[bytes]
    digest: str
    begun_at: float
    scrapers: int = 0


class Scrapes:
    """Makes answers for scrapers; those who ask while an equal one is made or sent share it.

    It is shared for SHARED_S at most, so that who reads at once always has the newest numbers, and
    many who read nothing don't fill the memory.
    """

    def __init__(self, registry: Registry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry, self._clock = registry, clock
        self._making: dict[Form, asyncio.Task[ScrapeAnswer]] = {}
        self._newest: dict[Form, ScrapeAnswer] = {}

    @asynccontextmanager
    async def answer(self, form: Form) -> AsyncIterator[ScrapeAnswer]:
        """Lend an answer while it is sent."""
        answer = self._newest.get(form)
        if answer is None or self._clock() - answer.begun_at > SHARED_S:
            answer = await self._made(form)
        answer.scrapers += 1
        try:
            yield answer
        finally:
            answer.scrapers -= 1
            if not answer.scrapers and self._newest.get(form) is answer:
                del self._newest[form]

    async def _made(self, form: Form) -> ScrapeAnswer:
        """Return a new one, which others wait for as well, whoever of them leaves."""
        making = self._making.get(form)
        if making is None:
            making = self._making[form] = asyncio.create_task(self._make(form))
            making.add_done_callback(lambda _: self._making.pop(form, None))
        answer = self._newest[form] = await asyncio.shield(making)
        return answer

    async def _make(self, form: Form) -> ScrapeAnswer:
        begun_at, digest, body = self._clock(), sha1(usedforsecurity=False), []
        async for chunk in chunks(self._registry, form):
            digest.update(chunk)
            body.append(chunk)
        return ScrapeAnswer(body, digest.hexdigest(), begun_at)


async def exposition(registry: Registry, accept: str = "", accept_encoding: str = "") -> Exposition:
    """Render all metrics as the request's Accept and Accept-Encoding headers ask."""
    form = Form.asked(accept, accept_encoding)
    body = b"".join([chunk async for chunk in chunks(registry, form)])
    return Exposition(body, form.content_type, form.encoding)


async def chunks(registry: Registry, form: Form) -> AsyncIterator[bytes]:
    """Yield the exposition; the loop runs between two chunks."""
    for collector in registry.listed:
        if isinstance(collector, PrometheusMetrics):
            for _ in collector.settling():
                await asyncio.sleep(0)
    packer = zlib.compressobj(GZIP_LEVEL, wbits=GZIP_WINDOW) if form.gzip else None
    for chunk in joined(texts(registry, form)):
        packed = chunk if packer is None else packer.compress(chunk)
        if packed:
            yield packed
        await asyncio.sleep(0)
    if packer is not None:
        yield packer.flush()


def joined(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Join small parts to chunks."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= CHUNK_CHARS:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def texts(registry: Registry, form: Form) -> Iterator[bytes]:
    """Yield the text of each collector: ours in pieces, others at once by prometheus_client."""
    for collector in registry.listed:
        if isinstance(collector, PrometheusMetrics):
            for family in collector.families:
                for piece in pieces(family, openmetrics=form.openmetrics):
                    yield piece.encode()
        elif form.openmetrics:
            text: bytes = generate_openmetrics(collector)  # type: ignore[no-untyped-call]
            yield text.removesuffix(END)
        else:
            yield generate_latest(collector)
    if form.openmetrics:
        yield END


def weights(header: str) -> dict[str, float]:
    """Read a header such as Accept: each choice with the weight `q` that the client gives it."""
    chosen: dict[str, float] = {}
    for choice in header.lower().split(","):
        name, *parameters = (part.strip() for part in choice.split(";"))
        chosen[name] = max(weight(parameters), chosen.get(name, 0.0))
    return chosen


def weight(parameters: Iterable[str]) -> float:
    """Return `q`, 1.0 when it is absent or unreadable."""
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return float(value)
            except ValueError:
                break
    return 1.0
