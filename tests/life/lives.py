"""What Celery's components can make of one task: a small model of them, for hypothesis.

A Life is what truly happened, and the events that were sent of it, each on the connection of its
sender: a worker's main process, or a publisher (a client, or a child of a worker's pool). Events of
one connection keep their order; those of two do not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

from flower_ng.life.runs import KILLED, OUTCOMES, REQUEUED, TERMINATED, WAITED, TaskEvent

START = 1_700_000_000.0
HOSTS = ("a@box", "b@box")
#: How a run may end; the last four only where it is the newest.
ENDS = (
    "succeeded", "failed", "failed and rejected", "rejected and failed", "failed twice", "retried",
    "requeued", "replaced", "ignored", "terminated", "lost", "revoked", "revoked at receipt",
    "dropped", "retried and lost", "requeued and failed", "delivered again", "killed",
)  # fmt: skip
#: Those after which it is run again.
_FOLLOWED = frozenset({
    "retried", "retried and lost", "replaced", "requeued", "lost", "requeued and failed",
    "delivered again",
})  # fmt: skip


@dataclass
class Truth:
    """One run as it was; times by the clock of its worker."""

    worker: str
    name: str
    retries: int
    received: float | None = None
    started: float | None = None
    ended: float | None = None
    outcome: str | None = None
    exception: str = ""


@dataclass
class Life:
    """What was, and what was sent, by connection."""

    runs: list[Truth] = field(default_factory=list)
    sent: dict[str, list[TaskEvent]] = field(default_factory=dict)
    state: str = "PENDING"
    retries: int = 0

    def tell(self, connection: str, event: TaskEvent) -> None:
        self.sent.setdefault(connection, []).append(event)

    @property
    def events(self) -> list[TaskEvent]:
        return [event for own in self.sent.values() for event in own]


class _Story:
    """Lets a task be run, as `draw` decides."""

    def __init__(self, draw: Callable[..., object], *, overlapping: bool) -> None:
        self.draw = draw
        self.overlapping = overlapping
        self.life = Life()
        self.now = START
        self.skew = {host: float(draw(st.sampled_from([0, 0, 0.003, -0.003]))) for host in HOSTS}
        self.late: list[tuple[str, str, int]] = []
        self.late_start: Truth | None = None
        self.publishers = 0
        #: Attempts that succeeded: that they are delivered again does not undo that.
        self.done: set[tuple[str, int]] = set()

    def pass_time(self) -> None:
        self.now += self.draw(st.sampled_from([0.01, 0.05, 1.0]))

    def at(self, host: str) -> float:
        """A moment later, by the clock of a host."""
        self.now += 0.001
        return round(self.now + self.skew.get(host, 0.0), 6)

    def say(self, host: str, kind: str, **more: object) -> float:
        at = self.at(host)
        self.life.tell(host, TaskEvent(kind, at, host, **more))
        return at

    def publish(self, name: str, retries: int, host: str = "client") -> None:
        self.publishers += 1
        at, connection = self.at(host), f"gen{self.publishers}@{host}"
        event = TaskEvent("sent", at, connection, retries=retries, name=name)
        self.life.tell(connection, event)

    def tell_start(self) -> None:
        """A main process sees that a child began when it comes to it."""
        run, self.late_start = self.late_start, None
        if run is not None:
            run.started = self.say(run.worker, "started")

    def tell_late(self) -> None:
        """A main process sees that an attempt was retried when it comes to it."""
        self.tell_start()
        for host, exception, place in self.late:
            run = self.life.runs[place]
            run.ended = self.say(host, "retried", exception=exception)
            run.outcome, run.exception = "RETRY", exception
        self.late.clear()

    def may_tell_late(self) -> None:
        if self.late and self.draw(st.booleans()):
            self.tell_late()

    def becomes(self, run: Truth, state: str) -> None:
        self.life.state = "SUCCESS" if (run.name, run.retries) in self.done else state

    def go(self) -> Life:
        name, retries = "", 0
        self.publish(name, retries)
        for turn in range(self.draw(st.integers(1, 6)) - 1, -1, -1):
            following = self.run(name, retries, is_last=turn == 0)
            if following is None:
                break
            name, retries = following
        self.tell_late()
        return self.life

    def run(self, name: str, retries: int, *, is_last: bool) -> tuple[str, int] | None:
        """Run once; return the task and the attempt that follow, None where none does."""
        life, host = self.life, self.draw(st.sampled_from(HOSTS))
        self.pass_time()
        end = self.draw(st.sampled_from(ENDS))
        if is_last and end in ("replaced", "retried and lost", "delivered again"):
            end = "succeeded"
        run = Truth(host, name, retries)
        if end == "revoked at receipt" and not self.is_told_by_its_end(run):
            end = "revoked"
        life.runs.append(run)
        life.retries = retries
        if end == "revoked at receipt":
            run.ended, run.outcome = self.say(host, "revoked", how=WAITED), "REVOKED"
            self.becomes(run, "REVOKED")
            return None
        run.received = self.say(host, "received", retries=retries, name=name)
        self.becomes(run, "RECEIVED")
        self.may_tell_late()
        self.pass_time()
        if end == "dropped":  # it lost its connection before the start
            return (name, retries)
        if end == "revoked":
            run.ended, run.outcome = self.say(host, "revoked", how=WAITED), "REVOKED"
            self.becomes(run, "REVOKED")
            return None
        self.tell_start()
        if end == "retried" and self.overlapping and self.draw(st.booleans()):
            self.late_start = run
        else:
            run.started = self.say(host, "started")
        self.becomes(run, "STARTED")
        self.may_tell_late()
        self.pass_time()
        return self.end(run, end)

    def is_told_by_its_end(self, run: Truth) -> bool:
        """Whether a run that is revoked at its receipt is known from that alone.

        Not beside one that waits on the same worker; nor after another attempt succeeded: only a
        receipt tells that it is not one more delivery of that.
        """
        waits = any(one.worker == run.worker and one.started is None for one in self.life.runs)
        return not waits and self.done <= {(run.name, run.retries)}

    def end(self, run: Truth, end: str) -> tuple[str, int] | None:
        """End a run; return the task and the attempt that follow, None where none does."""
        if end in ("lost", "retried and lost"):  # and what its main process had not told yet
            self.late = [one for one in self.late if one[0] != run.worker]
            self.late_start = None
        if end in _FOLLOWED:
            return self.follow(run, end)
        if end == "ignored":
            return None
        exception = f"E{len(self.life.runs)}"
        if end == "rejected and failed":
            self.say(run.worker, "rejected")
        how = TERMINATED if end in ("terminated", "killed") else ""
        kinds = {"terminated": "revoked", "killed": "revoked", "succeeded": "succeeded"}
        kind = kinds.get(end, "failed")
        run.exception = exception if kind == "failed" else ""
        run.ended = self.say(run.worker, kind, exception=run.exception, how=how)
        run.outcome = OUTCOMES[kind]
        self.becomes(run, run.outcome)
        if end == "failed and rejected":
            self.say(run.worker, "rejected")
        if end == "failed twice":  # at a hard time limit, by the pool and by its timer
            self.say(run.worker, "failed", exception=exception)
        if end == "killed":  # a greenlet: its pool takes that it ended for a success
            self.say(run.worker, "succeeded", how=KILLED)
        return None

    def follow(self, run: Truth, end: str) -> tuple[str, int]:
        """End a run after which the task is run again."""
        life, host = self.life, run.worker
        if end in ("retried", "retried and lost"):
            self.publish(run.name, run.retries + 1, host)
            life.retries = run.retries + 1
        if end == "retried":
            self.late.append((host, f"E{len(life.runs)}", len(life.runs) - 1))
            self.becomes(run, "RETRY")
            if not self.overlapping or not self.draw(st.integers(0, 2)):
                self.tell_late()
        if end == "replaced":
            self.publish(run.name + "y", 0, host)
            return (run.name + "y", 0)
        if end == "requeued":
            run.ended = self.say(host, "rejected", how=REQUEUED)
            run.outcome = "REJECTED"
            self.becomes(run, "REJECTED")
        if end == "requeued and failed":  # a killed child, with task_reject_on_worker_lost
            run.exception = f"E{len(life.runs)}"
            self.say(host, "rejected", how=REQUEUED)
            run.ended, run.outcome = self.say(host, "failed", exception=run.exception), "FAILURE"
            self.becomes(run, "FAILURE")
        if end == "delivered again":  # it ended, and the broker did not hear of it in time
            run.ended, run.outcome = self.say(host, "succeeded"), "SUCCESS"
            self.done.add((run.name, run.retries))
            self.becomes(run, "SUCCESS")
        return (run.name, run.retries + end.startswith("retried"))


@st.composite
def lives(draw: Callable[..., object], *, overlapping: bool = True) -> Life:
    """Draw a life; `overlapping` attempts start before the retry of another is told."""
    return _Story(draw, overlapping=overlapping).go()


@st.composite
def interleaved(draw: Callable[..., object], life: Life) -> list[TaskEvent]:
    """Draw an order in which the events of a life may come."""
    waiting = [list(own) for own in life.sent.values()]
    come = []
    while waiting:
        own = waiting[draw(st.integers(0, len(waiting) - 1))]
        come.append(own.pop(0))
        waiting = [own for own in waiting if own]
    return come


def on_the_wire(event: TaskEvent, uuid: str = "u") -> dict[str, object]:
    """Return an event as its sender sends it."""
    sent: dict[str, object] = {"type": f"task-{event.type}", "hostname": event.hostname}
    sent |= {"uuid": uuid, "timestamp": event.at, "clock": 1, "pid": 1}
    if event.type in ("sent", "received"):
        sent |= {"name": f"shop.x{event.name}", "retries": event.retries, "args": "()"}
    if event.type == "succeeded":
        is_killed = event.how == KILLED
        told = (None, None) if is_killed else (f"'{event.at}'", 0.5)
        sent |= dict(zip(("result", "runtime"), told, strict=True))
    if event.type in ("failed", "retried"):
        sent |= {"exception": event.exception, "traceback": f"T{event.exception}"}
    if event.type == "rejected":
        sent["requeue"] = event.how == REQUEUED
    if event.type == "revoked":
        sent |= {"terminated": event.how == TERMINATED, "expired": False, "signum": None}
    return sent
