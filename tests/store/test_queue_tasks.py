"""The newest tasks of a queue, the same from each kind of database."""

import pytest

from flower_ng.records import Worker
from flower_ng.store.sql import queue_tasks as module
from flower_ng.store.sql.queue_tasks import queue_tasks
from tests.store.making import task

W = Worker("w1@box")


def test_those_of_the_queue_come_newest_first_with_what_tells_where_they_are(table):
    ours = {"queue": "mail", "name": "shop.mail", "client": "gen1@web"}
    with table(
        task("old", timestamp=5.0, **ours),
        task("waits", "PENDING", timestamp=10.0, sent=10.0, **ours),
        task(
            "failed", "FAILURE", 30.25, sent=20.125, received=21.0, started=22.0, failed=30.25,
            worker=W, **ours,
        ),
        task("done", timestamp=40.0, started=22.0, succeeded=40.0, runtime=17.5, **ours),
        task("other", timestamp=50.0, queue="else"),
    ) as tasks:  # fmt: skip
        found = queue_tasks(tasks.connection, "mail", 7.0, tasks.dialect)

    assert [one.uuid for one in found.tasks] == ["done", "failed", "waits"]
    assert [one.run_s for one in found.tasks] == [17.5, 8.25, None]
    assert [one.is_waiting for one in found.tasks] == [False, False, True]
    assert (found.tasks[1].sent, found.tasks[1].worker) == (20.125, "w1@box")
    assert (found.since, found.is_cut) == (7.0, False)


def test_where_there_are_too_many_it_is_told_since_when_all_are_there(table, monkeypatch):
    monkeypatch.setattr(module, "MOST_LOOKED", 3)
    every = (task(f"t{number}", timestamp=float(number), queue="mail") for number in range(5))
    with table(*every) as tasks:
        found = queue_tasks(tasks.connection, "mail", 0.0, tasks.dialect)

    assert ([one.uuid for one in found.tasks], found.since) == (["t4", "t3", "t2"], 2.0)
    assert found.is_cut


@pytest.mark.parametrize(
    ("times", "run_s"),
    [
        ({}, None),
        ({"started": 5.0}, None),
        ({"started": 5.0, "retried": 7.0}, 2.0),
        ({"started": 9.0, "retried": 7.0}, None),
        ({"started": 5.0, "ended": 8.0, "retried": 3.0}, 3.0),
    ],
)
def test_a_run_lasts_from_its_start_to_what_ended_it(times, run_s):
    empty = dict.fromkeys(module.QueueTask.__struct_fields__)

    assert module.QueueTask(**{**empty, "uuid": "t", "state": "RETRY", **times}).run_s == run_s
