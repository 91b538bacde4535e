"""`flower-ng doctor` where something is wrong; tests/live has the healthy clusters."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doctored import doctored, found
from tests.services import ROOT, Worker

DEAD = "redis://:geheim@127.0.0.1:1/0"  # nobody listens on port 1


def test_a_broker_that_is_away_is_told_in_lines_and_exit_code_two():
    done = doctored("--broker", DEAD)

    assert done.returncode == 2, done.stderr
    assert "✗ broken" in done.stdout
    assert "Connection refused" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_password_is_never_shown():
    words = ("-b", DEAD, "--result-backend=redis://:geheim@127.0.0.1:1/1", "--json")

    done = doctored(*words, "--history=postgresql://me:geheim@127.0.0.1:1/db")

    assert "geheim" not in done.stdout + done.stderr
    assert found(done)["Result backend", "Reached"]["mark"] == "broken"
    assert found(done)["flower_ng", "History"]["mark"] == "broken"


def test_without_workers_and_a_place_for_the_history_both_are_broken(
    tmp_path: Path, redis_url: str
):
    words = ("-b", redis_url, "--json", "--inspect_timeout=200")
    (tmp_path / "nowhere").touch()

    done = doctored(*words, "--persistent", f"--db={tmp_path / 'nowhere' / 'flower'}")

    assert done.returncode == 2, done.stderr
    assert found(done)["Broker", "Reached"]["mark"] == "ok"
    assert found(done)["Workers", "Found"]["mark"] == "broken"
    assert found(done)["App", "Task-sent events"]["mark"] == "cannot be known"
    assert "nowhere is no folder" in found(done)["flower_ng", "History"]["said"]


def test_a_worker_without_events_is_found_by_its_answers(
    redis_url: str, start_worker: Callable[..., Worker]
):
    options = ("-P", "solo", "--without-heartbeat")
    worker = start_worker(redis_url, redis_url, options=options)

    done = doctored("-b", redis_url, "--json", "--inspect_timeout=3000")

    assert done.returncode == 1, done.stdout
    assert found(done)["Workers", "Heartbeats"]["subjects"] == [worker.hostname]
    assert found(done)["Workers", "Heartbeats"]["mark"] == "attention"
    assert found(done)["Workers", "Pool"]["mark"] == "note"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("--jsn", "Unknown option --jsn"),
        ("--port=none", "Invalid '--port' option"),
        ("twice", "Ignored an argument without dashes"),
        ("--broker=nosuch://me:geheim@box", "No such transport: nosuch"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_looked_at(word: str, said: str):
    done = doctored(word)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "geheim" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_backend_without_a_url_is_named_by_its_setting(tmp_path: Path) -> None:
    """A class given by its path has no URL, as `django-db` has none."""
    (tmp_path / "plain.py").write_text(
        "from celery.backends.cache import CacheBackend\n"
        "class Plain(CacheBackend):\n"
        "    def __init__(self, *args, **kwargs):\n"
        "        super().__init__(*args, **{**kwargs, 'backend': 'memory', 'url': None})\n"
        "    def as_uri(self, include_password=True):\n"
        "        return self.url\n"
    )
    path = {"PYTHONPATH": f"{ROOT}:{tmp_path}"}

    done = doctored("-b", "memory://", "--result-backend=plain:Plain", "--json", **path)

    check = found(done)["Result backend", "Reached"]
    assert check["mark"] == "ok", done.stdout
    assert check["said"].startswith("plain:Plain, responds in")
