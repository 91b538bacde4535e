"""`flower-ng demo`, as a newcomer starts it: three real workers, no broker, everything works."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flower_ng.demo import Keeper
from tests.services import Dashboard, answers, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("demo")]
WORKERS = {"storefront@demo", "warehouse@demo", "post@demo"}


class Demo(Dashboard):
    """The demo in a process of its own; asked like any dashboard."""

    def start(self) -> "Demo":
        script = Path(sys.executable).with_name("flower-ng")
        self.spawn([str(script), "demo", f"--port={self.port}"], {"COLUMNS": "200"})
        wait_until(lambda: answers(self.port) or not self.running, 20, "the demo answers")
        assert self.running, self.output()
        return self


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    demo = Demo(tmp_path_factory.mktemp("demo"), broker="")
    began = time.monotonic()
    try:
        demo.start()
        wait_until(lambda: set(online(demo)) == WORKERS, 20, "three workers are online")
        demo.ready_s = time.monotonic() - began
        yield demo
    finally:
        demo.stop()


def online(demo: Demo) -> list[str]:
    return [name for name, alive in demo.get("/api/workers", status=1).items() if alive]


def states(demo: Demo) -> set[str]:
    return {task["state"] for task in demo.get("/api/tasks", limit=500).values()}


def test_the_demo_is_ready_in_fifteen_seconds(demo):
    assert demo.ready_s < 15


def test_the_demo_says_so_on_its_pages_and_opens_the_api(demo):
    assert "demo" in demo.ask("/overview").text.lower()
    assert "demo" in demo.output().lower()
    assert demo.ask("/api/workers").status == 200


def test_the_shop_is_at_work(demo):
    wait_until(lambda: {"SUCCESS", "RECEIVED"} & states(demo), 20, "tasks run")
    types = wait_until(
        lambda: len(found := demo.get("/api/task/types")["task-types"]) >= 5 and found, 30, "types"
    )
    assert "shop.payments.charge" in types


def test_the_demos_workers_can_be_steered(demo):
    grown = demo.post("/api/worker/pool/grow/storefront@demo?n=1")
    assert grown.json() == {"message": "Growing 'storefront@demo' worker's pool by 1"}
    restart = "/api/worker/pool/restart/warehouse@demo"  # a busy pool may not answer in time
    wait_until(lambda: demo.post(restart).status == 200, 20, "the pool restarts")
    added = demo.post("/api/worker/queue/add-consumer/post@demo?queue=extra")
    assert added.json() == {"message": "add consumer extra"}


def test_the_lengths_of_its_queues_are_known_or_said_to_be_unknown(demo):
    queues = demo.get("/api/queues/length")["active_queues"]

    assert {"orders", "mail"} <= {queue["name"] for queue in queues}
    assert all(queue["messages"] is None or queue["messages"] >= 0 for queue in queues)


def test_a_busy_port_is_one_clear_line(demo):
    second = subprocess.run(
        [str(Path(sys.executable).with_name("flower-ng")), "demo", f"--port={demo.port}"],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )

    assert second.returncode == 1
    assert f"Port {demo.port} is in use" in second.stderr
    assert "Traceback" not in second.stderr


def test_ctrl_c_ends_the_demo_and_all_it_started(tmp_path):
    demo = Demo(tmp_path, broker="").start()
    wait_until(lambda: online(demo), 20, "a worker is online")
    folder = wait_until(lambda: shop_folder(demo), 5, "the demo's folder")

    assert demo.process is not None
    demo.process.send_signal(signal.SIGINT)

    assert demo.process.wait(15) == 0
    assert not folder.exists()
    assert not [line for line in processes() if str(folder) in line]
    assert "Traceback" not in demo.output()


def shop_folder(demo: Demo) -> Path | None:
    """The temporary folder of a running demo, from the environment of its workers."""
    for line in processes():
        for word in line.split("\0"):
            if word.startswith("FLOWER_NG_DEMO_FOLDER=") and parent_of(line) == demo.pid:
                return Path(word.partition("=")[2])
    return None


def processes() -> list[str]:
    """The environment of each process, with its parent in front."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            found.append(f"{stat[1]}\0{(entry / 'environ').read_text(errors='replace')}")
        except OSError:
            continue
    return found


def parent_of(line: str) -> int:
    return int(line.partition("\0")[0])


@pytest.mark.parametrize(("code", "starts"), [(1, 2), (0, 1)])
def test_a_worker_that_fails_is_started_again_and_one_that_was_shut_down_is_not(
    tmp_path, code, starts
):
    log, again = tmp_path / "log", tmp_path / "again"
    script = (
        "import pathlib, sys, time; print('started', flush=True);"
        f" again = pathlib.Path({str(again)!r});"
        f" again.exists() and time.sleep(60); again.touch(); sys.exit({code})"
    )

    with Keeper([([sys.executable, "-c", script], log)]):
        wait_until(again.exists, 10, "it ended once")
        time.sleep(1.5)  # it would be looked at by now

    assert log.read_text().count("started") == starts


def of_demo(mark: str) -> list[str]:
    """The processes that were started with an environment that holds the mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return [command for command in found if command]


@pytest.mark.parametrize(
    ("number", "after_s"),
    [
        (signal.SIGINT, 0.5),
        (signal.SIGINT, 2.0),
        (signal.SIGINT, None),
        (signal.SIGTERM, 1.0),
        pytest.param(signal.SIGINT, 1.0, marks=pytest.mark.soak),
        *(pytest.param(signal.SIGTERM, s, marks=pytest.mark.soak) for s in (0.5, 2.0, None)),
    ],
)
def test_signals_that_come_again_and_again_leave_no_process_behind(tmp_path, after_s, number):
    """At any time of its start, and once it is ready."""
    demo, mark = Demo(tmp_path, broker=""), f"of-{tmp_path.name}-{time.monotonic_ns()}"
    script = Path(sys.executable).with_name("flower-ng")
    demo.spawn([str(script), "demo", f"--port={demo.port}"], {"DEMO_MARK": mark})
    if after_s is None:
        wait_until(lambda: answers(demo.port), 20, "the demo answers")
    else:
        time.sleep(after_s)  # wherever it is then

    for _ in range(300):
        demo.process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            demo.process.wait(0.1)
            break

    assert not demo.running
    wait_until(lambda: not of_demo(mark), 5, f"all ended: {of_demo(mark)}")
