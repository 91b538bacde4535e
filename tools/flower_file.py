"""Makes a file as a real Flower leaves it, and what that Flower's API said, for the tests.

    .venv/bin/python tools/flower_file.py PYTHON FLOWER FOLDER [PACKAGE==VERSION…]

PYTHON runs Flower, and decides which dbm it uses; FLOWER is its version. Needs redis-server.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
socket.gethostname = lambda: "box"  # nobody's machine is to be named in the file

from tests.services import Process, Redis, answers, free_port, running, wait_until  # noqa: E402

SHOP = Path(__file__).resolve().parent.parent / "tests" / "shop.py"
FINAL = {"SUCCESS", "FAILURE", "REVOKED", "REJECTED"}
TASKS = 7


def main(python: str, version: str, folder: str, *packages: str) -> None:
    """Set up Flower, have it watch some tasks, end it, and keep what it left in `folder`."""
    kept = Path(folder)
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="flower-file-") as name:
        work = Path(name)
        celery = installed(python, work, f"flower=={version}", "redis", "packaging", *packages)
        shutil.copy(SHOP, work)
        with running(Redis(work)) as redis:
            said = watched(work, celery, redis.url)
        for path in work.glob("db/*"):
            shutil.copy(path, kept)
        (kept / "said.json").write_text(json.dumps(said, indent=1, sort_keys=True) + "\n")
    print(*sorted(path.name for path in kept.iterdir()))


def installed(python: str, work: Path, *packages: str) -> Path:
    """Return the `celery` of a virtual environment with these packages."""
    subprocess.run([python, "-m", "venv", work / "venv"], check=True)
    pip = work / "venv" / "bin" / "pip"
    subprocess.run([pip, "install", "--quiet", *packages], check=True)
    return work / "venv" / "bin" / "celery"


def watched(work: Path, celery: Path, broker: str) -> dict[str, Any]:
    """Run tasks under the eyes of Flower, end it as people do, and return what its API said."""
    port = free_port()
    (work / "db").mkdir()
    path = os.pathsep.join(filter(None, [str(work), os.environ.get("PYTHONPATH")]))
    environ = {"SHOP_BROKER": broker, "PYTHONPATH": path, "FLOWER_UNAUTHENTICATED_API": "true"}
    worker, flower = Process(work / "worker.log"), Process(work / "flower.log")
    command = [str(celery), "-A", "shop"]
    options = ["--persistent=true", f"--db={work / 'db' / 'flower'}", f"--port={port}"]
    flower.spawn([*command, "flower", "--address=127.0.0.1", *options], environ)
    try:
        wait_until(lambda: answers(port), 60, "Flower answers")
        worker.spawn([*command, "worker", "-E", "-n", "w1@box", "-c1", "-lINFO"], environ)
        wait_until(lambda: " ready." in worker.output(), 60, "the worker is ready")
        send(broker)
        wait_until(lambda: is_done(port), 60, "Flower has seen all")
        return {"tasks": asked(port, "tasks"), "workers": asked(port, "workers?status=true")}
    except AssertionError:
        print(flower.output(), worker.output())
        raise
    finally:
        flower.stop()
        worker.kill()


def send(broker: str) -> None:
    """Publish one task for each outcome, and one that still runs at the end."""
    os.environ["SHOP_BROKER"] = broker
    sys.path.insert(0, str(SHOP.parent))
    shop = import_module("shop")  # it reads the broker when it is imported

    shop.add.delay(2, 3)
    shop.fail.delay("no \N{DIGIT ONE}\N{COMBINING ENCLOSING KEYCAP} left; déjà vu")
    shop.flaky.delay(1)
    shop.refuse.delay()
    shop.echo.delay("a", order={"id": 7, "lines": ["x" * 50] * 3})
    shop.app.control.revoke(shop.add.apply_async((1, 1), countdown=3).id)
    shop.sleep.apply_async((600,), countdown=4)


def is_done(port: int) -> bool:
    """Whether all have ended but the one that runs."""
    tasks = asked(port, "tasks").values()
    states = [task["state"] for task in tasks]
    return len(states) == TASKS and set(states) <= FINAL | {"STARTED"} and "STARTED" in states


def asked(port: int, path: str) -> Any:
    """Return an answer of Flower's API."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/{path}", timeout=10) as reply:
        return json.load(reply)


if __name__ == "__main__":
    main(*sys.argv[1:])
