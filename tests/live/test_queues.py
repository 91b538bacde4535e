"""What `/metrics` tells of the queues of a real broker, with a real worker."""

import re
import time

import pytest
from celery import Celery

from tests.services import wait_until

pytestmark = pytest.mark.live
SERIES = re.compile(r'^flower_ng_queue_(\w+)\{queue="celery"\} (\S+)$', re.MULTILINE)


def told(dashboard):
    dashboard.ask("/broker")  # has the broker looked at now; the scrape itself does not
    text = dashboard.ask("/metrics").body.decode()
    return {name: float(value) for name, value in SERIES.findall(text)}


def test_a_queue_is_told_while_it_waits_and_once_a_worker_takes_it(
    redis_url, start_dashboard, start_worker
):
    dashboard = start_dashboard(redis_url, redis_url)
    wait_until(lambda: b'"ready": true' in dashboard.ask("/readyz").body)
    app = Celery(broker=redis_url, backend=redis_url)
    app.conf.task_send_sent_event = True
    for _ in range(3):
        app.send_task("tests.shop.add", (1, 2))

    waiting = wait_until(lambda: told(dashboard).get("length") == 3 and told(dashboard))
    assert waiting.keys() == {"length", "oldest_age_seconds"}
    assert 0 <= waiting["oldest_age_seconds"] < 30

    start_worker(redis_url, redis_url, options=("-P", "threads", "-c", "2"))
    served = wait_until(
        lambda: (one := told(dashboard)).get("workers") and one["length"] == 0 and one, 30
    )
    assert served == {"length": 0, "workers": 1, "slots": 2}


EMPTY_IN = re.compile(
    r'data-label="Waiting">([0-9,]+)<.*?data-label="Drains in">([^<]*)<', re.DOTALL
)


def read(dashboard):
    """What the page says waits, and when it will be gone."""
    (found,) = EMPTY_IN.findall(dashboard.ask("/queues").body.decode())
    return int(found[0].replace(",", "")), found[1]


def test_a_burst_into_an_idle_queue_is_told_to_empty(redis_url, start_dashboard, start_worker):
    dashboard = start_dashboard(redis_url, redis_url)
    start_worker(redis_url, redis_url, options=("-P", "threads", "-c", "4"))
    wait_until(lambda: told(dashboard).get("workers"), 30)
    app = Celery(broker=redis_url)
    for _ in range(300):
        app.send_task("tests.shop.sleep", (0.25,))

    said = [wait_until(lambda: (one := read(dashboard))[0] and one)]
    until = time.monotonic() + 60
    while said[-1][0] and time.monotonic() < until:
        time.sleep(0.5)
        said.append(read(dashboard))

    assert said[-1] == (0, "empty")
    assert not [words for _, words in said if "grows" in words]
    told_s = [int(words.split()[1]) for length, words in said if "about" in words and length > 40]
    assert told_s
    assert all(1 <= one <= 20 for one in told_s)
