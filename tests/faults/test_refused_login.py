"""The broker refuses the login in the middle of the run: each answer says so, none is a 500."""

import time

import pytest
import redis

from tests.services import Dashboard, Redis, wait_until

pytestmark = pytest.mark.live

READS = ("/", "/workers", "/broker", "/problems", "/metrics", "/readyz", "/healthcheck")
READS += ("/api/workers?refresh=1", "/api/overview", "/api/problems", "/api/doctor")
CHANGES = (
    "/api/task/revoke/1",
    "/api/task/send-task/tests.shop.echo",
    "/api/task/async-apply/tests.shop.echo",
)


def answers_with_the_reason(dashboard: Dashboard, reason: str) -> None:
    reads = {path: dashboard.ask(path) for path in READS}
    statuses = {path: answer.status for path, answer in reads.items()}
    changes = {path: dashboard.post(path, {}) for path in CHANGES}
    changes["lengths"] = dashboard.ask("/api/queues/length")
    told = {path: (answer.status, answer.text) for path, answer in changes.items()}

    assert max(statuses.values()) <= 503, statuses
    assert 500 not in statuses.values(), statuses
    assert all(status == 503 and reason in text for status, text in told.values()), told
    wait_until(lambda: reason in dashboard.get("/api/connection")["why"], 15, "it tells the reason")


def test_redis_refuses_the_password(own_redis: Redis, start_dashboard):
    dashboard: Dashboard = start_dashboard(own_redis.url)
    is_connected = lambda: dashboard.get("/api/connection")["connected"]  # noqa: E731
    wait_until(is_connected, 15, "connected")
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("requirepass", "changed")
    with redis.Redis.from_url(own_redis.url, password="changed") as client:
        for kind in ("pubsub", "normal"):
            client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        wait_until(lambda: not is_connected(), 15, "the loss is noticed")

        answers_with_the_reason(dashboard, "uthentication")

        client.config_set("requirepass", "")
    wait_until(is_connected, 15, "connected again")


@pytest.mark.faults
@pytest.mark.xdist_group("rabbit")
def test_rabbitmq_refuses_the_password(rabbit, start_dashboard):
    rabbit.control("add_user", "ann", "secret")
    rabbit.control("set_permissions", "ann", ".*", ".*", ".*")
    dashboard: Dashboard = start_dashboard(rabbit.url.replace("guest:guest", "ann:secret"))
    is_connected = lambda: dashboard.get("/api/connection")["connected"]  # noqa: E731
    wait_until(is_connected, 15, "connected")
    rabbit.control("change_password", "ann", "changed")
    rabbit.control("close_all_user_connections", "ann", "the password was changed")
    wait_until(lambda: not is_connected(), 15, "the loss is noticed")

    answers_with_the_reason(dashboard, "ACCESS_REFUSED")

    rabbit.control("change_password", "ann", "secret")
    wait_until(is_connected, 15, "connected again")
    rabbit.control("delete_user", "ann")


@pytest.mark.faults
@pytest.mark.xdist_group("rabbit")
def test_while_rabbitmq_is_stopped_its_queues_are_unavailable(rabbit, start_dashboard):
    dashboard = start_dashboard(rabbit.url, options=(f"--broker_api={rabbit.management_url}",))
    rabbit.control("stop_app")
    try:
        began = time.monotonic()
        answer = dashboard.ask("/api/queues/length")
        assert time.monotonic() - began < 15
    finally:
        rabbit.control("start_app")

    assert answer.status == 503
    assert "The broker does not answer" in answer.text
