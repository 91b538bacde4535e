import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flower_ng.changes import Change
from flower_ng.life.runs import TaskEvent, in_order
from flower_ng.monitor.state.state import ClusterState
from flower_ng.records import Task
from flower_ng.store.tables.dialect import SQLITE
from flower_ng.store.tables.rows import TaskRow
from flower_ng.store.tables.schema import COLUMNS
from flower_ng.store.tables.texts import Truncation
from flower_ng.store.tables.timeline import Entry
from flower_ng.store.writing.changes import Marks
from flower_ng.store.writing.joining import Joining
from flower_ng.store.writing.snapshots import Bounds, Snapshot, merge_statements, scrubbed, snapshot
from tests.life.lives import Life, interleaved, lives, on_the_wire
from tests.store.making import BOX, Table, task


def test_a_task_that_is_written_again_never_loses_a_field(table):
    with table(task("u", "RECEIVED", name="shop.buy", kwargs="{'a': 1}", received=1.0)) as tasks:
        tasks.write(task("u", "SUCCESS", 2.0, result="7", succeeded=2.0))
        row = tasks.task("u")

        assert (row.name, row.kwargs, row.received) == ("shop.buy", "{'a': 1}", 1.0)
        assert (row.state, row.result, row.timestamp) == ("SUCCESS", "7", 2.0)
        assert tasks.connection.execute("SELECT pairs FROM task").fetchone() == (',"a=1"',)


def test_a_folded_twin_follows_its_text(table):
    with table(task("u", "RECEIVED", name="Old")) as tasks:
        tasks.write(task("u", "SUCCESS", name="new"))

        assert tasks.uuids(name="NEW") == ["u"]
        assert tasks.uuids(name="OLD") == []


@pytest.mark.parametrize("late", ["PENDING", "RECEIVED", "STARTED", "REVOKED", "CUSTOM"])
def test_a_late_state_does_not_move_a_task_back(table, late):
    with table(task("u", "SUCCESS", 5.0, clock=9)) as tasks:
        tasks.write(task("u", late, 4.0, clock=3))
        row = tasks.task("u")

    assert (row.state, row.timestamp, row.clock) == ("SUCCESS", 5.0, 9)


def test_a_further_attempt_opens_the_way_back(table):
    with table(task("u", "FAILURE", 5.0, retries=0)) as tasks:
        tasks.write(task("u", "STARTED", 7.0, retries=1))
        assert (tasks.task("u").state, tasks.task("u").retries) == ("STARTED", 1)

        tasks.write(task("u", "SUCCESS", 8.0, retries=0, worker=BOX, exception="E()"))
        late = tasks.task("u")
        assert (late.state, late.retries, late.worker, late.exception) == (
            "STARTED", 1, "w1@box", "E()",
        )  # fmt: skip


def test_two_records_of_one_task_in_one_write_are_merged_in_order(table):
    with table(task("u", "SUCCESS", 1.0, name="n"), task("u", "STARTED", 2.0, args="()")) as tasks:
        row = tasks.task("u")

    assert (row.state, row.name, row.args) == ("SUCCESS", "n", "()")


@pytest.mark.parametrize("count", [1, 3, 513, 1023])
def test_any_number_of_tasks_fits_into_statements(table, count):
    taken = [task(f"u{number}") for number in range(count)]

    with table(*taken) as tasks:
        assert len(tasks.uuids()) == count


def test_no_statement_has_more_parameters_than_sqlite_allows():
    longest = max(len(values) for _, values in merge_statements([snapshot(task("u"))] * 2000))

    assert longest < 32_766


def test_times_come_back_to_the_last_bit(table):
    times = [1764000000.1234567, 0.1, 1e-7, 1764000000.0000002]

    with table(*(task(str(at), timestamp=at, runtime=at) for at in times)) as tasks:
        rows = [tasks.task(str(at)) for at in times]

    assert [(row.timestamp, row.runtime) for row in rows] == [(at, at) for at in times]


def test_texts_come_back_as_they_were(table):
    texts = ["null", "NULL", "1.5", "", "\x00", "ü\u2028\U0001f600", "'\"\\%_"]

    with table(*(task(str(n), args=text) for n, text in enumerate(texts))) as tasks:
        nul = "\x00" if tasks.dialect is SQLITE else "\ufffd"  # PostgreSQL knows it in no text
        kept = [text.replace("\x00", nul) for text in texts]

        assert [tasks.task(str(n)).args for n in range(len(texts))] == kept


