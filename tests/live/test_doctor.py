"""The doctor on a whole cluster with each broker."""

from tests.doctored import doctored, found
from tests.live.conftest import Cluster
from tests.services import wait_until


def test_command_and_dashboard_find_a_healthy_cluster_so(cluster: Cluster, tmp_path) -> None:
    words = ["-A", "tests.shop", "--json", "--inspect_timeout=3000", "--persistent"]
    if cluster.kind == "rabbitmq":
        options = [one for one in cluster.dashboard.options if one.startswith("--broker_api")]
        words += options
        wait_until(lambda: lengths_are_told(cluster), what="RabbitMQ has counted its queues")

    def told():  # RabbitMQ counts a new queue only some seconds later
        done = doctored(*words, f"--db={tmp_path / 'flower'}", **cluster.worker.environment)
        assert done.returncode == 0, done.stdout
        checks = found(done)
        return checks if checks["Broker", "Queue lengths"]["mark"] == "ok" else None

    checks = wait_until(told, 20, "the lengths of the queues are known")
    assert checks["Broker", "Accepts messages"]["mark"] == "ok"
    assert checks["Result backend", "Reached"]["mark"] == "ok"
    assert checks["Workers", "Remote control"]["subjects"] == [cluster.worker.hostname]
    assert checks["Workers", "Heartbeats"]["mark"] == "ok"
    assert checks["Workers", "Pool"]["said"].startswith("prefork")
    assert checks["Workers", "Results in events"]["said"].startswith("1,024 characters")
    assert checks["Workers", "Results hold"]["setting"] == "result_extended = True"
    assert not (tmp_path / "flower.sqlite3").exists()

    report = cluster.dashboard.get("/api/doctor", refresh=1)
    marks = {(one["area"], one["name"]): one["mark"] for one in report["checks"]}
    assert report["code"] == 0, report
    assert marks["Events", "Connection"] == "ok"
    assert marks["Workers", "Heartbeats"] == "ok"
    assert cluster.dashboard.ask("/doctor").status == 200


def lengths_are_told(cluster: Cluster) -> bool:
    queues = cluster.dashboard.get("/api/queues/length")["active_queues"]
    return bool(queues) and all("messages" in queue for queue in queues)
