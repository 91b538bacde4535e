"""Hosts decides whether a request names a host that this dashboard is known by; pure.

A page of anywhere can have its own name resolve to an address of ours (DNS rebinding) and then read
what a browser inside may see. Its requests name that host.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

_LOCAL = "localhost"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Names are `names`, of which `*.example.com` stands for what ends so, or with none all names.

    With `only_local` no others are accepted than these and `localhost`. Addresses always are.
    """

    names: Sequence[str] = ()
    only_local: bool = False

    def accepts(self, host: str) -> bool:
        """Whether a Host header names this dashboard; one without a value is no browser's."""
        if not (self.names or self.only_local) or not host:
            return True
        name = _name(host)
        if is_address(name) or name == _LOCAL or name.endswith(f".{_LOCAL}"):
            return True
        return any(_matches(name, one.lower()) for one in self.names)


def is_loopback(address: str) -> bool:
    """Whether an address to listen at can be reached from this machine only."""
    return address == _LOCAL or (is_address(address) and ip_address(address).is_loopback)


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _name(host: str) -> str:
    """Return a Host header without its port, brackets, and the dot of a full name."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().removesuffix(".")


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return name == pattern
