"""Judges a task that waits in its queue: pauses, place, consumers, what they can run. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from flower_ng.monitor.holds.records import PausedQueue
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.why_facts import Certainty, Kind, Verdict, WhyFacts, WhyStep, WorkerSeen
from flower_ng.web.ui.why_words import ADVICE, lowered, named, when

#: Taken from its queue as long ago, an event of its receipt should have come.
LATE_S: Final = 5.0
#: So long after a task was sent the broker's numbers count its message.
SETTLE_S: Final = 10.0


def queued(facts: WhyFacts) -> Iterator[WhyStep]:
    """Yield what a task needs to be taken from its queue and run."""
    queue = facts.row.queue
    if queue is None:
        words = "Its queue can't be known, because no task-sent event told it."
        yield WhyStep("queue", "Queue", "unknown", words)
        return
    if facts.pause is not None:
        yield _paused(facts, facts.pause)
    step = _place(facts, queue)
    yield step
    if step.key == "taken" or (facts.is_delayed_by_broker and (facts.eta or 0) > facts.now):
        return
    yield _consumers(facts, queue)
    if facts.team:
        yield _registered(facts, queue)
        yield _serializer(facts)
        yield _slots(facts, queue)


def _paused(facts: WhyFacts, pause: PausedQueue) -> WhyStep:
    queue, until = pause.queue, "until somebody resumes it"
    if pause.until is not None:
        until = f"and is resumed {when(pause.until)}"
    because = f" ({pause.reason})" if pause.reason else ""
    words = f"The queue {queue} was paused by {pause.who} {when(pause.since)} {until}{because}."
    certainty: Certainty = "likely" if facts.team else "sure"
    verdict = Verdict(words, certainty, "Resume the queue.", "queue", queue)
    return WhyStep("paused", "Paused", "stops", words, None, {"paused by": pause.who}, verdict)


def _place(facts: WhyFacts, queue: str) -> WhyStep:
    """Tell the queue's length and the task's place in it."""
    told, place = facts.queue, facts.place
    age_s = facts.queue_age_s
    if told is not None and told.is_missing:
        words = f"The broker has no queue {queue}: it was deleted, and what waited in it with it."
        verdict = Verdict(words, "likely", "Run the task again; a worker makes the queue anew.")
        return WhyStep("missing", "Queue", "stops", words, age_s, {}, verdict)
    length = None if told is None else told.length
    if place.before is not None:
        waits = "" if length is None else f", in which {fmt.counted(length, 'message')} wait"
        ahead = fmt.counted(place.before, "message")
        words = f"It is in the queue {queue}{waits}; {ahead} will be taken before it."
        evidence = {"before": place.before, **({} if length is None else {"length": length})}
        return WhyStep("queue", "Queue", "passed", words, 0.0, evidence)
    if facts.row.sent is not None and place.is_whole:
        return _taken(facts, queue, 0.0)
    if facts.row.sent is not None and _is_emptied(facts, facts.row.sent):
        return _taken(facts, queue, age_s)
    waits = f"can't be known{_because(facts)}" if length is None else fmt.counted(length, "message")
    words = f"The queue {queue} has a length of {waits}."
    if length is None:
        words = f"The length of the queue {queue} {waits}."
    why_not = place.why_not or "its message was not found among the first that were looked at"
    words = f"{words} Its place can't be known, because {lowered(why_not)}"
    kind: Kind = "unknown" if length is None else "passed"
    evidence = {} if length is None else {"length": length}
    return WhyStep("queue", "Queue", kind, fmt.sentence(words), age_s, evidence)


def _is_emptied(facts: WhyFacts, sent: float) -> bool:
    """Whether a queue, whose messages can't be seen, was empty long after the task was sent."""
    told, age_s = facts.queue, facts.queue_age_s
    if told is None or age_s is None or facts.is_delayed_by_broker:
        return False
    return told.length == 0 and told.unacked == 0 and facts.now - age_s - sent > SETTLE_S


def _because(facts: WhyFacts) -> str:
    reason = facts.queue.reason if facts.queue else facts.broker_trouble
    return f", because {lowered(reason).rstrip('.')}" if reason else ""


def _taken(facts: WhyFacts, queue: str, age_s: float | None) -> WhyStep:
    since_s = facts.now - (facts.row.sent or facts.now)
    if since_s < LATE_S:
        words = f"It is not in the queue {queue} any more: a worker is taking it."
        return WhyStep("taken", "Queue", "passed", words, age_s)
    if not facts.is_current:
        words = (
            f"It is not in the queue {queue} any more; who took it can't be known, because no"
            " events arrive."
        )
        return WhyStep("taken", "Queue", "unknown", words, age_s)
    back = ""
    if facts.given_back_after_s:
        after = fmt.duration(facts.given_back_after_s)
        back = f" What a dead worker holds comes back {after} after it was taken."
    words = (
        f"It is not in the queue {queue} any more, and no event tells who took it: its worker sends"
        f" no events, or died, or somebody removed it.{back}"
    )
    verdict = Verdict(words, "likely", "Ask the result backend, or look at the workers.", "workers")
    return WhyStep("taken", "Queue", "stops", words, age_s, {}, verdict)


