"""Runs an image as a container engine does: by its configuration, as PID 1, with its own mounts.

The network is this machine's, so that the services of the tests can be reached. `read_only` is
`docker run --read-only` without a writable /tmp; volumes are folders of the test.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.services import Process, answers, free_port, wait_until

#: Runs in a mount and a PID namespace of its own, as PID 1, and becomes the program of the image.
START = """
set -eu
mount --bind "$ROOT" "$ROOT"
for volume in $VOLUMES; do mount --bind "${volume%%:*}" "$ROOT${volume##*:}"; done
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
[ -z "$READ_ONLY" ] || mount -o remount,bind,ro "$ROOT"
exec chroot --userspec="$USER_ID:$USER_ID" "$ROOT" /usr/bin/env -i "$@"
"""


class Container(Process):
    """One container of an image; ready when `start` returns. `port` is free on this machine."""

    def __init__(
        self,
        root: Path,
        config: Mapping[str, Any],
        log: Path,
        env: Mapping[str, str] | None = None,
        volumes: Mapping[str, Path] | None = None,
        command: Sequence[str] = (),
        read_only: bool = True,
    ) -> None:
        super().__init__(log)
        self.root, self.config = root, config
        self.port = free_port()
        self.env, self.volumes = dict(env or {}), dict(volumes or {})
        self.command = list(command) or list(config["Cmd"])
        self.read_only = read_only

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def launch(self) -> "Container":
        environment = {
            "ROOT": str(self.root),
            "VOLUMES": " ".join(f"{folder}:{place}" for place, folder in self.volumes.items()),
            "READ_ONLY": "yes" if self.read_only else "",
            "USER_ID": self.user_id,
        }
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"]
        self.spawn([*namespaces, "sh", "-c", START, "sh", *self.program(self.command)], environment)
        return self

    def start(self) -> "Container":
        self.launch()
        wait_until(lambda: answers(self.port) or not self.running, 60, "the container answers")
        assert self.running, self.output()
        return self

    def program(self, command: Sequence[str]) -> list[str]:
        """Return what `env` is given to run a command as the image would."""
        variables = [*self.config["Env"], f"FLOWER_PORT={self.port}", "FLOWER_ADDRESS=127.0.0.1"]
        variables += [f"{key}={value}" for key, value in self.env.items()]
        return [f"--chdir={self.config['WorkingDir']}", *variables, *command]

    @property
    def user_id(self) -> str:
        """The number of the image's user, looked up in the image."""
        user = self.config["User"]
        people = (self.root / "etc/passwd").read_text().splitlines()
        return next(line.split(":")[2] for line in people if user in line.split(":")[:3:2])

    @property
    def main_pid(self) -> int:
        """The pid, outside, of what is PID 1 inside."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(children[0])

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command in the running container, as `docker exec` does."""
        enter = ["nsenter", f"--target={self.main_pid}", "--mount", "--pid", "--root", "--wd"]
        person = [f"--setuid={self.user_id}", f"--setgid={self.user_id}"]
        words = [*enter, *person, "/usr/bin/env", "-i", *self.program(command)]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)

    def end(self) -> int:
        """Ask PID 1 to end with SIGTERM, as `docker stop` does; return its exit code."""
        os.kill(self.main_pid, signal.SIGTERM)
        assert self.process is not None
        return self.process.wait(30)
