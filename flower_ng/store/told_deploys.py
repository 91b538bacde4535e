"""ToldDeploys keeps the deploys that somebody told, as notes of one kind. On the loop."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

import msgspec

from flower_ng.store.tables.dialect import DATABASE_ERRORS
from flower_ng.store.writing.write_behind import Notes

log = logging.getLogger(__name__)

KIND: Final = "deploy"
#: The deploys that are kept, the newest; each for 90 days.
MOST: Final = 1000


class ToldDeploy(msgspec.Struct, frozen=True, omit_defaults=True):
    """A deploy that somebody told of: at `at` (UTC seconds), of `name`, by `by`.

    `version` and `link`, an address of HTTP, are empty where they were not told.
    """

    id: str
    at: float
    name: str
    version: str = ""
    link: str = ""
    by: str = ""


class ToldDeploys:
    """The deploys that were told, `by_id`, the oldest first."""

    def __init__(self, notebook: Notes) -> None:
        self.by_id: dict[str, ToldDeploy] = {}
        self._notebook = notebook
        self._changes = 0

    def open(self) -> None:
        """Read what is kept; blocks."""
        self._take(_decoded(self._notebook.read(KIND)) | self.by_id)

    def put(self, deploy: ToldDeploy) -> None:
        """Keep one; at the bound the oldest goes."""
        self._changes += 1
        self._take({**self.by_id, deploy.id: deploy})
        self._write(deploy)
        while len(self.by_id) > MOST:
            self.remove(next(iter(self.by_id)))

    def remove(self, deploy_id: str) -> ToldDeploy | None:
        """Forget one and return it; None where there is none."""
        deploy = self.by_id.pop(deploy_id, None)
        if deploy is not None:
            self._changes += 1
            self._notebook.put(KIND, deploy_id, None, deploy.at)
        return deploy

    def rewrite(self) -> None:
        """Have all that is known written, to a history that may have been begun anew."""
        for deploy in self.by_id.values():
            self._write(deploy)

    async def follow(self) -> None:
        """Learn what was told to, or removed from, other dashboards of the same history."""
        await self.settled()
        before = self._changes
        try:
            found = await asyncio.wrap_future(self._notebook.fetch(KIND))
        except DATABASE_ERRORS:
            return  # what could not be read now is read the next time
        if before == self._changes:
            self._take(_decoded(found))

    async def settled(self) -> None:
        """Return when what was put is written, or can't be now."""
        await self._notebook.settled()

    def _take(self, found: Mapping[str, ToldDeploy]) -> None:
        ordered = sorted(found.values(), key=lambda one: (one.at, one.id))
        self.by_id = {one.id: one for one in ordered}

    def _write(self, deploy: ToldDeploy) -> None:
        self._notebook.put(KIND, deploy.id, msgspec.json.encode(deploy).decode(), deploy.at)


def _decoded(records: Mapping[str, str]) -> dict[str, ToldDeploy]:
    found = {}
    for key, text in records.items():
        try:
            found[key] = msgspec.json.decode(text, type=ToldDeploy)
        except msgspec.DecodeError as error:
            log.warning("The deploy %s can't be read: %s", key, error)
    return found
