"""Routes that change something, and those of declared actions: plan, review, then do it.

On the loop.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from flower_ng.errors import BadRequest, Conflict, NotFound
from flower_ng.monitor.remote.action import Action
from flower_ng.web.auth.roles import Need
from flower_ng.web.http.base import Endpoint
from flower_ng.web.http.services import is_known
from flower_ng.web.ui.review import RecentReviews, Review


@dataclass(frozen=True, slots=True)
class Plan:
    """An action with all that it needs: what reviews it, and what does it."""

    review: Callable[[], Review]
    carry_out: Callable[[], Awaitable[dict[str, Any]]]


class Write(Endpoint):
    """A POST that changes something and answers `{"message": …}`; pages have a form of it."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    has_form = True

    def told(self, name: str) -> str:
        """What somebody wrote about it, without secrets: it is kept and shown to others."""
        return self.cluster.redactor.text(str(self.get_argument(name, default="") or ""))


class ReviewedWrite(Write):
    """A POST that does what an Action declares.

    A subclass names its `action`, and plans it; its path, need and summary follow from the action.
    """

    is_reviewable = True

    action: ClassVar[Action]

    def __init_subclass__(cls, **arguments: Any) -> None:
        if "action" in cls.__dict__:
            cls.path = rf"/api/{cls.action.route}" + (r"/(.+)" if cls.action.target else "")
            cls.summary = cls.action.summary
            cls.need = Need.ADMINISTER if cls.action.administers else Need.OPERATE
        super().__init_subclass__(**arguments)

    async def act(self, *path_args: str) -> dict[str, Any]:
        """Do it, or answer with its review; Conflict where it is not as it was reviewed."""
        plan = await self.plan(*path_args)
        digest = self.digest()
        if self.is_dry_run or (self.is_form and self.action.is_reviewed and not digest):
            return self._reviewed(plan.review())
        self._check_reason()
        if not digest:
            return await plan.carry_out()
        self._check_digest(digest, plan.review())
        return await self._done_once(digest, plan)

    def _check_digest(self, digest: str, review: Review) -> None:
        if changes := self._reviews.changes(digest, review):
            self._reviewed(review)
            raise Conflict(f"{changes}. Nothing was done: review it again")
        if self._reviews.is_used(digest):
            raise Conflict(
                "What was reviewed is being done, or was done already: it is not done once more."
                " To do it again, review it again"
            )

    def _check_reason(self) -> None:
        if self.asks_reason and not self.reason():
            raise BadRequest(
                f"reason is missing: say why you want to {self.action.label.lower()}"
                " (--require_reason). Nothing was done"
            )

    @property
    def asks_reason(self) -> bool:
        """Whether somebody has to say why, which is recorded."""
        return self.services.options.require_reason and self.action.is_reviewed

    async def _done_once(self, digest: str, plan: Plan) -> dict[str, Any]:
        """Do it; who clicks twice does it once, who was told that nothing was done may retry."""
        with self._reviews.using(digest):
            return await plan.carry_out()

    async def plan(self, *path_args: Any, **_none: Any) -> Plan:
        """Check the arguments, and say what would happen."""
        raise NotImplementedError

    def digest(self) -> str:
        """The digest of the review that somebody saw; empty where nobody did."""
        return str(self.get_argument("digest", default=""))

    def reason(self) -> str:
        """Why somebody wants it done, without secrets; empty where that is not told."""
        return self.told("reason")

    def argument_values(self) -> list[Any]:
        """The values of the declared arguments, in their order."""
        return [
            self.get_argument(
                one.name, default=one.default, type=one.type, required=one.is_required
            )
            for one in self.action.arguments
        ]

    def require_worker(self, name: str) -> None:
        """Answer 404 unless the worker is known from its events or from an inspection."""
        if not is_known(self.cluster, name):
            raise NotFound(f"Unknown worker '{name}'")

    def _reviewed(self, review: Review) -> dict[str, Any]:
        self._reviews.note(review)
        self.review = review
        self.done_words = "reviewed, nothing was done"
        return review.record()

    @property
    def _reviews(self) -> RecentReviews:
        """Those of this site; another application that mounts a handler has none."""
        reviews: RecentReviews = self.settings.get("reviews") or RecentReviews()
        return reviews
