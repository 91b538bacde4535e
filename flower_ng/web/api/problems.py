"""What is wrong, what was, and what nobody wants to hear of for a while. On the loop."""

from difflib import get_close_matches
from typing import Any, Final

import msgspec

from flower_ng.errors import BadRequest, NotFound
from flower_ng.health import RULES, Mute
from flower_ng.health.notify.delivery import send_test
from flower_ng.web.api.write import Write
from flower_ng.web.http.base import Endpoint, Need

#: Characters of a mute's reason.
REASON_LENGTH: Final = 300
USUAL_S: Final = 3600.0
LONGEST_S: Final = 90 * 86_400.0


class ShowProblems(Endpoint):
    """The problems that there are, and those that were; not one of Flower's."""

    path = r"/api/problems"
    need = Need.READ
    summary = "Tell what is wrong, since when, and what shows it"

    async def get(self) -> None:
        """Answer `{looked_at, quiet_until, problems, pending, past, left_out}`, problems each."""
        watch = self.cluster.problems
        limit: int = self.get_argument("past", default=50, type=int)
        past = list(watch.past)[: max(0, limit)]
        self.write_json(
            {
                "looked_at": watch.looked_at,
                "quiet_until": watch.engine.quiet_until,
                "problems": msgspec.to_builtins(watch.now),
                "pending": [{**msgspec.to_builtins(one), "raised": None} for one in watch.pending],
                "past": msgspec.to_builtins(past),
                "left_out": {rule: n for rule, n in watch.engine.left_out.items() if n},
            }
        )


class ProblemMute(Write):
    """Tell nobody of a problem for a while; not one of Flower's."""

    path = r"/api/problems/mute"
    need = Need.ADMINISTER
    summary = "Mute a problem for a while, with a reason"

    async def act(self) -> dict[str, Any]:
        """Mute what the arguments `rule` and `subject` name; 400 without a reason."""
        rule, subject = named(self)
        self.get_argument("reason", required=True)
        reason = self.told("reason")[:REASON_LENGTH]
        for_s: float = self.get_argument("for", default=USUAL_S, type=float)
        if not 0 < for_s <= LONGEST_S:
            raise BadRequest(f"for must be from 1 to {LONGEST_S:.15g} seconds, not {for_s:.15g}")
        until = self.services.clock() + for_s
        self.cluster.problems.mute(Mute(rule, subject, until, reason, self.current_user))
        return {"message": f"Muted {rule} {subject}".rstrip(), "until": until}


class ProblemUnmute(Write):
    """Tell of a problem again; not one of Flower's."""

    path = r"/api/problems/unmute"
    need = Need.ADMINISTER
    summary = "Let a muted problem be told of again"

    async def act(self) -> dict[str, Any]:
        """End the mute of what `rule` and `subject` name; 404 where it is not muted."""
        rule, subject = named(self)
        if not self.cluster.problems.unmute(rule, subject):
            raise NotFound(f"Not muted: {rule} {subject}".rstrip())
        return {"message": f"{rule} {subject}".rstrip() + " is unmuted"}


class ProblemsTest(Write):
    """Send a test to whoever is told of problems; not one of Flower's."""

    path = r"/api/problems/test"
    need = Need.ADMINISTER
    summary = "Send a test to everyone who is told of problems"

    async def act(self) -> dict[str, Any]:
        """Answer when all received it: 503 with the reason when not, 404 without anyone."""
        if not self.cluster.tellings:
            raise NotFound("Nobody is told of problems: set webhook_url or notify")
        return {"message": f"A test was received by {await send_test(self.cluster.tellings)}"}


def named(endpoint: Endpoint) -> tuple[str, str]:
    """Return the rule and the subject that a request names; BadRequest for an unknown rule."""
    rule = endpoint.get_argument("rule", default="", required=True)
    known = sorted(one.name for one in RULES)
    if rule not in known:
        near = get_close_matches(rule, known, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise BadRequest(f"Unknown rule '{rule}': {meant}The rules are {', '.join(known)}")
    return rule, endpoint.get_argument("subject", default="", strip=False)