def test_what_sqlite_cannot_take_is_made_so_that_it_can():
    values = ("a\ud800", 2**63, 1.5, None, -(2**63))
    taken = Snapshot(values, 1, False, Entry("x\ud800", 1.0, "h", "\ud800"), 2)

    assert scrubbed(taken) == Snapshot(
        ("a?", None, 1.5, None, -(2**63)), 1, False, Entry("x?", 1.0, "h", "?"), 2
    )


def test_each_write_appends_its_events(table):
    with table() as tasks:
        tasks.write_events(task("u", "STARTED"), ("received", 1.0), ("started", 2.0))
        tasks.write_events(task("u", "SUCCESS"), ("succeeded", 3.0))
        tasks.write(task("u", "SUCCESS"))
        row = tasks.task("u")

    assert [(event.type, event.at) for event in row.events] == [
        ("received", 1.0),
        ("started", 2.0),
        ("succeeded", 3.0),
    ]
    assert [one.outcome for one in row.attempts] == ["SUCCESS"]
    assert row.events_left_out == 0


def test_past_their_bound_events_are_only_counted(table):
    with table() as tasks:
        tasks.bounds = Bounds(max_events=3)
        for at in range(10):
            tasks.write_events(task("u", "RETRY"), ("retried", float(at)))
        row = tasks.task("u")

    assert [event.at for event in row.events] == [0.0, 1.0, 2.0]
    assert row.events_left_out == 7


def test_the_class_and_first_line_follow_the_exception(table):
    with table(task("u", "FAILURE", exception="ValueError('a')\nmore")) as tasks:
        tasks.write(task("u", "FAILURE", result="7"))
        row = tasks.task("u")
        assert (row.exception_class, row.exception_line) == ("ValueError", "ValueError('a')")

        tasks.write(task("u", "FAILURE", exception="KeyError()"))
        row = tasks.task("u")
        assert (row.exception_class, row.exception_line) == ("KeyError", "KeyError()")
        assert tasks.connection.execute("SELECT exception_class_folded FROM task").fetchone() == (
            "keyerror",
        )


def test_texts_over_the_limit_are_cut_and_marked(table):
    long = task("u", args="a" * 5000, traceback="T" * 10_000, result="r" * 100)
    with table() as tasks:
        tasks.bounds = Bounds(max_text=1000)
        tasks.write(long)
        row = tasks.task("u")

    assert {name: len(getattr(row, name)) for name in ("args", "traceback", "result")} == {
        "args": 1000,
        "traceback": 1000,
        "result": 100,
    }
    assert row.cuts == {
        "args": Truncation("flower_ng", 5000),
        "traceback": Truncation("flower_ng", 10_000),
    }


#: The clock is that of the event that came last.
COMPARED = [name for name in COLUMNS if name not in {"clock", "worker"}]


class Store:
    """The marks and the table without threads, as an observer that never loses sight."""

    def __init__(self) -> None:
        self.marks = Marks(max_tasks=1000)
        self.table = Table()
        self.joining = Joining(self.table.connection, SQLITE)

    def observe(self, change: Change) -> None:
        self.marks.mark(change)

    def evicted(self, task: Task) -> None:
        assert self.marks.tasks.get(id(task)) in {task, None}

    def flush(self) -> None:
        rows = self.joining.joined(self.marks.take(1000).rows)
        for statement, parameters in merge_statements(rows):
            self.table.connection.execute(statement, parameters)


def kept(*records: list[TaskEvent]) -> TaskRow:
    """Return the row of a task that leaves memory after each of these, written at the end."""
    store = Store()
    evicting = ClusterState(max_tasks_in_memory=1, observers=(store,))
    for number, events in enumerate(records):
        for event in events:
            evicting.event(on_the_wire(event))
        evicting.event(on_the_wire(TaskEvent("received", 0.5, "c@box"), f"other{number}"))
    store.flush()
    row = store.table.task("u")
    store.table.connection.close()
    return row


def receipt(at: float, host: str = "a@box", retries: int = 0, name: str = "") -> TaskEvent:
    return TaskEvent("received", at, host, retries=retries, name=name)


def test_a_receipt_that_is_kept_without_its_name_is_of_the_same_task():
    first = [receipt(1.0), receipt(3.0, retries=1)]
    row = kept(first, [receipt(2.0, "b@box", 1)], [TaskEvent("started", 2.5, "b@box")])

    assert (row.worker, row.received) == ("a@box", 3.0)


