"""Deploys: those that were told and those that are guessed, and what changed since. On the loop."""

from dataclasses import asdict
from secrets import token_hex
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from flower_ng.errors import BadRequest, NotFound
from flower_ng.monitor.deploys import Deploy
from flower_ng.monitor.remote.deploy_actions import LINK_LENGTH, NAME_LENGTH, REMOVE, TELL
from flower_ng.store import ToldDeploy
from flower_ng.web.api.json_write import JsonWrite
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.http.moments import instant
from flower_ng.web.lookups.changes_since import LISTED_S, ChangesSince, changes_since, chosen
from flower_ng.web.lookups.deploy_marks import deploys
from flower_ng.web.ui.chart_span import span_asked
from flower_ng.web.ui.review import Review

#: The same name and version, told again within this time, are one deploy: pipelines try again.
SAME_S: Final = 60.0


class Deploys(JsonWrite):
    """The deploys of the last 30 days, and telling of one; not one of Flower's."""

    action = TELL
    methods = ("GET", "POST")

    async def get(self) -> None:
        """Answer `{"deploys": [deploy]}`, the newest first."""
        now = self.services.clock()
        known = deploys(self.cluster, now - LISTED_S, now)
        self.write_json({"deploys": [one.record() for one in reversed(known)]})

    async def plan(self) -> Plan:
        """Take `name`, `version` and `link`, as JSON or as fields; answer the deploy."""
        name, version = self._told("name", NAME_LENGTH), self._told("version", NAME_LENGTH)
        link = _checked(self._told("link", LINK_LENGTH))
        if not name:
            raise BadRequest("name is missing: say what was deployed. Nothing was noted")

        async def carry_out() -> dict[str, Any]:
            told, now = self.cluster.store.told_deploys, self.services.clock()
            for one in told.by_key.values():
                if (one.name, one.version) == (name, version) and abs(now - one.at) < SAME_S:
                    words = f"{name} {version}".rstrip()
                    return {"message": f"{words} was told already", **_record(one)}
            deploy = ToldDeploy(token_hex(6), now, name, version, link, self.identity.name)
            told.put(deploy)
            await told.settled()
            return {"message": f"{name} {version}".rstrip() + " is noted", **_record(deploy)}

        return Plan(lambda: Review(self.action, name, self.action.effect), carry_out)

    def _told(self, name: str, most: int) -> str:
        """Return an argument without secrets, from the body's JSON or from the fields."""
        text = str(self.given().get(name) or self.get_argument(name, default="")).strip()
        if len(text) > most:
            raise BadRequest(f"{name} must have at most {most:,} characters, not {len(text):,}")
        if not text.isprintable():
            raise BadRequest(f"{name} must be one line of printable characters")
        return self.cluster.redactor.text(text)


class DeployRemove(ReviewedWrite):
    """Take back a deploy that was told; not one of Flower's."""

    action = REMOVE

    async def plan(self, deploy_id: str) -> Plan:
        """Answer when it is gone; 404 for one that nobody told of, and for a guess."""
        told = self.cluster.store.told_deploys
        deploy = told.by_key.get(deploy_id)
        if deploy is None:
            raise NotFound(f"Unknown deploy '{deploy_id}'")
        words = f"{deploy.name} {deploy.version}".rstrip()

        async def carry_out() -> dict[str, Any]:
            told.remove(deploy_id)
            await told.settled()
            return {"message": f"{words} is removed"}

        return Plan(lambda: Review(self.action, words, self.action.effect), carry_out)


class ShowChanges(Endpoint):
    """What changed since a deploy; not one of Flower's."""

    path = r"/api/deploys/changes"
    need = Need.READ
    summary = "Compare types and failures after a deploy with those before it"

    async def get(self) -> None:
        """Take `since` and `span`; 404 where no deploy is known and no moment is named."""
        now, since = self.services.clock(), self.get_argument("since", default="")
        at = instant("since", since, now) if since else None
        deploy = chosen(self.cluster, at, now)
        if deploy is None:
            raise NotFound("No deploy is known: name a moment with since")
        if deploy.at > now:
            raise BadRequest(f"since must be in the past, not '{since}'")
        span = span_asked(self.get_argument("span", default=""))
        found = await self.while_here(changes_since(self.cluster, deploy, span, now))
        self.write_json(_changes(found))


def _record(told: ToldDeploy) -> dict[str, Any]:
    return Deploy(**msgspec.structs.asdict(told)).record()


def _changes(found: ChangesSince) -> dict[str, Any]:
    return {
        "deploy": found.deploy.record(),
        "before": {**asdict(found.before), "is_whole": found.before.is_whole},
        "after": {**asdict(found.after), "is_whole": found.after.is_whole},
        "types": [{**asdict(one), "is_worse": one.is_worse} for one in found.types.changed],
        "unchanged": found.types.same,
        "too_few": found.types.few,
        "has_earlier_failures": found.look.has_earlier,
        "new_failures": [
            {
                "digest": one.kind.digest,
                "name": one.kind.name,
                "exception": one.kind.exception,
                "words": one.words,
                "first": one.kind.first,
                "count": one.kind.count,
            }
            for one in found.new
        ],
    }


def _checked(link: str) -> str:
    """Return a link that browsers may follow; BadRequest for any other."""
    if not link:
        return ""
    try:
        parts = urlsplit(link)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadRequest(f"link must be an address that begins with https://, not '{link[:100]}'")
    return link
