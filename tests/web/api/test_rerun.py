"""Tasks are run again with what they had, or not at all: real brokers, workers, backend."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import redis
from celery import Celery, chain

from tests.services import Dashboard, Rabbit, wait_until
from tests.web.api.conftest import BrokeredSite

pytestmark = pytest.mark.xdist_group("brokered")
ECHO = "tests.shop.echo"


@dataclass(frozen=True)
class Place:
    """A dashboard with workers; `kept` is a queue whose worker keeps arguments in the backend."""

    dashboard: Dashboard
    broker: Any
    kept: str = "kept"

    def send(self, args: list[Any], task: str = ECHO, **more: Any) -> str:
        body = {"args": args, **more}
        sent = self.dashboard.post(f"/api/task/send-task/{task}", body)
        assert sent.status == 200, sent.text
        return str(sent.json()["task-id"])

    def ended(self, uuid: str, *, is_sent_told: bool = True) -> dict[str, Any]:
        """Return a task's record once it has ended, and its sender has told its queue.

        That may come after what its worker tells.
        """

        def record() -> Any:
            answer = self.dashboard.ask(f"/api/task/details/{uuid}")
            found = answer.json() if answer.status == 200 else {}
            has_ended = found.get("state") in ("SUCCESS", "FAILURE")
            return found if has_ended and (found["queue"] or not is_sent_told) else None

        return dict(wait_until(record, 20, f"{uuid} has ended"))

    def rerun(self, uuid: str, query: str = "", **body: Any) -> Any:
        return self.dashboard.post(f"/api/task/rerun/{uuid}{query}", body)

    def result(self, uuid: str) -> Any:
        self.ended(uuid, is_sent_told=False)
        return self.dashboard.get(f"/api/task/result/{uuid}")["result"]

    def kept_kwargs(self, uuid: str) -> Any:
        """Return the keyword arguments that a task had, by the result backend."""
        self.ended(uuid, is_sent_told=False)
        with Celery(
            backend=self.dashboard.environment["SHOP_BACKEND"], set_as_current=False
        ) as app:
            return app.AsyncResult(uuid).kwargs

    def count(self) -> int:
        return len(self.dashboard.get("/api/tasks"))


@pytest.fixture
def place(brokered: BrokeredSite) -> Place:
    return Place(brokered.dashboard, brokered.broker)


def test_a_task_is_run_again_with_the_same_arguments_and_both_say_so(place):
    first = place.send([1, "it's"], kwargs={"a": [1, {"b": None}]})
    place.ended(first)

    answer = place.rerun(first)

    assert answer.status == 200
    second = answer.json()["task-id"]
    assert answer.json() == {"task-id": second, "rerun_of": first}
    assert second != first
    assert place.result(second) == place.result(first)
    assert place.ended(second)["queue"] == place.ended(first)["queue"] == "celery"
    assert place.dashboard.get(f"/api/task/details/{first}")["reruns"] == [second]
    assert place.dashboard.get(f"/api/task/details/{second}")["rerun_of"] == first
    assert f"/task/{second}" in place.dashboard.ask(f"/task/{first}").text
    assert f"/task/{first}" in place.dashboard.ask(f"/task/{second}").text


def test_a_review_sends_nothing_and_says_what_to_think_of(place):
    first = place.send(["no"], "tests.shop.fail")
    place.ended(first)
    before = place.count()

    review = place.rerun(first, "?dry_run=1").json()
    said = place.rerun(first, dry_run=True).json()
    assert review["preflight"] == "ready"
    assert review["digest"] == said["digest"]
    assert place.count() == before

    second = place.rerun(first, digest=review["digest"]).json()["task-id"]
    place.ended(second)
    late = place.rerun(first, digest=review["digest"])
    assert late.status == 409
    assert "runs again so far was 0, is 1" in late.text
    again = place.rerun(first, "?dry_run=1").json()
    assert again["preflight"] == "needs your eye"
    assert second in " ".join(again["cautions"])
    assert place.count() == before + 1


def test_what_was_shortened_is_sent_only_as_somebody_completes_it(place):
    text = "long " * 1000
    first = place.send([text], kwargs={"n": 1})
    shown = place.ended(first)["args"]
    before = place.count()

    refused = place.rerun(first)
    assert (refused.status, "shortened" in refused.text) == (400, True)
    review = place.rerun(first, "?dry_run=1").json()
    assert (review["preflight"], list(review["missing"])) == ("blocked", ["args"])
    cut = place.rerun(first, args=[shown.split("'")[1]])
    assert (cut.status, "as it was shortened" in cut.text) == (400, True)
    assert place.count() == before

    second = place.rerun(first, args=["whole"]).json()["task-id"]
    assert place.result(second) == {"args": ["whole"], "kwargs": {"n": 1}}


def test_what_was_hidden_is_never_sent(place):
    first = place.send(["secret"], argsrepr="('***',)")
    place.ended(first)
    before = place.count()

    for body in ({}, {"args": ["***"]}):
        refused = place.rerun(first, **body)
        assert (refused.status, "hid" in refused.text) == (400, True)
    assert place.count() == before


def test_the_result_backend_knows_what_events_shorten(place):
    text = "long " * 1000
    first = place.send([text], queue=place.kept)
    place.ended(first)

    second = place.rerun(first).json()["task-id"]

    assert place.result(second) == {"args": [text], "kwargs": {}}
    assert place.ended(second)["queue"] == place.kept


def test_a_hidden_value_is_sent_as_it_was_and_shown_nowhere(place):
    secret, other = "kanarie-7d1e", "kanarie-0b52"
    first = place.send([1], kwargs={"password": secret}, queue=place.kept)
    assert "[redacted]" in place.ended(first)["kwargs"]
    board, seen = place.dashboard, []

    seen.append(place.rerun(first, "?dry_run=1"))
    assert seen[0].json()["missing"] == {}
    seen.append(board.post(f"/do/task/rerun/{first}", next="/tasks"))
    seen.append(place.rerun(first))
    second = seen[-1].json()["task-id"]
    seen.append(place.rerun(first, kwargs={"password": other}))
    third = seen[-1].json()["task-id"]
    seen.append(board.post("/api/batches/rerun?dry_run=1", ids=first))
    seen.append(board.post("/do/batches/rerun", ids=first, next="/tasks"))
    seen.append(board.post("/api/batches/rerun", ids=first))
    batch = seen[-1].json()["batch"]
    told = wait_until(lambda: ended_batch(board, batch), 20, "the batch has ended")
    (fourth,) = [item["task-id"] for item in told["items"]]

    sent = {second: secret, third: other, fourth: secret}
    assert {uuid: place.kept_kwargs(uuid) for uuid in sent} == {
        uuid: {"password": word} for uuid, word in sent.items()
    }
    paths = ["/api/audit", "/audit", "/actions", f"/batches/{batch}", "/tasks"]
    paths += [f"/api/batches/{batch}", f"/compare?ids={first}&ids={second}"]
    paths += [f"{start}{uuid}" for uuid in sent for start in ("/task/", "/api/task/details/")]
    seen += [board.ask(path) for path in paths]
    assert [answer.status for answer in seen] == [200] * len(seen)
    assert not [answer.text for answer in seen if secret in answer.text or other in answer.text]
    log = board.output()
    assert secret not in log
    assert other not in log


def test_a_hidden_value_that_no_backend_keeps_is_not_sent(place):
    first = place.send([1], kwargs={"password": "kanarie-55aa"})
    place.ended(first)

    refused = place.rerun(first)
    again = place.rerun(first, kwargs={"password": "[redacted]"})

    assert (refused.status, again.status) == (400, 400)
    assert "--redact" in refused.text
    assert "mark of what was hidden" in again.text
    assert place.dashboard.get(f"/api/task/details/{first}")["reruns"] == []


def ended_batch(board: Dashboard, batch: str) -> Any:
    found = board.get(f"/api/batches/{batch}")
    return found if found["state"] == "ended" else None


def test_what_a_task_changed_in_the_backend_is_not_taken_for_what_was_sent(place):
    first = place.send([[1, 2]], "tests.shop.empty", queue=place.kept)
    place.ended(first)
    before = place.count()

    refused = place.rerun(first)
    assert (refused.status, "the task changed them" in refused.text) == (400, True)
    assert place.count() == before

    second = place.rerun(first, args=[[1, 2]]).json()["task-id"]
    assert place.result(second) == 2


def test_a_review_is_acted_on_once_however_often_it_is_sent(place):
    first = place.send([1])
    place.ended(first)
    before = place.count()
    digest = place.rerun(first, "?dry_run=1").json()["digest"]
    if not isinstance(place.broker, Rabbit):  # so that both are on their way at once
        with redis.Redis.from_url(place.broker.url) as client:
            client.client_pause(1000, all=False)

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: place.rerun(first, digest=digest), range(2)))

    assert sorted(one.status for one in answers) == [200, 409]
    (second,) = place.dashboard.get(f"/api/task/details/{first}")["reruns"]
    place.ended(second)
    assert place.count() == before + 1

    def outcomes() -> list[str]:
        entries = place.dashboard.get("/api/audit")["entries"]
        return sorted(one["outcome"] for one in entries if one["target"] == first)

    # Refusals of one address are recorded up to a bound, which other tests may have used up.
    wait_until(lambda: outcomes() in (["done"], ["done", "refused"]), 5, "it is recorded once")


def test_a_task_that_was_revoked_is_not_run_again_without_a_word(place):
    first = place.send([600], "tests.shop.sleep")

    def state() -> Any:
        answer = place.dashboard.ask(f"/api/task/info/{first}")
        return answer.json()["state"] if answer.status == 200 else None

    wait_until(lambda: state() == "STARTED", what="it runs")
    place.dashboard.post(f"/api/task/revoke/{first}?terminate=1")
    wait_until(lambda: state() == "REVOKED", what="it was revoked")

    review = place.rerun(first, "?dry_run=1").json()

    assert review["preflight"] == "needs your eye"
    assert any("It was revoked" in one for one in review["cautions"])


def test_a_digest_is_of_the_queue_too(place):
    first = place.send([1])
    place.ended(first)
    digest = place.rerun(first, "?dry_run=1").json()["digest"]

    other = place.rerun(first, digest=digest, queue=place.kept)

    assert (other.status, "queue or routing key was celery" in other.text) == (409, True)


def test_dates_and_decimals_are_repaired_and_named(place):
    values = [datetime(2024, 1, 2, 3, 4, tzinfo=UTC), Decimal("1.50")]
    with Celery(broker=place.broker.url, set_as_current=False) as app:
        first = app.send_task(ECHO, values).id
    place.ended(first, is_sent_told=False)

    review = place.rerun(first, "?dry_run=1").json()
    second = place.rerun(first).json()["task-id"]

    assert "Its args hold values that were repaired: Decimal, datetime." in review["cautions"]
    assert place.result(second) == place.result(first)


def test_of_a_chain_one_task_is_run_again_and_the_review_says_that_the_rest_does_not_follow(place):
    with Celery(broker=place.broker.url, set_as_current=False) as app:
        parts = (app.signature(ECHO, (number,)) for number in (1, 2))
        last = chain(*parts, app=app).apply_async()
    first = last.parent.id
    for uuid in (first, last.id):
        place.ended(uuid, is_sent_told=False)
    children = lambda uuid: place.dashboard.get(f"/api/task/details/{uuid}")["children"]  # noqa: E731
    wait_until(lambda: children(first) == [last.id], what="the first is known to have sent it")

    of_first, of_last = (place.rerun(uuid, "?dry_run=1").json() for uuid in (first, last.id))
    again = place.rerun(first).json()["task-id"]

    assert any("those that followed it in a chain are not" in one for one in of_first["cautions"])
    assert any(f"sent by another task ({first})" in one for one in of_last["cautions"])
    place.ended(again, is_sent_told=False)
    place.ended(place.send([3]))  # what a chain had sent would have come before
    assert children(again) == []


def test_where_nobody_would_take_it_nothing_is_sent(place):
    first = place.send([1])
    place.ended(first)
    before = place.count()
    elsewhere = place.rerun(first, queue="nowhere")

    assert elsewhere.status == 409
    assert "No online worker has told that it consumes from nowhere" in elsewhere.text
    assert place.count() == before
    other = place.rerun(first, queue=place.kept).json()["task-id"]
    assert place.ended(other)["queue"] == place.kept


def test_an_eta_is_dropped_and_said_so(place):
    first = place.send([1], countdown=3600)
    wait_until(lambda: place.dashboard.ask(f"/api/task/info/{first}").status == 200)
    wait_until(lambda: place.dashboard.get(f"/api/task/info/{first}")["eta"], what="it has its ETA")

    review = place.rerun(first, "?dry_run=1").json()
    second = place.rerun(first).json()["task-id"]

    assert any("ETA" in one and "dropped" in one for one in review["details"])
    assert review["preflight"] == "needs your eye"
    assert place.ended(second)["eta"] is None
    place.dashboard.post(f"/api/task/revoke/{first}")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"args": {}}, "array"),
        ({"kwargs": []}, "object"),
        ({"queue": 1}, "queue"),
        ({"countdown": -1}, "countdown"),
        ({"wait": 1}, "no option 'wait'"),
    ],
)
def test_a_wrong_body_is_one_line(place, body, words):
    first = place.send([1])
    place.ended(first)
    answer = place.rerun(first, **body)

    assert (answer.status, words in answer.text) == (400, True)
    assert "\n" not in answer.text


def test_an_unknown_task_is_not_found(place):
    assert place.rerun("no-such-id").status == 404


def test_the_form_shows_the_review_and_sends_what_it_says(place):
    first = place.send([7])
    place.ended(first)
    page = place.dashboard.post(f"/do/task/rerun/{first}", next=f"/task/{first}")
    digest = page.text.split('name="digest" value="')[1].split('"')[0]

    assert page.status == 200
    done = place.dashboard.post(
        f"/do/task/rerun/{first}", digest=digest, args="[8]", kwargs="", next=f"/task/{first}"
    )
    assert (done.status, done.headers["Location"]) == (303, f"/task/{first}")
    (second,) = place.dashboard.get(f"/api/task/details/{first}")["reruns"]
    assert place.result(second) == {"args": [8], "kwargs": {}}
