"""Reading through the API of the real dashboard over a real Redis and a real worker."""

import time
from dataclasses import dataclass

import pytest

from tests.services import Dashboard, wait_until

from .conftest import RealSite

pytestmark = pytest.mark.xdist_group("real")

KEYS = [
    *("uuid", "name", "state", "received", "sent", "started", "rejected", "succeeded", "failed"),
    *("retried", "revoked", "args", "kwargs", "eta", "expires", "retries", "worker", "result"),
    *("exception", "timestamp", "runtime", "traceback", "exchange", "routing_key", "clock"),
    *("client", "root", "root_id", "parent", "parent_id", "children"),
]
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Shop:
    """A dashboard that has seen three tasks, each ended in its own way."""

    dashboard: Dashboard
    worker: str
    added: str
    failed: str
    unseen: str

    def tasks(self, **query):
        return self.dashboard.get("/api/tasks", **query)


def finish(dashboard: Dashboard, name: str, body: dict[str, object]) -> str:
    """Run a task to its end; return its id."""
    answer = dashboard.post(f"/api/task/apply/tests.shop.{name}", body)
    assert answer.status == 200, answer.text
    return str(answer.json()["task-id"])


@pytest.fixture(scope="module")
def site(real: RealSite) -> Shop:
    dashboard = real.dashboard
    added = finish(dashboard, "add", {"args": [1], "kwargs": {"y": 2}})
    failed = finish(dashboard, "fail", {"args": ["a </b>"]})
    unseen = dashboard.post("/api/task/send-task/tests.unseen", {"queue": "nowhere"})
    shop = Shop(dashboard, real.worker, added, failed, unseen.json()["task-id"])
    wait_until(lambda: len(shop.tasks()) == 3, what="three tasks are seen")
    wait_until(lambda: shop.tasks(state="FAILURE"), what="the failure is seen")
    return shop


def test_a_task_in_the_list_has_its_keys_in_order_and_the_worker_last(site):
    record = site.tasks()[site.added]

    assert list(record) == [key for key in KEYS if key != "worker"] + ["worker"]
    assert record["worker"] == site.worker


def test_a_task_without_a_worker_has_no_such_key_in_the_list(site):
    assert "worker" not in site.tasks()[site.unseen]


def test_one_task_has_the_worker_in_its_place(site):
    assert list(site.dashboard.get(f"/api/task/info/{site.added}")) == KEYS
    assert site.dashboard.get(f"/api/task/info/{site.unseen}")["worker"] is None


def test_an_unknown_task_is_not_found(site):
    answer = site.dashboard.ask(f"/api/task/info/{NOBODY}")

    assert (answer.status, answer.text) == (404, f"Unknown task '{NOBODY}'")


def test_an_empty_id_is_an_unknown_task(site):
    assert site.dashboard.ask("/api/task/info/").status == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "unseen failed added"),
        ({"limit": 0}, ""),
        ({"limit": -1}, ""),
        ({"limit": 2}, "unseen failed"),
        ({"limit": 1, "offset": 2}, "added"),
        ({"offset": -5}, "unseen failed added"),
        ({"state": "success"}, "added"),
        ({"state": "All"}, "unseen failed added"),
        ({"state": ""}, "unseen failed added"),
        ({"taskname": "TESTS.SHOP.FAIL"}, "failed"),
        ({"taskname": "nothing"}, ""),
        ({"workername": "nobody"}, ""),
        ({"received_start": "2100-01-01 00:00"}, "unseen"),
        ({"received_end": "2000-01-01 00:00"}, "unseen"),
        ({"received_start": "2000-01-01 00:00"}, "unseen failed added"),
        ({"search": "kwargs:y=2"}, "added"),
        ({"search": "fail OR unseen"}, "unseen failed"),
        ({"sort_by": ""}, "unseen failed added"),
        ({"sort_by": "name"}, "added failed unseen"),
        ({"sort_by": "--name"}, "unseen failed added"),
        ({"sort_by": "received"}, "unseen added failed"),
        ({"sort_by": "-started", "limit": 1}, "failed"),
        ({"nonsense": "1"}, "unseen failed added"),
    ],
)
def test_the_list_is_filtered_sorted_and_cut(site, query, found):
    assert list(site.tasks(**query)) == [getattr(site, name) for name in found.split()]


def test_a_filter_by_worker_forgives_case(site):
    assert set(site.tasks(workername=site.worker.upper())) == {site.added, site.failed}


def test_a_received_minute_is_in_the_servers_own_time(site):
    received = site.tasks()[site.added]["received"]
    minute = time.strftime("%Y-%m-%d %H:%M", time.localtime(received))
    later = time.strftime("%Y-%m-%d %H:%M", time.localtime(received + 60))

    assert site.added in site.tasks(received_start=minute, received_end=later)
    assert site.added not in site.tasks(received_end=minute)


