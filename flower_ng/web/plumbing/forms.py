"""Forms of pages: each the twin, under `/do/`, of an endpoint that writes.

Same code, same checks; the answer is 303 back to the page it came from, with a toast. Of an action
that is always reviewed, a form without the digest of its review is answered with that.
"""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from flower_ng.errors import AnswerError
from flower_ng.web.auth.landing import landing
from flower_ng.web.http.base import Endpoint, Handler
from flower_ng.web.http.frame import Toast
from flower_ng.web.ui.review import Review

#: What the review adds to a form by itself.
ADDED: Final = frozenset({"_xsrf", "digest", "next", "reason"})


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review with the form that does it; `changes` says what is not as it was reviewed.

    `fields` are what was filled in, in order. `reason` is why somebody wants it, as given so far;
    with `asks_reason` it has to be given.
    """

    title: str
    review: Review
    changes: str
    fields: tuple[tuple[str, str], ...]
    back: str
    reason: str
    asks_reason: bool


class PageForm(Endpoint):
    """What turns an endpoint into its form; mixed in before the endpoint's own class."""

    methods = ("POST",)
    is_form = True

    async def post(self, *path_args: str) -> None:
        """Do it, and go back with a toast; or show its review first."""
        toast = await self._outcome(*path_args)
        if self.review is not None:
            self._show(self.review, toast.text if toast.failed else "")
            return
        self.toast(toast)
        self.redirect(self._way_on(), status=303)

    def _show(self, review: Review, changes: str) -> None:
        fields = [
            (name, value.decode(errors="replace"))
            for name, values in self.request.body_arguments.items()
            for value in values
            if name not in ADDED | {one.name for one in review.inputs}
        ]
        title = f"{review.action.label}: {review.target}"
        view = ReviewView(
            title.rstrip(": "),
            review,
            changes,
            tuple(fields),
            self._way_back(),
            self.get_argument("reason", default=""),
            bool(getattr(self, "asks_reason", False)),
        )
        self.write_page("pages/review.html", view, nav=None)

    async def _outcome(self, *path_args: str) -> Toast:
        try:
            return Toast(_words(await self.perform(*path_args)))
        except AnswerError as error:
            self.log_exception(type(error), error, error.__traceback__)
            return Toast(error.message or f"Error {error.status}", failed=True)

    def get_arguments(self, name: str, strip: bool = True) -> list[str]:  # noqa: FBT001, FBT002
        """Return what was filled in: browsers send empty fields too, scripts leave them out."""
        return [value for value in super().get_arguments(name, strip) if value]

    def _way_on(self) -> str:
        """Where what was done is seen, if it has a page of its own; else back."""
        return self.services.url(self.leads_to) if self.leads_to else self._way_back()

    def _way_back(self) -> str:
        wanted = self.get_argument("next", "") or self._referring_path()
        return landing(wanted, self.services.prefix)

    def _referring_path(self) -> str:
        """The page that the form is on; its host says nothing, because proxies change ours."""
        try:
            parts = urlsplit(self.request.headers.get("Referer", ""))
        except ValueError:
            return ""
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    write_fault = Handler.write_fault  # a form is answered with pages


def _words(answer: dict[str, Any]) -> str:
    return str(answer.get("message", "Done"))


def action_path(endpoint: type[Endpoint]) -> str:
    """The pattern of an endpoint's form: `/api/…` becomes `/do/…`."""
    return endpoint.path.replace("/api/", "/do/", 1)


def twin(endpoint: type[Endpoint]) -> type[Endpoint]:
    """The form of an endpoint that has `has_form = True`."""
    members: dict[str, Any] = {
        "path": action_path(endpoint),
        "need": endpoint.need,
        "__doc__": f"The form of {endpoint.__name__}.",
    }
    return type(f"{endpoint.__name__}Form", (PageForm, endpoint), members)
