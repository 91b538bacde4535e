"""Links makes the addresses of pages and of their forms; pure."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote, urlencode

#: Names that are remembered as they stand in addresses: a page may have those of all workers.
NAMES: Final = 20_000
#: Steps of a path that are `.` or `..`, quoted any number of times.
STEP: Final = re.compile(r"(?<![^/])(?:\.|%(?:25)*2E){1,2}(?![^/])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses below a prefix, which is empty or starts with a slash and ends without one."""

    prefix: str = ""

    def worker(self, name: str) -> str:
        """The page of a worker."""
        return f"{self.prefix}/worker/{segment(name)}"

    def task(self, uuid: str) -> str:
        """The page of a task."""
        return f"{self.prefix}/task/{segment(uuid)}"

    def queue(self, name: str) -> str:
        """The page of a queue."""
        return f"{self.prefix}/queues/{segment(name)}"

    def type(self, name: str) -> str:
        """The page of a task type."""
        return f"{self.prefix}/types/{segment(name)}"

    def workflow(self, uuid: str) -> str:
        """The page of a workflow: by its root, any task of it, or the id of a group in it."""
        return f"{self.prefix}/workflow/{segment(uuid)}"

    def failure(self, digest: str, span: str = "") -> str:
        """The page of a kind of failures, over a span."""
        return self.page(f"/failures/{segment(digest)}", {"span": span} if span else {})

    def deploys(self, since: float | None = None, span: str = "") -> str:
        """What changed since a moment, over a span; since the last deploy without one."""
        query = {"since": "" if since is None else f"{since:.3f}", "span": span}
        return self.page("/deploys", {name: value for name, value in query.items() if value})

    def batch(self, batch_id: str) -> str:
        """The page of a batch."""
        return f"{self.prefix}/batches/{segment(batch_id)}"

    def tasks(self, **filters: str | None) -> str:
        """The list of the tasks with these values; None stands for any."""
        return self.page("/tasks", {key: value for key, value in filters.items() if value})

    def compare(self, one: str, other: str) -> str:
        """Two tasks side by side."""
        return f"{self.prefix}/compare?{urlencode([('ids', one), ('ids', other)])}"

    def action(self, tail: str, subject: str = "", tab: str = "") -> str:
        """Where the form of an action is sent; browsers keep the fragment on the way back."""
        where = f"/{segment(subject)}" if subject else ""
        return f"{self.prefix}/do/{tail}{where}{f'#{tab}' if tab else ''}"

    def page(self, path: str, query: dict[str, str]) -> str:
        """Any page, with a query."""
        return f"{self.prefix}{path}?{urlencode(query)}" if query else f"{self.prefix}{path}"


@lru_cache(NAMES)
def segment(text: str) -> str:
    """Any text as one segment of a path; `text_of` gives it back, once it is unquoted.

    What browsers and proxies would take for a way up or down, `..` for one, is quoted twice.
    """
    return quote(STEP.sub(lambda found: quote_all(found[0]), text), safe="@:")


def text_of(unquoted: str) -> str:
    """The text that a segment stands for."""
    return STEP.sub(lambda found: unquote(found[0]), unquoted)


def quote_all(step: str) -> str:
    """A step of dots, or one that is quoted already, quoted once more."""
    return step.replace("%", "%25").replace(".", "%2E")


def word(text: str) -> str:
    """Any text as one word of a search."""
    if not set(text) & set(' \t\n\r\v\f()"\\'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