def _consumers(facts: WhyFacts, queue: str) -> WhyStep:
    told = facts.queue.consumers if facts.queue else None
    if facts.team:
        words = f"{fmt.counted(len(facts.team), 'worker')} consume from {queue}: " + named(
            [one.name for one in facts.team]
        )
        age_s = max((one.told_age_s or 0.0 for one in facts.team), default=None)
        return WhyStep("consumers", "Consumers", "passed", fmt.sentence(words), age_s)
    if facts.drained:
        who = named([f"{one.worker} (by {one.who})" for one in facts.drained])
        words = f"The workers of the queue {queue} are being drained and take nothing more: {who}."
        verdict = Verdict(words, "sure", "Undo the drain.", "worker", facts.drained[0].worker)
        return WhyStep("drained", "Consumers", "stops", words, None, {}, verdict)
    if told:
        words = (
            f"The broker counts {fmt.counted(told, 'consumer')} of {queue}; which workers they are"
            " can't be known, because none that is heard of tells that it consumes from it."
        )
        return WhyStep("consumers", "Consumers", "unknown", words, facts.queue_age_s)
    if facts.silent_team:
        silent = fmt.counted(facts.silent_team, "worker")
        words = f"No worker is known to consume from {queue}; {silent} did not tell what from."
        verdict = Verdict(words, "likely", ADVICE["queue-deserted"], "queue", queue)
        return WhyStep("consumers", "Consumers", "stops", words, None, {}, verdict)
    is_empty = not facts.online
    words = "No worker is online." if is_empty else f"No worker consumes from the queue {queue}."
    advice = ADVICE["no-workers" if is_empty else "queue-deserted"]
    certainty: Certainty = "sure" if facts.is_current else "likely"
    about = ("workers", "") if is_empty else ("queue", queue)
    verdict = Verdict(words, certainty, advice, *about)  # type: ignore[arg-type] # one of them
    return WhyStep("consumers", "Consumers", "stops", words, facts.queue_age_s, {}, verdict)


def _registered(facts: WhyFacts, queue: str) -> WhyStep:
    name, team = facts.row.name or "this type", facts.team
    lacking = [one.name for one in team if one.has_type is False]
    unknown = sum(one.has_type is None for one in team)
    if len(lacking) == len(team):
        words = (
            f"No worker of the queue {queue} has registered {name}: whoever takes it discards it"
            " (NotRegistered)."
        )
        advice = "Start a worker that has the task, or deploy it to these."
        verdict = Verdict(words, "sure", advice, "queue", queue)
        return WhyStep("unregistered", "Registered", "stops", words, None, {}, verdict)
    if lacking:
        words = (
            f"{name} is not registered on {len(lacking)} of {len(team)} workers of {queue}, which"
            f" discard it if they take it: {named(lacking)}."
        )
        return WhyStep("unregistered", "Registered", "risk", words)
    if unknown:
        words = f"Whether {name} is registered can't be known of {unknown} of {len(team)} workers,"
        words = f"{words} because they did not tell their tasks."
        return WhyStep("unregistered", "Registered", "unknown", words)
    return WhyStep("unregistered", "Registered", "passed", f"All of them have registered {name}.")


def _serializer(facts: WhyFacts) -> WhyStep:
    content, team = facts.place.content_type, facts.team
    if not content:
        why_not = facts.place.why_not or "its message was not seen"
        words = f"Its serializer can't be known, because {lowered(why_not)}"
        return WhyStep("serializer", "Serializer", "unknown", fmt.sentence(words))
    refusing = [one.name for one in team if one.accepts is False]
    if refusing and len(refusing) == len(team):
        words = f"No worker of its queue accepts {content}: whoever takes it discards it."
        advice = "Add it to accept_content of the workers, or send it with another serializer."
        verdict = Verdict(words, "sure", advice, "queue", facts.row.queue or "")
        return WhyStep("serializer", "Serializer", "stops", words, 0.0, {}, verdict)
    if refusing:
        words = f"{content} is not accepted by {named(refusing)}, which discard it if they take it."
        return WhyStep("serializer", "Serializer", "risk", words, 0.0)
    if any(one.accepts is None for one in team):
        words = f"Whether all accept {content} can't be known, because not all told their settings."
        return WhyStep("serializer", "Serializer", "unknown", words)
    return WhyStep("serializer", "Serializer", "passed", f"They accept {content}.", 0.0)


def _slots(facts: WhyFacts, queue: str) -> WhyStep:
    team = facts.team
    age_s = max((one.told_age_s or 0.0 for one in team), default=None)
    known = [one for one in team if one.slots is not None]
    free = sum(one.free or 0 for one in known)
    slots = sum(one.slots or 0 for one in known)
    evidence = {"slots": slots, "free": free}
    if free:
        words = f"{free} of {fmt.counted(slots, 'slot')} are free{_who_is_free(known)}."
        verdict = None
        if facts.place.before:
            ahead = fmt.counted(facts.place.before, "message")
            sentence = f"It waits in line: {ahead} of {queue} will be taken before it."
            verdict = Verdict(sentence, "likely", ADVICE["queue-old"], "queue", queue)
        return WhyStep("slots", "Slots", "passed", words, age_s, evidence, verdict)
    if len(known) < len(team):
        words = "Whether a slot is free can't be known, because not all workers told their slots."
        return WhyStep("slots", "Slots", "unknown", words, age_s)
    words = f"All {fmt.counted(slots, 'slot')} of the workers of {queue} are taken."
    if not slots:
        words = f"The workers of {queue} have no slot: their pools were shrunk to none."
    verdict = Verdict(words, "sure", ADVICE["queue-old"], "queue", queue)
    return WhyStep("slots", "Slots", "stops", words, age_s, evidence, verdict)


def _who_is_free(team: Sequence[WorkerSeen]) -> str:
    return f" ({named([one.name for one in team if one.free])})"
