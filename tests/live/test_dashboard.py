"""The dashboard as a process: what outlives it, and what it does without a broker."""

import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import time
import warnings
from pathlib import Path

import pytest

from tests.services import Dashboard, free_port, need, wait_until

pytestmark = pytest.mark.live


def finished(dashboard: Dashboard) -> dict:
    return dashboard.get("/api/tasks", state="SUCCESS")


def test_history_workers_and_counters_survive_kill_9(redis_url, worker, start_dashboard, tmp_path):
    options = ("--persistent", f"--db={tmp_path / 'flower'}")
    first = start_dashboard(redis_url, redis_url, options=options)
    wait_until(lambda: first.get("/api/workers", status=1), 10, "the worker is seen")
    first.post("/api/task/async-apply/tests.shop.add", {"args": [1, 2]})
    before = wait_until(lambda: finished(first), 10, "the task is seen")
    time.sleep(5)  # it is known that its pool is not solo, and a heartbeat has been kept since
    first.kill()
    worker.stop()

    second = start_dashboard(redis_url, redis_url, options=options)

    assert finished(second) == before
    (row,) = second.get("/workers", json=1)["data"]
    assert row["hostname"] == worker.hostname
    assert row["task-succeeded"] == 1
    stopped = {worker.hostname: False}  # as soon as it could have been heard again
    wait_until(lambda: second.get("/api/workers", status=1) == stopped, 20, "it is offline")
    assert second.get("/api/task/types") == {"task-types": ["tests.shop.add"]}


def test_a_hard_time_limit_is_one_failure_although_two_events_tell_of_it(
    redis_url, worker, start_dashboard, tmp_path
):
    options = ("--persistent", f"--db={tmp_path / 'flower'}")
    first = start_dashboard(redis_url, redis_url, options=options)
    wait_until(lambda: first.get("/api/workers", status=1), 10, "the worker is seen")
    first.post("/api/task/async-apply/tests.shop.overrun", {})

    def told() -> bool:
        rows = first.get("/workers", json=1)["data"]
        return bool(rows) and rows[0].get("task-failed") == 2

    wait_until(told, 20, "both events are heard")
    failed = re.compile(r"<dt>Failed</dt>\s*<dd[^>]*>\s*1\s*<")
    page = first.ask(f"/worker/{worker.hostname}").text
    first.stop()
    second = start_dashboard(redis_url, redis_url, options=options)

    for shown in (page, second.ask(f"/worker/{worker.hostname}").text):
        assert failed.search(shown), shown[shown.find("Failed") - 200 :][:500]


def test_sigterm_ends_it_with_exit_code_0_and_the_state_saved(redis_url, start_dashboard, tmp_path):
    dashboard = start_dashboard(redis_url, options=("--persistent", f"--db={tmp_path / 'flower'}"))

    assert dashboard.process is not None
    dashboard.process.send_signal(signal.SIGTERM)

    assert dashboard.process.wait(10) == 0
    assert (tmp_path / "flower.sqlite3").exists()
    assert "Traceback" not in dashboard.output()


DEAD_CALLS = [
    ("GET", "/workers", {200}),
    ("GET", "/tasks", {200}),
    ("GET", "/broker", {200}),
    ("GET", "/worker/w@x", {404}),
    ("GET", "/api/workers?refresh=1", {200}),
    ("GET", "/api/workers?refresh=1&workername=w@x", {404}),
    ("GET", "/api/queues/length", {503}),
    ("GET", "/api/task/result/x", {503}),
    ("POST", "/api/worker/shutdown/w@x", {404}),
    ("POST", "/api/task/revoke/x", {503}),
    ("POST", "/api/task/send-task/x", {503}),
    ("POST", "/api/task/apply/tests.shop.add", {503}),
]


def test_without_a_broker_it_starts_and_every_request_ends_in_time(start_dashboard):
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    dashboard = start_dashboard(nowhere, nowhere)

    connection = dashboard.get("/api/connection")
    assert connection["connected"] is False
    assert connection["why"]
    for method, path, allowed in DEAD_CALLS:
        began = time.monotonic()
        answer = dashboard.ask(path, method, b"" if method == "POST" else None)
        took_s = time.monotonic() - began
        limit_s = 5 if "task/" in path and method == "POST" else 3
        assert answer.status in allowed, (path, answer.status, answer.text)
        assert took_s < limit_s, (path, took_s)


def test_it_serves_a_unix_socket_instead_of_a_port(redis_url, tmp_path):
    path = tmp_path / "flower.sock"

    class OnSocket(Dashboard):
        def start(self):
            self.spawn(self.command, self.environment)
            wait_until(path.exists, 15, "the socket is there")
            return self

    dashboard = OnSocket(tmp_path, redis_url, options=(f"--unix_socket={path}",))
    try:
        dashboard.start()
        with socket.socket(socket.AF_UNIX) as link:
            wait_until(lambda: link.connect_ex(str(path)) == 0, 5, "it answers")
            link.sendall(b"GET /healthcheck HTTP/1.0\r\n\r\n")
            assert b"200 OK" in link.recv(4096)
        assert path.stat().st_mode & 0o777 == 0o777
    finally:
        dashboard.stop()


def test_it_serves_https_with_a_certificate_and_its_key(redis_url, start_dashboard, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make_certificate(key, certificate)
    dashboard = start_dashboard(
        redis_url, options=(f"--certfile={certificate}", f"--keyfile={key}")
    )

    trust = ssl.create_default_context(cafile=str(certificate))
    link = http.client.HTTPSConnection("localhost", dashboard.port, timeout=5, context=trust)
    try:
        link.request("GET", "/healthcheck")
        assert link.getresponse().status == 200
    finally:
        link.close()
    assert f"https://127.0.0.1:{dashboard.port}/" in dashboard.output()
    first = shown(dashboard.port)

    certificate.write_text("no certificate")
    os.kill(dashboard.pid, signal.SIGHUP)
    wait_until(lambda: "The certificate stays" in dashboard.output(), what="it refuses")
    assert shown(dashboard.port) == first
    [line] = [one for one in dashboard.output().splitlines() if "The certificate stays" in one]
    assert f"{certificate} and {key} cannot be used" in line

    make_certificate(key, certificate)
    os.kill(dashboard.pid, signal.SIGHUP)
    wait_until(lambda: shown(dashboard.port) == der(certificate), what="the new one is shown")
    with pytest.raises(ssl.SSLError):
        shown(dashboard.port, ssl.TLSVersion.TLSv1_1)


def shown(port: int, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> bytes | None:
    """The certificate that a new connection gets, with that version of TLS at most."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
    with (
        socket.create_connection(("127.0.0.1", port), 5) as link,
        context.wrap_socket(link) as secure,
    ):
        return secure.getpeercert(binary_form=True)


def der(certificate: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.read_text())


def make_certificate(key: Path, certificate: Path) -> None:
    subprocess.run(
        [
            *(need("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
