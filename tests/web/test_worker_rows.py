from collections.abc import Mapping
from typing import Any

from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from flower_ng.monitor.state.rows import WorkerRow
from flower_ng.records import Worker
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.worker_badges import badge_of
from flower_ng.web.ui.worker_rows import (
    NO_QUEUE,
    Member,
    grouped,
    groups_of,
    natural,
    ordered,
    total_of,
)

LINKS = Links("")


class Told:
    """Stands for the inspector, to count who is read in full."""

    def __init__(self, workers: Mapping[str, Mapping[str, Any]]) -> None:
        self.told = {name: WorkerAnswer.of(record) for name, record in workers.items()}
        self.asked: list[str] = []

    def ages(self, workername: str, /) -> Mapping[str, float]:
        self.asked.append(workername)
        return {"stats": 1.0}


def crew(number: int) -> tuple[list[Member], Told]:
    names = [f"w{index}@box{index % 3}" for index in range(number)]
    answers = Told(
        {
            name: {
                "stats": {"pool": {"max-concurrency": 4}, "uptime": index},
                "active_queues": [{"name": f"q{index % 12}"}] if index % 5 else [],
            }
            for index, name in enumerate(names)
        }
    )
    rows = (
        WorkerRow(
            Worker(name, active=1),
            {"task-received": 2, "task-failed": 1},
            is_online=index % 2 == 0,
            status="left" if index % 2 else "online",
        )
        for index, name in enumerate(names)
    )
    return [Member(row, answers) for row in rows], answers


def test_one_that_never_told_its_pool_is_not_called_busy() -> None:
    words = [badge_of(Worker("w", is_solo=told), "busy").word for told in (True, None)]

    assert words == ["Maybe busy", "Silent, pool unknown"]


def test_of_thousands_of_workers_only_those_shown_are_read_in_full() -> None:
    members, answers = crew(3000)

    found = ordered(members, "name", is_descending=False)
    total_of(members, LINKS)
    (group,) = groups_of(grouped(found, "")[:50], LINKS)

    assert [line.name for line in group.lines][:3] == ["w0@box0", "w1@box1", "w2@box2"]
    assert set(answers.asked) == {line.name for line in group.lines if line.is_online}


def test_the_sums_count_slots_and_active_tasks_of_those_online() -> None:
    members, _ = crew(10)

    total = total_of(members, LINKS)

    assert (total.online, total.known, total.slots, total.active.value) == (5, 10, 20, 5)
    assert (total.processed.value, total.failed.value, total.succeeded.value) == (20, 10, 0)


def test_groups_come_in_the_order_of_the_numbers_in_their_names() -> None:
    members, _ = crew(60)

    labels = [label for label, _ in grouped(members, "queue")]

    queues = [f"q{index}" for index in range(12)]
    assert list(dict.fromkeys(labels)) == [NO_QUEUE, *queues]


def test_what_is_not_known_comes_last_either_way() -> None:
    members, _ = crew(4)

    for is_descending in (False, True):
        found = ordered(members, "active", is_descending=is_descending)
        assert [member.active for member in found] == [1, 1, None, None]


def test_names_are_sorted_by_their_numbers_and_whatever_they_begin_with() -> None:
    names = ["w10", "w9", "", "10w", "W2", "9"]

    assert sorted(names, key=natural) == ["", "9", "10w", "W2", "w9", "w10"]
