"""Scrape answers Prometheus at `/metrics`, always open; on the loop, which it gives back often."""

from hashlib import sha1

from flower_ng.metrics import Form, chunks
from flower_ng.web.base import Access, Handler


class Scrape(Handler):
    """The exposition, in the format and the coding that the Accept headers ask for."""

    access = Access.OPEN
    path = "/metrics"

    async def get(self) -> None:
        """Answer with every metric."""
        headers = self.request.headers
        form = Form.asked(headers.get("Accept", ""), headers.get("Accept-Encoding", ""))
        self.set_header("Content-Type", form.content_type)
        self.add_header("Vary", "Accept, Accept-Encoding")
        if form.encoding is not None:
            self.set_header("Content-Encoding", form.encoding)
        await self._write_chunks(form)

    async def _write_chunks(self, form: Form) -> None:
        digest = sha1(usedforsecurity=False)
        async for chunk in chunks(self.cluster.registry, form):
            digest.update(chunk)
            self.write(chunk)
        self._etag = f'"{digest.hexdigest()}"'

    _etag: str | None = None

    def compute_etag(self) -> str | None:
        """The tag of what was written, summed up chunk by chunk: the body may be large."""
        return self._etag
