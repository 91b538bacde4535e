"""`flower-ng probe`, against a real dashboard."""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.services import ROOT, Dashboard, free_port

PROBE = (sys.executable, "-c", "from flower_ng.cli.script import main; main()", "probe")


def probed(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    path = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        (*PROBE, *words),
        env={**path, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_dashboard_that_runs_is_live_and_ready(dashboard: Dashboard) -> None:
    live = probed("--live", f"--port={dashboard.port}")
    ready = probed(FLOWER_PORT=str(dashboard.port))

    assert (live.returncode, live.stdout) == (0, "OK\n")
    assert (ready.returncode, '"ready": true' in ready.stdout) == (0, True)


def test_where_nothing_listens_the_probe_fails_in_one_line() -> None:
    done = probed(f"--port={free_port()}")

    assert done.returncode == 1
    assert done.stderr.startswith("Error: The dashboard does not answer: ")


def test_a_probe_and_the_version_do_without_celery() -> None:
    for words in (PROBE[-1:], ("--version",)):
        done = subprocess.run(
            (sys.executable, "-X", "importtime", *PROBE[1:-1], *words),
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

        assert "flower_ng.cli" in imported
        assert "celery" not in imported


class Ready(BaseHTTPRequestHandler):
    """Answers as a dashboard that is ready does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ready")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class SixServer(HTTPServer):
    address_family = socket.AF_INET6


def server_alone(kind: type[HTTPServer], host: str) -> tuple[HTTPServer, socket.socket]:
    """Bind a port, and hold it in the other family, so that nobody else listens there."""
    v4, v6 = (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")
    family, other = v4 if kind is SixServer else v6
    while True:
        server, holder = kind((host, 0), Ready), socket.socket(family)
        try:
            holder.bind((other, server.server_address[1]))
        except OSError:  # somebody has it there: take another
            server.server_close()
            holder.close()
        else:
            return server, holder


@contextlib.contextmanager
def listening(kind: type[HTTPServer], host: str) -> Iterator[int]:
    """Listen at one address, of one family only; stands for a dashboard in such a pod."""
    server, holder = server_alone(kind, host)
    with server, holder:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("address", ["::", "::1", ""])
def test_where_only_ipv6_is_listened_to_that_is_asked(address: str) -> None:
    with listening(SixServer, "::1") as port:
        done = probed(f"--port={port}", f"--address={address}")

    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", ""])
def test_where_only_ipv4_is_listened_to_that_is_asked(address: str) -> None:
    with listening(HTTPServer, "127.0.0.1") as port:
        done = probed("--port", str(port), f"--address={address}")

    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr


def test_a_misspelt_option_is_refused_and_nothing_is_asked() -> None:
    with listening(HTTPServer, "127.0.0.1") as port:
        done = probed(f"--prot={port}", FLOWER_PORT=str(port))

    assert (done.returncode, done.stdout) == (2, "")
    assert "Unknown option --prot; did you mean --port?" in done.stderr


def test_a_misspelt_variable_is_warned_about() -> None:
    with listening(HTTPServer, "127.0.0.1") as port:
        done = probed(f"--port={port}", FLOWER_PROT="1")

    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr
    assert "Ignored unknown option FLOWER_PROT; did you mean FLOWER_PORT?" in done.stderr


def test_a_wrong_value_is_said_as_such() -> None:
    done = probed("--port=x")

    assert (done.returncode, done.stderr) == (
        1,
        "Error: Invalid '--port' option: 'x' is not a whole number\n",
    )
