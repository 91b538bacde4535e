"""Review says what an action will do, before it is done; pure."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from flower_ng.errors import AnswerError
from flower_ng.monitor.remote.action import Action
from flower_ng.web.ui.format import json_text

#: So many reviews are remembered, to tell what has changed since.
MOST_REVIEWS: Final = 1000
DIGEST_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class ReviewInput:
    """What a person may fill in, or must: JSON in place of `known`, a text from events.

    `why` says why it must be filled in, empty where it need not be. Where it `is_typed`, it is
    `known` itself that has to be typed, so that nobody confirms by a slip. With `bounds` it is a
    whole number within them.
    """

    name: str
    label: str
    known: str
    given: str = ""
    why: str = ""
    is_typed: bool = False
    bounds: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """What `action` will do to `target`: `effect` in sentences, and to how many, None if unknown.

    `refusals` say why it, or a part of it, will be refused; `cautions` what to think of before;
    `unknowns` what can't be told, `details` what else will be so. `inputs` are what a person may
    fill in, `scripts` does the same without a page, by what it is for. `facts` is what all of that
    rests on: what must still be true when it is done.
    """

    action: Action
    target: str
    effect: str
    count: int | None = 1
    refusals: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    unknowns: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    inputs: tuple[ReviewInput, ...] = ()
    scripts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    facts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def preflight(self) -> str:
        """Whether it can be done: `ready`, `needs your eye` or `blocked`."""
        if self.refusals or any(one.why for one in self.inputs):
            return "blocked"
        return "needs your eye" if self.cautions else "ready"

    @property
    def digest(self) -> str:
        """Equal for reviews of the same action that rest on the same facts."""
        basis = json_text([self.action.name, self.target, self.effect, sorted(self.facts.items())])
        return hashlib.sha256(basis.encode()).hexdigest()[:DIGEST_LENGTH]

    def record(self) -> dict[str, Any]:
        """The review as the API answers it."""
        return {
            "action": self.action.route,
            "target": self.target,
            "effect": self.effect,
            "count": self.count,
            "preflight": self.preflight,
            "details": list(self.details),
            "missing": {one.name: one.why for one in self.inputs if one.why},
            "refusals": list(self.refusals),
            "cautions": list(self.cautions),
            "unknowns": list(self.unknowns),
            "facts": dict(self.facts),
            "digest": self.digest,
        }


class RecentReviews:
    """The newest reviews by digest: on what facts they rest, and whether they were acted on.

    On the loop.
    """

    def __init__(self) -> None:
        self._facts: OrderedDict[str, Mapping[str, str]] = OrderedDict()
        self._used: OrderedDict[str, None] = OrderedDict()
        self._in_use: set[str] = set()

    def is_used(self, digest: str) -> bool:
        """Whether this review is being acted on, or was and nobody has reviewed it again."""
        return digest in self._used or digest in self._in_use

    @contextmanager
    def using(self, digest: str) -> Iterator[None]:
        """Act on a review, which is used by that unless it is certain that nothing was done."""
        self._in_use.add(digest)
        self._used[digest] = None
        try:
            yield
        except AnswerError as error:
            if not error.is_uncertain:
                self._used.pop(digest, None)
            raise
        finally:
            self._in_use.discard(digest)
            while len(self._used) > MOST_REVIEWS:
                self._used.popitem(last=False)

    def note(self, review: Review) -> None:
        """Remember a review that was shown: it may be acted on, once more if it was before."""
        self._used.pop(review.digest, None)
        self._facts[review.digest] = review.facts
        self._facts.move_to_end(review.digest)
        while len(self._facts) > MOST_REVIEWS:
            self._facts.popitem(last=False)

    def changes(self, digest: str, review: Review) -> str:
        """Say what has changed since the review with this digest; empty where nothing has."""
        if digest == review.digest:
            return ""
        before = self._facts.get(digest)
        if before is None:
            return "This is not the review of this action as things are now"
        names = [name for name in {**before, **review.facts} if differs(name, before, review)]
        told = [
            f"{name} was {before.get(name, 'unknown')}, is {review.facts.get(name, 'unknown')}"
            for name in names
        ]
        return f"What was reviewed has changed: {'; '.join(told) or 'the arguments'}"


def differs(name: str, before: Mapping[str, str], review: Review) -> bool:
    """Whether a fact is another now."""
    return before.get(name) != review.facts.get(name)
