from urllib.parse import quote, unquote

import pytest

from flower_ng.errors import BadRequest, NoAnswer, Refused, Unavailable, Unreadable
from flower_ng.monitor.remote import commands
from flower_ng.monitor.remote.command_list import COMMANDS as LISTED

from .conftest import WORKER

COMMANDS = [
    ("/api/worker/shutdown/{w}", {}, commands.shutdown()),
    ("/api/worker/pool/restart/{w}", {}, commands.pool_restart()),
    ("/api/worker/pool/grow/{w}", {}, commands.pool_grow(1)),
    ("/api/worker/pool/grow/{w}", {"n": "3"}, commands.pool_grow(3)),
    ("/api/worker/pool/shrink/{w}", {}, commands.pool_shrink(1)),
    ("/api/worker/pool/shrink/{w}", {"n": "2"}, commands.pool_shrink(2)),
    ("/api/worker/pool/autoscale/{w}", {"min": "0", "max": "4"}, commands.autoscale(0, 4)),
    (
        "/api/worker/queue/add-consumer/{w}",
        {"queue": "<fast & 'loose'>"},
        commands.add_consumer("<fast & 'loose'>"),
    ),
    (
        "/api/worker/queue/cancel-consumer/{w}",
        {"queue": "fast"},
        commands.cancel_consumer("fast"),
    ),
]
PATHS = sorted({path for path, _form, _order in COMMANDS})


@pytest.mark.parametrize(("path", "form", "order"), COMMANDS)
async def test_a_command_is_one_call_and_answers_its_message(client, cluster, path, form, order):
    answer = await client.post(path.format(w=WORKER), **form)

    assert (answer.status, answer.json) == (200, {"message": "command done"})
    assert cluster.control.calls == [("command", WORKER, order)]


def test_each_command_to_a_worker_has_one_route():
    routes = {f"/api/{command.route}/" for command in LISTED}

    assert {path.removesuffix("{w}") for path in PATHS} < routes
    assert len(routes) == len(LISTED)


@pytest.mark.parametrize("path", PATHS)
async def test_an_unknown_worker_is_not_found_before_its_arguments_are_read(client, cluster, path):
    answer = await client.post(path.format(w="nobody@box"), n="x")

    assert (answer.status, answer.text) == (404, "Unknown worker 'nobody@box'")
    assert cluster.control.calls == cluster.inspector.calls == []


@pytest.mark.parametrize("path", PATHS)
async def test_commands_are_posted(client, path):
    assert (await client.get(path.format(w=WORKER))).status == 405


@pytest.mark.parametrize("read_only", [True])
@pytest.mark.parametrize("path", PATHS)
async def test_read_only_comes_before_the_worker_is_looked_up(client, path):
    answer = await client.post(path.format(w="nobody@box"))

    assert (answer.status, answer.text) == (403, "Read only mode is enabled")


@pytest.mark.parametrize(
    ("tail", "form", "words"),
    [
        ("pool/grow", {"n": "x"}, "Invalid argument 'x' of type 'int'"),
        ("pool/grow", {"n": ""}, "Invalid argument '' of type 'int'"),
        ("pool/grow", {"n": "0"}, "n must be from 1 to 1000, not 0"),
        ("pool/grow", {"n": "-1"}, "n must be from 1 to 1000, not -1"),
        ("pool/grow", {"n": "1000000000"}, "n must be from 1 to 1000, not 1000000000"),
        ("pool/shrink", {"n": "1.5"}, "Invalid argument '1.5' of type 'int'"),
        ("pool/autoscale", {"max": "3"}, "Missing argument min"),
        ("pool/autoscale", {"min": "3"}, "Missing argument max"),
        ("pool/autoscale", {"min": "a", "max": "3"}, "Invalid argument 'a' of type 'int'"),
        (
            "pool/autoscale",
            {"min": "5", "max": "1"},
            "min must not be above max, but 5 is above 1",
        ),
        ("queue/add-consumer", {}, "Missing argument queue"),
        ("queue/cancel-consumer", {"queue": " "}, "Missing argument queue"),
    ],
)
async def test_a_wrong_argument_is_a_bad_request(client, cluster, tail, form, words):
    answer = await client.post(f"/api/worker/{tail}/{WORKER}", **form)

    assert (answer.status, answer.text) == (400, words)
    assert answer.type == "text/plain; charset=UTF-8"
    assert cluster.control.calls == []


@pytest.mark.parametrize(("error", "status"), [(Refused, 403), (NoAnswer, 504), (Unreadable, 502)])
async def test_what_came_of_a_command_is_plain_text_as_it_was_said(client, cluster, error, status):
    cluster.control.answers["command"] = error("Failed to grow: '<no>' & so on")

    answer = await client.post(f"/api/worker/pool/grow/{WORKER}")

    assert (answer.status, answer.text) == (status, "Failed to grow: '<no>' & so on")
    assert answer.type == "text/plain; charset=UTF-8"


async def test_a_dead_broker_is_unavailable(client, cluster):
    cluster.control.answers["command"] = Unavailable("Broker or result backend unavailable")

    answer = await client.post(f"/api/worker/shutdown/{WORKER}")

    assert (answer.status, answer.text) == (503, "Broker or result backend unavailable")
    assert answer.type == "text/plain; charset=UTF-8"


