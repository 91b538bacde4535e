"""Actions on many tasks, and the batches that carry them out. On the loop."""

from typing import Any, ClassVar, Final
from uuid import uuid4

from flower_ng.batch_record import BatchRecord, BatchState, ItemState
from flower_ng.errors import BadRequest, Conflict
from flower_ng.monitor.remote import batch_actions as declared
from flower_ng.monitor.remote.action import Action
from flower_ng.monitor.remote.control import signal_name
from flower_ng.web.api.asked import filtered, told_query
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.lookups.batch_review import batch_review
from flower_ng.web.lookups.batch_told import batch_told, item_told
from flower_ng.web.lookups.chosen import Chosen, FrozenChoices, chosen
from flower_ng.web.lookups.item_actions import item_action_of
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.review import Review

USUAL: Final = 100
MOST: Final = 1_000
#: What no argument of a batch's own is.
_WHICH: Final = frozenset(one.name for one in declared.WHICH)


class Many(ReviewedWrite):
    """Something that is done to many tasks, which a review freezes."""

    need = Need.OPERATE
    _choice: Chosen | None = None

    async def plan(self) -> Plan:
        """Take the tasks that were reviewed, else those that the arguments name or find now."""
        given = self._given()
        choice = self._choice = await self._chosen()
        review = await batch_review(self.cluster, self.action, choice, given)

        async def carry_out() -> dict[str, Any]:
            if review.refusals:
                raise Conflict(f"Nothing was done: {' '.join(review.refusals)}")
            return await self.carry_out(choice, given)

        return Plan(lambda: review, carry_out)

    async def carry_out(self, choice: Chosen, given: dict[str, str]) -> dict[str, Any]:
        """Begin a batch; answer its id."""
        batch = BatchRecord(
            id=uuid4().hex,
            action=self.action.name,
            count=len(choice.uuids),
            at=self.services.clock(),
            who=str(self.current_user),
            how=str(self.identity.how),
            peer=self.request.remote_ip or "",
            search=None if choice.search is None else self.cluster.redactor.text(choice.search),
            parameters={"signal": given["signal"]} if "signal" in given else {},
            reason=self.reason(),
            rate=int(given["rate"]),
            most_failed=int(given.get("most_failed", 100)),
            most_waiting=int(given.get("most_waiting", 0)),
        )
        await self.cluster.batches.create(batch, choice.uuids, item_action_of(self.cluster, batch))
        self.leads_to = f"/batches/{batch.id}"
        words = f"Began to {self.action.label.lower()} {fmt.counted(batch.count, 'task')}"
        return {"message": words, "batch": batch.id, "count": batch.count}

    async def _chosen(self) -> Chosen:
        if digest := self.digest():
            kept = self._frozen.of(digest)
            if kept is None:
                raise Conflict(
                    "Which tasks were reviewed is not known any more: review it again. Nothing was"
                    " done"
                )
            return kept
        is_all = self.get_argument("all", default=False, type=bool)
        ids = [] if is_all else self.get_arguments("ids")
        query = filtered(self) if is_all else None
        return await chosen(self.cluster, ids, query, told_query(self))

    def _given(self) -> dict[str, str]:
        """Return the arguments but for those that choose tasks; BadRequest for a wrong one."""
        given = {}
        for one in self.action.arguments:
            if one.name in _WHICH:
                continue
            value = self.get_argument(one.name, default=one.default, type=one.type)
            given[one.name] = str(one.checked(value))
        if "signal" in given:
            given["signal"] = signal_name(given["signal"])
        return given

    def _reviewed(self, review: Review) -> dict[str, Any]:
        if self._choice is not None:
            self._frozen.keep(review.digest, self._choice)
        return super()._reviewed(review)

    @property
    def _frozen(self) -> FrozenChoices:
        frozen: FrozenChoices = self.settings.get("frozen") or FrozenChoices()
        return frozen


class ManyRerun(Many):
    """Run many tasks again, in a batch."""

    action = declared.RERUN_MANY


class ManyRevoke(Many):
    """Revoke many tasks, in a batch."""

    action = declared.REVOKE_MANY


class ManyTerminate(Many):
    """Terminate many tasks, in a batch."""

    action = declared.TERMINATE_MANY


class ManyForget(Many):
    """Forget many tasks, at once: nothing is sent to anybody."""

    action = declared.FORGET_MANY

    async def carry_out(self, choice: Chosen, given: dict[str, str]) -> dict[str, Any]:  # noqa: ARG002
        """Answer how many were forgotten."""
        forgotten = await self.cluster.store.forget_those(choice.uuids)
        return {"message": f"Forgot {fmt.counted(forgotten, 'task')}", "forgotten": forgotten}


