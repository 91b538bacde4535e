import pytest

pytestmark = pytest.mark.live


def test_a_worker_runs_a_task_through_redis(worker, redis_url):
    from celery import Celery

    app = Celery(broker=redis_url, backend=redis_url)
    assert app.send_task("tests.shop.add", (1, 2)).get(timeout=10) == 3


@pytest.mark.xdist_group("rabbit")
def test_a_worker_runs_a_task_through_rabbitmq(rabbit, redis_url, start_worker):
    from celery import Celery

    start_worker(rabbit.url, redis_url, options=("-P", "threads", "-c", "2"))
    app = Celery(broker=rabbit.url, backend=redis_url)
    assert app.send_task("tests.shop.add", (1, 2)).get(timeout=10) == 3
