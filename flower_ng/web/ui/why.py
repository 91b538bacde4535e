"""Judges why a task does not run: known facts in, a chain of steps out. Pure.

The steps stand in the order in which a task passes them. The reason is the first that is sure, or a
broker that blocks, else the first that is likely.
"""

from collections.abc import Iterator
from typing import Final

from flower_ng.monitor.holds.revoking import has_ended
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.why_facts import Certainty, Verdict, Why, WhyFacts, WhyStep
from flower_ng.web.ui.why_held import held
from flower_ng.web.ui.why_queued import queued
from flower_ng.web.ui.why_words import ADVICE, lowered, when

UNSENT: Final = (
    "It can't be known when it was sent, by whom and to which queue, because no task-sent event"
    " arrived. Set task_send_sent_event = True where tasks are published."
)
NOTHING: Final = "Nothing that can be seen keeps it from running."


def why(facts: WhyFacts) -> Why:
    """Return why a task does not run, or that it runs or has ended."""
    row = facts.row
    if has_ended(row) or row.state == "REJECTED":
        return Why("ended", Verdict(f"It has ended: {row.state}.", "sure"))
    if row.is_running:
        where = f" on {row.worker}" if row.worker else ""
        if facts.doubt:
            return Why("doubt", Verdict(facts.doubt, "unknown", "", "worker", row.worker or ""))
        for_s = "" if row.started is None else f" for {fmt.duration(facts.now - row.started)}"
        return Why("running", Verdict(f"It runs{where}{for_s}.", "sure"))
    steps = tuple(_steps(facts))
    stops = [one for one in steps if one.verdict is not None]
    reason = next(filter(_is_decisive, stops), next(iter(stops), None))
    if reason is not None and reason.verdict is not None:
        return Why(reason.key, reason.verdict, steps)
    return Why("unknown", Verdict(_open(steps), "unknown"), steps)


def _is_decisive(step: WhyStep) -> bool:
    """Whether it is sure, or what comes after it may come of it: full slots of a blocked broker."""
    return step.key == "broker" or (step.verdict is not None and step.verdict.certainty == "sure")


def _open(steps: tuple[WhyStep, ...]) -> str:
    unknown = [one.label.lower() for one in steps if one.kind == "unknown"]
    return f"{NOTHING} Not known: {', '.join(unknown)}." if unknown else NOTHING


def _steps(facts: WhyFacts) -> Iterator[WhyStep]:
    yield _sent(facts)
    if facts.revoked:
        is_told = bool(facts.revoked_told) or facts.row.state == "REVOKED"
        certainty: Certainty = "sure" if is_told else "likely"
        yield WhyStep(
            "revoked",
            "Revoked",
            "stops",
            facts.revoked,
            evidence={"acknowledged by": ", ".join(facts.revoked_told) or "nobody"},
            verdict=Verdict(facts.revoked, certainty, "Run it again if it is to run after all."),
        )
    yield from _times(facts)
    yield _broker(facts)
    if facts.row.state == "RECEIVED" and facts.worker is not None:
        yield from held(facts, facts.worker)
    else:
        yield from queued(facts)


def _sent(facts: WhyFacts) -> WhyStep:
    row = facts.row
    if row.sent is None:
        return WhyStep("sent", "Sent", "unknown", UNSENT)
    by = row.client or "somebody whose name no event told"
    where = f" to the queue {row.queue}" if row.queue else ""
    words = f"Sent {when(row.sent)} by {by}{where}."
    return WhyStep("sent", "Sent", "passed", words, max(0.0, facts.now - row.sent))


def _times(facts: WhyFacts) -> Iterator[WhyStep]:
    now, eta, expires = facts.now, facts.eta, facts.expires
    if expires is not None and expires <= now:
        words = f"It expired {when(expires)}: the worker that takes it drops it without a run."
        verdict = Verdict(words, "sure", "Run it again if it is still to be done.")
        yield WhyStep("expired", "Expiry", "stops", words, None, {"expired_at": expires}, verdict)
    elif expires is not None:
        words = f"It expires {when(expires)}, in {fmt.duration(expires - now)}."
        yield WhyStep("expired", "Expiry", "passed", words, None, {"expires_at": expires})
    if eta is not None and eta > now:
        what = "Its next try starts" if facts.row.state == "RETRY" else "It starts"
        holder = "the broker" if facts.is_delayed_by_broker else ""
        if facts.row.state == "RECEIVED":
            holder = facts.row.worker or "its worker"
        until = f"; {holder} holds it until then" if holder else ""
        words = (
            f"{what} {when(eta)} at the earliest (its ETA), in {fmt.duration(eta - now)}{until}."
        )
        advice = "To run it now, revoke it and run it again without an ETA."
        verdict = Verdict(words, "sure", advice)
        yield WhyStep("eta", "ETA", "stops", words, None, {"eta_at": eta}, verdict)
    elif eta is not None:
        yield WhyStep("eta", "ETA", "passed", f"Its ETA has passed: {when(eta)}.")


def _broker(facts: WhyFacts) -> WhyStep:
    if facts.blocked:
        words = f"The broker blocks publishers: {facts.blocked}."
        verdict = Verdict(words, "likely", ADVICE["broker-blocks"], "broker")
        return WhyStep("broker", "Broker", "stops", words, facts.broker_age_s, {}, verdict)
    if facts.broker_trouble:
        words = f"It can't be known how the broker is, because {lowered(facts.broker_trouble)}"
        return WhyStep("broker", "Broker", "unknown", fmt.sentence(words), facts.broker_age_s)
    if not facts.is_current:
        words = "It can't be known what workers do now, because no events arrive from the broker."
        return WhyStep("broker", "Broker", "unknown", words)
    words = "The broker answers, and events arrive from it."
    return WhyStep("broker", "Broker", "passed", words, facts.broker_age_s)
