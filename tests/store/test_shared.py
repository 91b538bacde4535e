from flower_ng.store.writing.writer import delete_tasks
from tests.store.making import task


def count(tasks):
    return tasks.connection.execute("SELECT count(*) FROM traceback").fetchone()[0]


def delete(tasks, uuid):
    assert delete_tasks(tasks.connection, tasks.dialect, "uuid", [uuid, "unknown"]) == 1


def test_equal_tracebacks_are_kept_once(table):
    taken = [task(f"u{number}", "FAILURE", traceback=f"T{number % 2}") for number in range(600)]
    with table(*taken) as tasks:
        assert count(tasks) == 2
        assert [tasks.task(f"u{number}").traceback for number in (4, 7)] == ["T0", "T1"]


def test_a_traceback_goes_with_the_last_task_that_has_it(table):
    two = [task("a", traceback="T"), task("b", traceback="T")]
    with table(*two, task("c", traceback="U"), task("d")) as tasks:
        left = [(delete(tasks, uuid), count(tasks))[1] for uuid in "abdc"]

    assert left == [2, 1, 1, 0]
