"""The services that the other tests stand on work by themselves."""

import pytest
from celery import Celery

pytestmark = pytest.mark.live


@pytest.mark.usefixtures("worker")
def test_a_worker_runs_a_task_through_redis(redis_url):
    app = Celery(broker=redis_url, backend=redis_url)

    assert app.send_task("tests.shop.add", (1, 2)).get(timeout=10) == 3


@pytest.mark.xdist_group("rabbit")
def test_a_worker_runs_a_task_through_rabbitmq(rabbit, redis_url, start_worker):
    start_worker(rabbit.url, redis_url, options=("-P", "threads", "-c", "2"))
    app = Celery(broker=rabbit.url, backend=redis_url)

    assert app.send_task("tests.shop.add", (1, 2)).get(timeout=10) == 3
