"""Facts, rules and watches for tests, each with only what the test is about."""

from collections.abc import Iterable
from typing import Any

from flower_ng.health.engine import Engine
from flower_ng.health.facts.records import Facts, IngestFacts, WorkerFacts
from flower_ng.health.rules.all_rules import RULES
from flower_ng.health.rules.rule import Finding, Found, Rule, Undecided
from flower_ng.health.watch import ProblemWatch
from flower_ng.settings import Settings

#: When the connection of `facts()` began; their usual time is an hour later.
BEGAN = 1_000_000.0
NOW = BEGAN + 3600
DEFAULTS = {rule.name: getattr(Settings(), rule.option) for rule in RULES}
BY_NAME = {rule.name: rule for rule in RULES}


class MemoryNotebook:
    """Keeps records in memory: what outlasts a restart is the real notebook's test."""

    def __init__(self) -> None:
        self.notes: dict[tuple[str, str], str] = {}

    def read(self, kind: str) -> dict[str, str]:
        return {key: record for (of, key), record in self.notes.items() if of == kind}

    def put(self, kind: str, key: str, record: str | None, _at: float) -> None:
        if record is None:
            self.notes.pop((kind, key), None)
        else:
            self.notes[kind, key] = record

    async def newest(self, kind: str) -> dict[str, str] | None:
        return self.read(kind)


def facts(now: float = NOW, *, connected: bool = True, **known: Any) -> Facts:
    """Facts of a cluster that is heard, with these."""
    ingest = IngestFacts(BEGAN) if connected else IngestFacts(None, "refused", 40.0)
    return Facts(now, **{"ingest": ingest, **known})


def worker(name: str = "w1@box", **known: Any) -> WorkerFacts:
    """A worker that is well but for this."""
    return WorkerFacts(name, **known)


def found(rule: str, given: Facts, threshold: float | None = None) -> dict[str, Any] | None:
    """Return what a rule finds, by subject; None where it can't tell."""
    usual = DEFAULTS[rule] or 5.0  # one that is off is tried with some threshold
    findings = BY_NAME[rule].find(given, usual if threshold is None else threshold)
    if findings is None:
        return None
    return {one.subject: dict(one.evidence) for one in findings if isinstance(one, Finding)}


def undecided(rule: str, given: Facts) -> set[str]:
    """Return the subjects of which a rule can't tell yet."""
    findings = BY_NAME[rule].find(given, DEFAULTS[rule] or 5.0) or ()
    return {one.subject for one in findings if isinstance(one, Undecided)}


class Switch:
    """A rule that holds for what `subjects` names; None lets it not know."""

    def __init__(self, name: str = "switched", **about: Any) -> None:
        self.subjects: tuple[str, ...] | None = ()
        self.undecided: tuple[str, ...] = ()
        usual = {"about": "worker", "severity": "error", "title": "Off", "advice": "Switch it on."}
        self.rule = Rule(name, find=self._find, **{**usual, **about})

    def _find(self, _facts: Facts, _threshold: float) -> Found:
        if self.subjects is None:
            return None
        return [*map(Finding, self.subjects), *map(Undecided, self.undecided)]


def watch(
    *switches: Switch,
    hold_s: float = 0.0,
    clock: Any = lambda: NOW,
    notebook: MemoryNotebook | None = None,
    errors: Iterable[Exception] = (),
    is_shared: bool = False,
) -> ProblemWatch:
    """Return a watch over switches, which looks when it is told to; each error ends one look."""
    errors = iter(errors)

    async def gather() -> Facts:
        for error in errors:
            raise error
        return facts(clock())

    rules = [switch.rule for switch in switches]
    engine = Engine(rules, {rule.name: 1.0 for rule in rules}, hold_s=hold_s)
    notebook = MemoryNotebook() if notebook is None else notebook
    return ProblemWatch(
        engine,
        gather,
        notebook,
        interval_s=0.01,
        clock=clock,
        mutes_elsewhere=notebook.newest if is_shared else None,
    )
