import pytest

from flower_ng.errors import Unavailable
from tests.health.making import Switch, watch

from .conftest import WORKER

SILENT = {"rule": "worker-silent", "subject": WORKER}


@pytest.fixture
async def problem(cluster):
    """A problem of a worker, found by a real watch."""
    switch = Switch("worker-silent")
    switch.subjects = (WORKER,)
    cluster.problems = watch(switch)
    await cluster.problems.look()


@pytest.mark.usefixtures("problem")
async def test_a_problem_is_told_with_all_that_is_known(client):
    told = (await client.get("/api/problems")).json

    (one,) = told["problems"]
    assert (one["rule"], one["subject"], one["about"]) == ("worker-silent", WORKER, "worker")
    assert (one["severity"], one["cleared"], one["mute"]) == ("error", None, None)
    assert told["past"] == []
    assert told["looked_at"] is not None


@pytest.mark.usefixtures("problem")
async def test_a_muted_problem_says_by_whom_why_and_until_when(client):
    answer = await client.post("/api/problems/mute", **SILENT, **{"reason": "known", "for": "60"})

    (one,) = (await client.get("/api/problems")).json["problems"]
    assert answer.json["until"] == 1060.0
    assert one["mute"] == {**SILENT, "until": 1060.0, "reason": "known", "by": "anonymous"}


@pytest.mark.usefixtures("problem")
async def test_a_mute_can_be_ended_once(client):
    await client.post("/api/problems/mute", **SILENT, reason="known")

    assert (await client.post("/api/problems/unmute", **SILENT)).status == 200
    assert (await client.post("/api/problems/unmute", **SILENT)).status == 404
    assert (await client.get("/api/problems")).json["problems"][0]["mute"] is None


@pytest.mark.usefixtures("problem")
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rule": "no-such-rule"}, "Unknown rule 'no-such-rule'"),
        ({"reason": ""}, "Missing argument reason"),
        ({"for": "0"}, "for must be from 1"),
        ({"for": "1e12"}, "for must be from 1"),
    ],
)
async def test_a_mute_that_cannot_be_meant_is_refused(client, wrong, words):
    answer = await client.post("/api/problems/mute", **{**SILENT, "reason": "known", **wrong})

    assert answer.status == 400
    assert words in answer.text


class Told:
    """Stands in for a telling: what it sends goes nowhere."""

    def __init__(self, name, trouble=""):
        self.name, self.trouble = name, trouble

    async def test(self):
        if self.trouble:
            raise Unavailable(self.trouble)


async def test_a_test_goes_to_everyone_and_says_who_received_it(cluster, client):
    assert (await client.post("/api/problems/test")).status == 404

    cluster.tellings = (Told("the webhook"), Told("Slack"))
    answer = await client.post("/api/problems/test")
    assert answer.json["message"] == "A test was received by the webhook, Slack"

    cluster.tellings = (Told("the webhook", "The webhook answered 500"), Told("Slack"))
    answer = await client.post("/api/problems/test")
    assert (answer.status, answer.text) == (503, "The webhook answered 500; received by Slack")