async def test_a_worker_known_from_an_inspection_only_can_be_commanded(client, cluster):
    cluster.inspector.workers = {"quiet@box": {}}

    assert (await client.post("/api/worker/shutdown/quiet@box")).status == 200


@pytest.mark.parametrize("name", ["a/b@box", "a%2Fb@box", "w&'<>\"@box", "wörk@box"])
async def test_any_name_can_stand_in_a_path(client, cluster, name):
    cluster.inspector.workers = {unquote(name): {}}

    answer = await client.post(f"/api/worker/shutdown/{quote(name, safe='/%@')}")

    assert answer.status == 200
    assert cluster.control.calls == [("command", unquote(name), commands.shutdown())]


async def test_a_button_does_the_same_and_goes_back(client, cluster):
    answer = await client.post(f"/do/worker/pool/grow/{WORKER}", n="2", next="/worker/w1@box")

    assert (answer.status, answer.headers["Location"]) == (303, "/worker/w1@box")
    assert cluster.control.calls == [("command", WORKER, commands.pool_grow(2))]


async def test_a_task_is_revoked_whether_or_not_anyone_knows_it(client, cluster):
    answer = await client.post("/api/task/revoke/7")

    words = "no worker has acknowledged it: whether it is revoked is not known"
    assert (answer.status, answer.json) == (200, {"message": f"task_revoke done, but {words}"})
    assert cluster.control.calls == [("task_revoke", "7", False, "SIGTERM")]


async def test_a_task_is_terminated_with_a_signal(client, cluster):
    await client.post("/api/task/revoke/7?terminate=true", signal="SIGKILL")

    assert cluster.control.calls == [("task_revoke", "7", True, "SIGKILL")]


async def test_an_unknown_signal_is_a_bad_request(client, cluster):
    cluster.control.answers["task_revoke"] = BadRequest("Unknown signal 'SIGBOGUS'")

    answer = await client.post("/api/task/revoke/7", terminate="1", signal="SIGBOGUS")

    assert (answer.status, answer.text) == (400, "Unknown signal 'SIGBOGUS'")


async def test_time_limits_are_both_optional(client, cluster):
    await client.post("/api/task/timeout/shop.add", workername=WORKER)
    await client.post("/api/task/timeout/shop.add", workername=WORKER, soft="1.5", hard="30")

    assert cluster.control.calls == [
        ("command", WORKER, commands.time_limit("shop.add", None, None)),
        ("command", WORKER, commands.time_limit("shop.add", 1.5, 30.0)),
    ]


@pytest.mark.parametrize("rate", ["200", "200/m", "0", "0.5/s", "bogus"])
async def test_what_a_worker_can_judge_about_a_rate_is_left_to_it(client, cluster, rate):
    await client.post("/api/task/rate-limit/shop.add", workername=WORKER, ratelimit=rate)

    assert cluster.control.calls == [("command", WORKER, commands.rate_limit("shop.add", rate))]


@pytest.mark.parametrize("rate", ["-1/s", "-5", "10/x", "10/", "10/m/s"])
async def test_what_a_worker_would_take_wrongly_is_refused_here(client, cluster, rate):
    answer = await client.post("/api/task/rate-limit/shop.add", workername=WORKER, ratelimit=rate)

    assert (answer.status, cluster.control.calls) == (400, [])
    assert rate in answer.text


@pytest.mark.parametrize(
    ("path", "form", "status", "words"),
    [
        ("timeout/nothing", {"soft": "1"}, 400, "Missing argument workername"),
        ("timeout/nothing", {"workername": "x", "soft": "y"}, 400, "Invalid argument 'y'"),
        ("timeout/nothing", {"workername": "x", "hard": "nan"}, 400, "Invalid argument 'nan'"),
        ("timeout/nothing", {"workername": "x", "hard": "-1"}, 400, "hard must be"),
        ("timeout/nothing", {"workername": "x", "soft": ""}, 400, "Invalid argument ''"),
        (
            "timeout/shop.add",
            {"workername": "x", "soft": "2592000", "hard": "1.5"},
            400,
            "soft must not be above hard, but 2592000 s is above 1.5 s",
        ),
        ("timeout/nothing", {"workername": "x"}, 404, "Unknown task 'nothing'"),
        ("timeout/shop.add", {"workername": "x"}, 404, "Unknown worker 'x'"),
        ("rate-limit/nothing", {"ratelimit": "1"}, 400, "Missing argument workername"),
        ("rate-limit/nothing", {"workername": "x"}, 400, "Missing argument ratelimit"),
        ("rate-limit/nothing", {"workername": "x", "ratelimit": "1"}, 404, "Unknown task"),
        ("rate-limit/shop.add", {"workername": "x", "ratelimit": "1"}, 404, "Unknown worker"),
    ],
)
async def test_limits_check_arguments_then_task_then_worker(client, path, form, status, words):
    answer = await client.post(f"/api/task/{path}", **form)

    assert answer.status == status
    assert answer.text.startswith(words)
