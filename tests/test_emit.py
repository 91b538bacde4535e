"""flower_ng.emit: imports nothing but Celery, never raises, sends nothing outside of workers."""

import logging
import subprocess
import sys

import pytest
from celery import Celery
from celery.app.trace import build_tracer

from flower_ng import emit

#: A broker that refuses at once.
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def app():
    made = Celery("reports", broker=NOWHERE, set_as_current=False)
    made.conf.broker_transport_options = {"max_retries": 0}
    yield made
    made.close()


@pytest.fixture
def report(app):
    @app.task
    def report():
        for current in range(3):
            emit.progress(current, 2)
            emit.log("line")
        return "done"

    return report


def test_it_imports_nothing_of_the_dashboard():
    said = (
        "import sys; from flower_ng import emit;"
        "print(*sorted(n for n in sys.modules if n.split('.')[0] in ('flower_ng', 'tornado')))"
    )
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)

    assert found.stdout.split() == ["flower_ng", "flower_ng.emit"]


def test_outside_a_worker_nothing_is_sent(report, caplog):
    emit.log("nowhere")

    assert (report(), report.apply().get()) == ("done", "done")
    assert caplog.records == []


def test_a_broker_that_is_away_stops_no_task_and_is_told_once(report, app, caplog):
    run = build_tracer(report.name, report, app=app, eager=False)
    with caplog.at_level(logging.WARNING):
        answer = run("5eed", (), {}, {"id": "5eed", "hostname": "w1@box"})

    told = [one.message for one in caplog.records if one.name == "flower_ng.emit"]
    assert answer.retval == "done"
    assert [one.split(":")[0] for one in told] == ["No reports for 30 s"]