def test_a_task_that_was_replaced_twice_keeps_its_first_name():
    row = kept([receipt(1.0)], [receipt(2.0, name="y"), receipt(3.0, name="yy")])

    assert (row.name, row.original_name) == ("shop.xyy", "shop.x")


def test_a_task_that_is_written_with_what_replaced_it_is_told_apart_from_it():
    first = [*run(1.0, "retried"), *run(4.0, "succeeded", 1)[:2]]
    start, end = (
        TaskEvent(kind, at, "a@box") for kind, at in (("started", 7.0), ("succeeded", 8.0))
    )
    row = kept([*first, receipt(6.0, name="y"), start], [end])

    assert (row.name, row.state, row.retries, row.state_source) == ("shop.xy", "SUCCESS", 0, None)


def after_a_restart(before: list[TaskEvent], *after: TaskEvent) -> list[TaskRow]:
    """Return the row before a restart, and as it is after each further event."""
    store = Store()
    rows = []
    for events in ([before], [[event] for event in after]):
        state = ClusterState(observers=(store,))
        for some in events:
            for event in some:
                state.event(on_the_wire(event))
            store.flush()
            rows.append(store.table.task("u"))
    store.table.connection.close()
    return rows


def run(at: float, end: str, retries: int = 0) -> list[TaskEvent]:
    exception = "" if end == "succeeded" else f"E{at}"
    start = TaskEvent("started", at + 1, "a@box")
    return [receipt(at, retries=retries), start, TaskEvent(end, at + 2, "a@box", exception)]


def test_a_task_that_failed_before_a_restart_and_is_delivered_again_goes_on():
    rows = after_a_restart(run(1.0, "failed"), *run(11.0, "succeeded"))

    assert [row.state for row in rows] == ["FAILURE", "RECEIVED", "STARTED", "SUCCESS"]
    assert (rows[2].received, rows[2].started, rows[2].exception) == (11.0, 12.0, "E1.0")
    assert [(one.delivery, one.outcome) for one in rows[3].attempts] == [
        (1, "FAILURE"),
        (2, "SUCCESS"),
    ]


def test_a_task_that_succeeded_before_a_restart_and_is_delivered_again_stays_so():
    before = [*run(1.0, "retried"), *run(5.0, "succeeded", 1)]
    rows = after_a_restart(before, *run(11.0, "failed", 1))

    assert [(row.state, row.retries) for row in rows] == [("SUCCESS", 1)] * 4
    assert [(one.number, one.delivery) for one in rows[3].attempts] == [(1, 1), (2, 1), (2, 2)]


def coming(life: Life) -> st.SearchStrategy[list[TaskEvent]]:
    """Return the orders in which the events of a life may come so that all of it is kept."""
    is_replaced = any(run.name for run in life.runs)
    if is_replaced or any(run.outcome == "SUCCESS" for run in life.runs[:-1]):
        return st.just(in_order(life.events))
    return interleaved(life)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 2))
def test_memory_that_evicts_and_the_store_agree_with_a_state_that_keeps_all(data, max_tasks):
    """Of a task that was replaced, or delivered again after a success, events come in order.

    Else that it left memory may cost it the name of a receipt, or the result of its newest run.
    """
    store, keeping = Store(), ClusterState()
    evicting = ClusterState(max_tasks_in_memory=max_tasks, observers=(store,))
    waiting = {uuid: data.draw(lives().flatmap(coming)) for uuid in "ab"}
    told = {uuid: list(events) for uuid, events in waiting.items()}
    while waiting:
        uuid = data.draw(st.sampled_from(sorted(waiting)))
        event = waiting[uuid].pop(0)
        for state in (evicting, keeping):
            state.event(on_the_wire(event, uuid))
        if data.draw(st.booleans()):
            store.flush()
        waiting = {uuid: events for uuid, events in waiting.items() if events}
    store.flush()

    for uuid, known in keeping.tasks.items():
        row = store.table.task(uuid)
        assert {name: getattr(row, name) for name in COMPARED} == {
            name: getattr(known, name) for name in COMPARED
        }
        assert row.worker == (known.worker.hostname if known.worker else None)
        assert [(one.type, one.at) for one in row.events] == [
            (one.type, one.at) for one in in_order(told[uuid])
        ]
    store.table.connection.close()
