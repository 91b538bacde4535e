"""Every route is asked while the network to the broker delays, drops or resets what is sent.

What is refused is refused in words, within a time, and with a status that the API promises; and
when the network is well again, everything works, without anybody's help.
"""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from tests.faults.freezing import heard_task
from tests.faults.proxy import Proxy
from tests.house.surface import SURFACE
from tests.services import Answer, Dashboard, Rabbit, Redis, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.faults]

#: What any route may answer: done, not like this, not to you, not there, not now, not known.
ANSWERS = frozenset({200, 202, 302, 303, 304, 400, 403, 404, 409, 502, 503, 504})
#: On a busy machine; what waits for the broker gives up long before.
ANSWERED_S = 60.0
AT_ONCE = 8
#: Which share of all may be refused over a network that is only slow.
MOST_REFUSED = 0.1
#: A stream has no end, and what ends everything is asked last.
LEFT_OUT = ("/stream",)
LAST = ("/shutdown/",)
#: Bytes that the broker's answers may have until a connection breaks: some break in a greeting.
LASTS = (40, 3000)


@pytest.fixture(
    params=[
        pytest.param("redis", marks=pytest.mark.xdist_group("live-redis")),
        pytest.param("rabbitmq", marks=pytest.mark.xdist_group("rabbit")),
    ]
)
def broker(request: pytest.FixtureRequest) -> Redis | Rabbit:
    server: Redis | Rabbit = request.getfixturevalue(
        {"redis": "own_redis", "rabbitmq": "rabbit"}[request.param]
    )
    return server


@pytest.fixture
def network(broker: Redis | Rabbit) -> Iterator[Proxy]:
    proxy = Proxy(broker.port)
    yield proxy
    proxy.close()


def delays(network: Proxy, random: Random) -> None:
    del random
    network.delay_s = 0.15


def drops(network: Proxy, random: Random) -> None:
    network.lasts, network.falls_silent = (lambda: random.randint(*LASTS)), True


def resets(network: Proxy, random: Random) -> None:
    network.lasts = lambda: random.randint(*LASTS)


def requests(worker: str, uuid: str) -> list[tuple[str, str]]:
    """Return every method and path, of what there is where the table names what there is not."""
    asked = []
    for route in SURFACE:
        path = route.example.replace("w@x", worker).replace("some-id", uuid)
        path = path.replace("some.id", uuid).replace("some.task", "tests.shop.add")
        path = path.replace("some.queue", "celery")
        asked += [(method, path) for method in route.methods if path not in LEFT_OUT]
    return sorted(asked, key=lambda one: any(word in one[1] for word in LAST))


@pytest.mark.parametrize("fault", [delays, drops, resets], ids=lambda fault: fault.__name__)
def test_every_route_answers_as_promised_over_a_network_that(
    fault: Callable[[Proxy, Random], None],
    broker: Redis | Rabbit,
    network: Proxy,
    start_worker: Callable[..., Worker],
    start_dashboard: Callable[..., Dashboard],
) -> None:
    worker = start_worker(broker.url, options=("-P", "solo"))
    url = network.url(broker.url)
    dashboard = start_dashboard(url, url if isinstance(broker, Redis) else "rpc://")
    uuid = heard_task(dashboard, broker.url)
    fault(network, Random(11))
    network.reset()
    if fault is delays:
        wait_until(lambda: dashboard.get("/api/connection")["connected"], 30, "it hears events")
    took: dict[tuple[str, str], tuple[float, Answer]] = {}

    def ask(method: str, path: str) -> None:
        began, body = time.monotonic(), b"" if method == "POST" else None
        try:
            answer = dashboard.ask(path, method, body, timeout_s=ANSWERED_S)
        except TimeoutError as error:
            raise AssertionError(f"{method} {path} was not answered in {ANSWERED_S} s") from error
        took[method, path] = time.monotonic() - began, answer

    with ThreadPoolExecutor(AT_ONCE) as clients:
        for one in [clients.submit(ask, *one) for one in requests(worker.hostname, uuid)]:
            one.result()

    wrong = {
        one: (answer.status, answer.text[:300])
        for one, (_, answer) in took.items()
        if answer.status not in ANSWERS or "Traceback" in answer.text
    }
    assert not wrong
    refused = {
        one: (round(seconds, 1), answer.text[:200])
        for one, (seconds, answer) in took.items()
        if answer.status in {503, 504}
    }
    if fault is delays:  # eight at once on a busy machine: some wait in vain
        assert len(refused) <= MOST_REFUSED * len(took), refused
    else:
        assert refused
    unsaid = [one for one, (_, answer) in took.items() if answer.status >= 400 and not answer.body]
    assert not unsaid
    assert not re.findall(r"(?m)^Traceback|Uncaught exception|never retrieved", dashboard.output())
    network.heal()
    network.delay_s = 0.0
    network.reset()
    wait_until(lambda: dashboard.get("/api/connection")["connected"], 15, "it hears events")
    sent = lambda: dashboard.post("/api/task/send-task/tests.shop.add", {"args": [1, 2]})  # noqa: E731
    wait_until(lambda: sent().status == 200, 15, "a task is sent")
    heard_task(dashboard, broker.url)
