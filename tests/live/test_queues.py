"""What `/metrics` tells of the queues of a real broker, with a real worker."""

import re

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