def test_a_wrong_search_is_told_as_json(site):
    answer = site.dashboard.ask("/api/tasks?search=%22")

    assert (answer.status, answer.headers["Content-Type"]) == (
        400,
        "application/json; charset=UTF-8",
    )
    assert answer.json() == {"error": "Unterminated quoted phrase at position 0."}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("sort_by=uuid", "Invalid sort_by 'uuid', expected one of name, received, started, state"),
        (
            "received_end=now",
            "Invalid received_start or received_end, expected format 'YYYY-MM-DD HH:MM'",
        ),
        ("limit=", "Invalid argument '' of type 'int'"),
        ("offset=1.5", "Invalid argument '1.5' of type 'int'"),
    ],
)
def test_a_wrong_question_about_tasks_is_told_as_text(site, query, words):
    answer = site.dashboard.ask(f"/api/tasks?{query}")

    assert (answer.status, answer.text) == (400, words)
    assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"


def test_a_short_list_has_an_etag_and_is_not_sent_twice(site):
    first = site.dashboard.ask("/api/tasks?state=SUCCESS")
    headers = {"If-None-Match": first.headers["Etag"]}

    again = site.dashboard.ask("/api/tasks?state=SUCCESS", headers=headers)

    assert (again.status, again.text) == (304, "")


def test_no_answer_can_end_a_script(site):
    assert "</b>" not in site.dashboard.ask(f"/api/task/info/{site.failed}").text
    assert "</b>" in site.dashboard.get(f"/api/task/info/{site.failed}")["exception"]


def test_types_are_the_sorted_names_of_all_tasks_seen(site):
    assert site.dashboard.get("/api/task/types") == {
        "task-types": ["tests.shop.add", "tests.shop.fail", "tests.unseen"]
    }


def test_a_result_is_read_from_the_backend(site):
    assert site.dashboard.get(f"/api/task/result/{site.added}") == {
        "task-id": site.added,
        "state": "SUCCESS",
        "result": 3,
    }


def test_a_failed_result_has_its_repr_and_traceback(site):
    answer = site.dashboard.get(f"/api/task/result/{site.failed}", timeout=1)

    assert answer["result"] == "ValueError('a </b>')"
    assert answer["traceback"].startswith("Traceback")


def test_a_result_that_is_not_there_is_pending_after_its_timeout(site):
    started = time.monotonic()

    answer = site.dashboard.get(f"/api/task/result/{NOBODY}", timeout=0.5)

    assert answer == {"task-id": NOBODY, "state": "PENDING"}
    assert 0.4 < time.monotonic() - started < 3


def table(site, **query):
    asked = {"draw": 3, "start": 0, "length": 10, "order[0][column]": 0, **query}
    return site.dashboard.get("/tasks/datatable", **asked)


def test_the_table_answers_a_page_and_its_counts(site):
    answer = table(site, length=2, **{"search[value]": "tests.shop", "columns[0][data]": "name"})

    assert list(answer) == ["draw", "data", "recordsTotal", "recordsFiltered"]
    assert (answer["draw"], answer["recordsTotal"], answer["recordsFiltered"]) == (3, 3, 2)
    assert [row["uuid"] for row in answer["data"]] == [site.added, site.failed]
    assert list(answer["data"][0]) == KEYS


def test_the_table_without_a_column_is_newest_first_in_any_direction(site):
    newest = [site.unseen, site.failed, site.added]

    assert [row["uuid"] for row in table(site)["data"]] == newest
    assert [row["uuid"] for row in table(site, **{"order[0][dir]": "desc"})["data"]] == newest


def test_the_table_sorts_descending(site):
    answer = table(site, **{"columns[0][data]": "name", "order[0][dir]": "desc"})

    assert [row["uuid"] for row in answer["data"]] == [site.unseen, site.failed, site.added]


def test_a_wrong_search_is_an_empty_table_with_the_reason(site):
    answer = table(site, **{"search[value]": "("})

    assert answer.pop("searchError")
    assert answer == {"draw": 3, "data": [], "recordsTotal": 3, "recordsFiltered": 0}


@pytest.mark.parametrize("length", [0, -1])
def test_a_page_of_no_length_is_empty(site, length):
    assert table(site, length=length)["data"] == []


def test_the_table_can_be_asked_by_a_form(site):
    form = {"draw": "1", "start": "0", "length": "1", "order[0][column]": "0"}

    assert len(site.dashboard.post("/tasks/datatable", **form).json()["data"]) == 1


def test_a_table_without_its_numbers_is_a_bad_request_in_the_form_of_pages(site):
    answer = site.dashboard.ask("/tasks/datatable")

    assert (answer.status, answer.headers["Content-Type"]) == (400, "text/plain")
    assert answer.text == "Missing argument draw"
