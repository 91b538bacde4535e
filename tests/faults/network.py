"""A network namespace for a dashboard, in which packets to and from its broker can be dropped."""

import contextlib
import subprocess
import urllib.request

from tests.services import Dashboard, free_port, need, wait_until


class Network:
    """A cable between this machine and a namespace of its own; needs root.

    `outside` is our address on it, `inside` that of the namespace.
    """

    def __init__(self) -> None:
        number = free_port()
        self.name = f"fng{number}"
        self.outside, self.inside = (
            f"10.231.{number % 256}.{number // 256 % 64 * 4 + end}" for end in (1, 2)
        )
        self.within = [need("ip"), "netns", "exec", self.name]
        self._port = 0

    def start(self) -> "Network":
        ours, theirs = f"{self.name}o", f"{self.name}i"
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", self.name)
        run("ip", "address", "add", f"{self.outside}/30", "dev", ours)
        run("ip", "link", "set", ours, "up")
        run(*self.within, "ip", "address", "add", f"{self.inside}/30", "dev", theirs)
        run(*self.within, "ip", "link", "set", theirs, "up")
        return self

    def stop(self) -> None:
        """Remove the namespace, and the cable with it."""
        run("ip", "netns", "delete", self.name)

    def drops(self, port: int) -> "Network":
        """Have `cut` drop what goes to and comes from this port of ours."""
        self._port = port
        return self

    def cut(self) -> None:
        for chain, direction in (("INPUT", "--sport"), ("OUTPUT", "--dport")):
            rule = ["-p", "tcp", direction, str(self._port), "-j", "DROP"]
            run(*self.within, "iptables", "-A", chain, *rule)

    def heal(self) -> None:
        run(*self.within, "iptables", "-F")


class Inside(Dashboard):
    """A dashboard in a namespace, asked over the cable."""

    network: Network

    @property
    def url(self) -> str:
        return f"http://{self.network.inside}:{self.port}"

    @property
    def command(self) -> list[str]:
        command = [word.replace("127.0.0.1", self.network.inside) for word in super().command]
        return [*self.network.within, *command]

    def start(self) -> "Inside":
        self.spawn(self.command, self.environment)
        wait_until(self._answers, 20, "the dashboard answers")
        return self

    def _answers(self) -> bool:
        assert self.running, self.output()
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/livez", timeout=5):
            return True
        return False


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stderr)
