"""ClusterVerdict sums up the cluster: open and pending problems, and what is unknown. Pure.

The Overview and `/api/overview` show it; they have no rules of their own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from flower_ng.brokers.condition import BrokerFacts
from flower_ng.health.problem import Problem
from flower_ng.health.watch import ProblemWatch
from flower_ng.monitor.state.presence import LISTEN_S, Census, Presence

#: `ok` only where nothing is raised or pending and everything was seen; `unknown` where nothing is
#: wrong as far as is known, and not everything was seen.
Kind: TypeAlias = Literal["ok", "warning", "error", "unknown"]

#: What the broker told, or the rules found, earlier says nothing about now.
GOOD_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class ClusterVerdict:
    """`raised` are problems, `pending` is what may become one, `muted` is either that is muted.

    `census` counts the workers; `is_current` is whether events arrive, else all is as of `at` (UTC
    seconds), or nothing was heard yet where `has_heard` is False; `lack` is why this broker never
    carries events, if so; `held_back` why it holds back what workers send, if so; `has_settled` is
    that we have listened for long enough to have heard of all who are online. `quiet_s` is for how
    long no problem is raised after a start. `unseen` says in sentences what could not be looked at.
    """

    raised: tuple[Problem, ...]
    pending: tuple[Problem, ...]
    muted: tuple[Problem, ...]
    census: Census
    is_current: bool
    has_heard: bool
    at: float
    quiet_s: float
    unseen: tuple[str, ...]
    lack: str = ""
    has_settled: bool = True
    held_back: str = ""

    @property
    def kind(self) -> Kind:
        """The verdict in a word."""
        if any(one.severity == "error" for one in self.raised):
            return "error"
        if self.raised or self.pending or self.muted:
            return "warning"
        return "unknown" if self.unseen else "ok"


def cluster_verdict(
    watch: ProblemWatch,
    presence: Presence,
    broker: BrokerFacts | None,
    now: float,
    unseen: Iterable[str] = (),
) -> ClusterVerdict:
    """Return the verdict as of now; `unseen` is what others could not look at, in sentences."""
    every, census = (*watch.now, *watch.pending), presence.census()
    quiet_s = max(0.0, watch.engine.quiet_until - now)
    return ClusterVerdict(
        raised=tuple(one for one in watch.now if one.mute is None),
        pending=tuple(one for one in watch.pending if one.mute is None),
        muted=tuple(one for one in every if one.mute is not None),
        census=census,
        is_current=presence.is_current,
        has_heard=presence.has_listened,
        at=presence.at,
        quiet_s=quiet_s,
        unseen=tuple(
            filter(
                None,
                [
                    *_unheard(presence, census),
                    _unasked(broker, now),
                    _unjudged(watch, now),
                    *unseen,
                ],
            )
        ),
        lack=presence.lack,
        has_settled=presence.has_settled,
        held_back=presence.held_back,
    )


def _unheard(presence: Presence, census: Census) -> list[str]:
    if presence.lack:
        return [presence.lack]
    if presence.held_back:
        return [f"Events: the broker accepts no messages from workers ({presence.held_back})"]
    if not presence.is_current:
        return ["Events: no connection to the broker"]
    if not census.known:
        return [f"Workers: none known{_forgotten(census.forgotten)}"]
    listens = "" if presence.has_settled else f"Workers: listened for less than {LISTEN_S:.0f} s"
    return [*filter(None, (listens, _not_heard_yet(census.unknown), _perhaps_busy(presence)))]


def _not_heard_yet(count: int) -> str:
    words = "1 was" if count == 1 else f"{count:,} were"
    return f"Workers: {words} not heard from since flower_ng started listening" if count else ""


def _perhaps_busy(presence: Presence) -> str:
    """Tell of workers that would be problems by now, were it sure that they should be heard."""
    silent = [one for one in presence.busy() if presence.silent_s(one) > GOOD_S]
    if not silent:
        return ""
    words = f"{silent[0].hostname} sends" if len(silent) == 1 else f"{len(silent):,} send"
    why = "as a solo pool does while a task runs"
    if any(one.is_solo is None for one in silent):
        why = "and it is not known whether the pool is solo, which tells nothing while a task runs"
    return f"Workers: {words} nothing, {why}"


def _forgotten(count: int) -> str:
    """Tell of those that were purged."""
    return f"; {count:,} {'was' if count == 1 else 'were'} removed while offline" if count else ""


def _unasked(broker: BrokerFacts | None, now: float) -> str:
    if broker is None:
        return "Broker: not checked yet"
    if broker.away_since is not None or now - broker.at > GOOD_S:
        return f"Broker: {broker.trouble or 'not checked recently'}"
    return ""


def _unjudged(watch: ProblemWatch, now: float) -> str:
    if watch.looked_at is None:
        return "Problems: not checked yet"
    quiet_s = watch.engine.quiet_until - now
    if quiet_s > 0:
        return f"Problems: flower_ng has just started and reports problems in {quiet_s:.0f} s"
    is_old = now - watch.looked_at > GOOD_S
    return f"Problems: last checked {now - watch.looked_at:.0f} s ago" if is_old else ""