class BatchWrite(ReviewedWrite):
    """Something that is done to a batch."""

    action: ClassVar[Action]

    async def plan(self, batch_id: str) -> Plan:
        """Look at how the batch is; NotFound for no such batch."""
        batch = (await self.cluster.batches.status(batch_id)).batch
        rate = self._rate() if self.action.arguments else batch.rate
        review = Review(
            self.action,
            batch_id,
            self.action.effect.format(rate=rate),
            count=batch.count,
            facts={"state": batch.state.value},
        )

        async def carry_out() -> dict[str, Any]:
            words = await self.do(batch, rate)
            return {"message": words, "batch": batch_id}

        return Plan(lambda: review, carry_out)

    async def do(self, batch: BatchRecord, rate: int) -> str:
        """Do it, and return what was done."""
        raise NotImplementedError

    def _rate(self) -> int:
        given: int = self.get_argument("rate", type=int, required=True)
        return int(declared.RATE.checked(given))


class BatchPause(BatchWrite):
    """Pause a batch."""

    action = declared.PAUSE_BATCH

    async def do(self, batch: BatchRecord, rate: int) -> str:  # noqa: ARG002
        """Answer when the task that it is at is done with."""
        await self.cluster.batches.pause(batch.id, f"{self.current_user} paused it")
        return "The batch is paused"


class BatchResume(BatchWrite):
    """Go on with a batch."""

    action = declared.RESUME_BATCH

    async def do(self, batch: BatchRecord, rate: int) -> str:  # noqa: ARG002
        """Go on; what is unknown is not done again."""
        await self.cluster.batches.resume(batch.id, item_action_of(self.cluster, batch))
        return "The batch goes on"


class BatchStop(BatchWrite):
    """End a batch for good."""

    action = declared.STOP_BATCH

    async def do(self, batch: BatchRecord, rate: int) -> str:  # noqa: ARG002
        """Answer when the task that it is at is done with."""
        await self.cluster.batches.stop_one(batch.id)
        return "The batch is stopped"


class BatchRate(BatchWrite):
    """Change how fast a batch goes."""

    action = declared.RATE_BATCH

    async def do(self, batch: BatchRecord, rate: int) -> str:
        """Change it now, or for when it is resumed."""
        await self.cluster.batches.set_rate(batch.id, rate)
        return f"The batch does {rate} a second" + (
            "" if batch.state == BatchState.RUNNING else ", once it goes on"
        )


class ListBatches(Endpoint):
    """The batches, the newest first; not one of Flower's."""

    path = r"/api/batches"
    need = Need.OPERATE
    summary = "List batches"

    async def get(self) -> None:
        """Answer `{batches, next}`; `next`, as `before`, leads to older ones."""
        limit = limit_of(self)
        before: float | None = self.get_argument("before", default=None, type=float)
        found = await self.cluster.store.batches.newest(limit + 1, before)
        more = found[limit - 1].batch.at if len(found) > limit else None
        self.write_json({"batches": list(map(batch_told, found[:limit])), "next": more})


class ShowBatch(Endpoint):
    """A batch, and what came of each of its tasks; not one of Flower's."""

    path = r"/api/batches/(.+)"
    need = Need.OPERATE
    summary = "Show a batch, and what came of each of its tasks"

    async def get(self, batch_id: str) -> None:
        """Answer the batch with `items` and `next`, which as `after` leads to the rest."""
        limit = limit_of(self)
        status = await self.cluster.batches.status(batch_id)
        after: int = self.get_argument("after", default=-1, type=int)
        outcome: str = self.get_argument("outcome", default="")
        if outcome and outcome not in list(ItemState):
            raise BadRequest(f"Invalid outcome '{outcome}', expected one of {', '.join(ItemState)}")
        states = (ItemState(outcome),) if outcome else ()
        items = await self.cluster.store.batches.items(batch_id, states, after, limit + 1)
        shown = items[:limit]
        rows = await self.cluster.store.those([one.new_id for one in shown if one.new_id])
        news = {row.uuid: row for row in rows}
        self.write_json(
            {
                **batch_told(status),
                "items": [item_told(one, news) for one in shown],
                "next": shown[-1].place if len(items) > limit else None,
            }
        )


def limit_of(handler: Endpoint) -> int:
    """Return how many are asked for; BadRequest for too many or none."""
    limit: int = handler.get_argument("limit", default=USUAL, type=int)
    if not 0 < limit <= MOST:
        raise BadRequest(f"limit must be from 1 to {MOST:,}, not {limit}")
    return limit
