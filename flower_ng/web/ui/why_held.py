"""Judges a task that its worker has received: is that alive, full, limited. Pure."""

from collections.abc import Iterator

from flower_ng.monitor.state.presence import OFFLINE
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.why_facts import Kind, Verdict, WhyFacts, WhyStep, WorkerSeen
from flower_ng.web.ui.why_words import ADVICE, when

#: Celery's `worker_prefetch_multiplier` unless it is set.
USUAL_MULTIPLIER = 4
#: Younger than this, a task that was received is about to start.
SOON_S = 2.0


def held(facts: WhyFacts, worker: WorkerSeen) -> Iterator[WhyStep]:
    """Yield what a task that a worker has received needs to start there."""
    step = _holder(facts, worker)
    yield step
    if step.key == "gone":
        return
    is_early = facts.eta is not None and facts.eta > facts.now
    if not is_early:
        yield _slots(facts, worker)
    if worker.limit:
        yield _limited(facts, worker, is_early=is_early)


def _holder(facts: WhyFacts, worker: WorkerSeen) -> WhyStep:
    row, name = facts.row, worker.name
    received = "" if row.received is None else f" {when(row.received)}"
    if worker.status in OFFLINE:
        return _gone(facts, worker, received)
    if worker.status in {"unknown", "busy"}:
        words = f"{name} received it{received}; whether that is alive can't be known, because "
        why = "nothing was heard of it since events arrive again"
        if worker.status == "busy":
            why = "it is silent, and a solo pool tells nothing while it runs a task"
        return WhyStep("worker", "Worker", "unknown", f"{words}{why}.", worker.silent_s)
    drained = ""
    if worker.drain is not None:
        drained = f" It is being drained by {worker.drain.who}, and still runs what it holds."
    words = f"{name} received it{received} and is online.{drained}"
    return WhyStep("worker", "Worker", "passed", words, worker.silent_s)


def _gone(facts: WhyFacts, worker: WorkerSeen, received: str) -> WhyStep:
    row, silent = facts.row, fmt.duration(worker.silent_s)
    words = f"{worker.name} received it{received} and has been offline for {silent}."
    after_s = facts.given_back_after_s
    if worker.status == "left":
        back = "A worker that shuts down gives back what it has not started"
        back = f"{back}, so it should wait in its queue again."
    elif after_s is None:
        back = "When the broker delivers it again can't be known, because it does not tell."
    elif after_s == 0:
        back = "The broker delivers it again as soon as it notices that the connection is gone."
    elif row.received is None:
        back = f"Redis delivers it again {fmt.duration(after_s)} after it was received."
    else:
        again = row.received + after_s
        past = "was due to deliver" if again <= facts.now else "delivers"
        back = f"Redis {past} it again {when(again)} (visibility_timeout)."
    verdict = Verdict(
        f"{words} {back}",
        "likely",
        "Start the worker again, or run the task again.",
        "worker",
        worker.name,
    )
    return WhyStep("gone", "Worker", "stops", f"{words} {back}", worker.silent_s, {}, verdict)


def _slots(facts: WhyFacts, worker: WorkerSeen) -> WhyStep:
    name, slots = worker.name, worker.slots
    if worker.holds == "nowhere":
        words = (
            f"{name} says that it does not hold it any more: an event of its start or its end was"
            " missed."
        )
        verdict = Verdict(words, "likely", "Ask the result backend.", "worker", name)
        return WhyStep("slots", "Slots", "stops", words, worker.held_age_s, {}, verdict)
    if worker.holds == "active":
        words = f"{name} says that it runs it; the event of its start has not arrived."
        verdict = Verdict(words, "likely", "", "worker", name)
        return WhyStep("slots", "Slots", "stops", words, worker.held_age_s, {}, verdict)
    if slots is None:
        words = f"Whether {name} has a free slot can't be known, because it did not tell its slots."
        return WhyStep("slots", "Slots", "unknown", words)
    evidence = {"slots": slots, "running": worker.running}
    if not worker.free:
        return _full(facts, worker, evidence)
    free = f"{name} has {worker.free} of {fmt.counted(slots, 'slot')} free"
    waits_s = facts.now - (facts.row.received or facts.now)
    if worker.limit or waits_s < SOON_S:
        return WhyStep("slots", "Slots", "passed", f"{free}.", worker.told_age_s, evidence)
    words = f"{free}, and yet does not start it: its pool may hang."
    verdict = Verdict(words, "likely", ADVICE["worker-stalled"], "worker", name)
    return WhyStep("stuck", "Slots", "stops", words, worker.told_age_s, evidence, verdict)


def _full(facts: WhyFacts, worker: WorkerSeen, evidence: dict[str, int]) -> WhyStep:
    name, slots = worker.name, worker.slots
    if not slots:
        words = f"The pool of {name}, which holds it, has no process: it was shrunk to none."
        verdict = Verdict(words, "sure", ADVICE["worker-stalled"], "worker", name)
        return WhyStep("slots", "Slots", "stops", words, worker.told_age_s, evidence, verdict)
    behind, about = "", ("worker", name)
    if worker.longest is not None:
        longest = worker.longest
        for_s = "" if longest.runs_s is None else f" for {fmt.duration(longest.runs_s)}"
        behind = f"; {longest.name or 'a task'} ({longest.uuid[:8]}) has run longest{for_s}"
        about = ("task", longest.uuid)
    taken = "The only slot" if slots == 1 else f"All {slots} slots"
    words = f"{taken} of {name}, which holds it, {'is' if slots == 1 else 'are'} taken{behind}."
    advice = ADVICE["worker-full"]
    idle = next((one.name for one in facts.team if one.name != name and one.free), "")
    multiplier = USUAL_MULTIPLIER if worker.multiplier is None else worker.multiplier
    if idle:
        words = f"{words} {idle} has a free slot, and can't take what {name} has reserved."
        advice = ADVICE["worker-hoards"]
    if multiplier != 1:
        words = f"{words} Its worker_prefetch_multiplier is {multiplier}."
    verdict = Verdict(words, "sure", advice, *about)  # type: ignore[arg-type] # one of them
    return WhyStep("slots", "Slots", "stops", words, worker.told_age_s, dict(evidence), verdict)


def _limited(facts: WhyFacts, worker: WorkerSeen, *, is_early: bool) -> WhyStep:
    type_name, limit = facts.row.name or "this type", worker.limit
    words = f"{worker.name} starts at most {limit} of {type_name} (its rate limit)."
    verdict = None
    if worker.free and not is_early:
        sentence = f"{worker.name} holds it back: it starts at most {limit} of {type_name}."
        verdict = Verdict(
            sentence, "likely", "Raise the rate limit of this type.", "worker", worker.name
        )
    kind: Kind = "stops" if verdict else "passed"
    return WhyStep(
        "limited", "Rate limit", kind, words, worker.told_age_s, {"rate limit": limit}, verdict
    )
