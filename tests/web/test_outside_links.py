"""Links from a task to other systems."""

import pytest

from flower_ng.settings.checks import IN_TASK_LINKS
from flower_ng.store import TaskRow
from flower_ng.web.pages.task.outside_links import OutsideLink, outside_links

NOW = 1000.0


def link(template, **task):
    (found,) = outside_links([template], TaskRow("5eed", **task), NOW)
    return found


def test_values_are_put_in_and_can_not_leave_their_place():
    found = link("Logs=https://logs.example/?q={uuid}&task={name}", name="a/b?c=d&e#f {uuid}")

    assert found.label == "Logs"
    assert found.url == "https://logs.example/?q=5eed&task=a%2Fb%3Fc%3Dd%26e%23f%20%7Buuid%7D"


def test_its_time_is_that_of_the_task_and_a_minute_around_it():
    url = "Grafana=https://g.example/?from={start_ms}&to={end_ms}"

    assert str(link(url, received=100.0, failed=200.5).url).endswith("?from=40000&to=260500")
    assert str(link(url, started=100.0).url).endswith("?from=40000&to=1060000")


def test_a_value_that_the_task_lacks_is_named():
    assert link("Queue=https://q.example/{queue}") == OutsideLink("Queue", None, "queue")


@pytest.mark.parametrize("name", IN_TASK_LINKS)
def test_every_name_has_a_value(name):
    known = dict.fromkeys(("name", "worker", "queue", "root_id", "parent_id"), "x")

    assert link(f"A=https://a.example/{{{name}}}", received=1.0, **known).url
