"""Hosts decides whether a request names a host that this dashboard is known by; pure.

A page of anywhere can have its own name resolve to an address of ours (DNS rebinding) and then read
what a browser inside may see. Its requests name that host.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from flower_ng.printable import one_line

_LOCAL = "localhost"
#: Names with these ends are in no public name server, so that no stranger can have them lead here.
_INTERNAL = (".internal", ".local", ".home.arpa")
#: So much of a name is told; no name is longer.
_LONGEST = 253


@dataclass(frozen=True, slots=True)
class Hosts:
    """Names are `names`, or with none all names.

    `*.example.com` stands for what ends so, `*` for all.

    With `only_local` no others are accepted than these and `localhost`. Addresses always are.
    """

    names: Sequence[str] = ()
    only_local: bool = False

    def accepts(self, host: str) -> bool:
        """Whether a Host header names this dashboard; one without a value is no browser's."""
        if not (self.names or self.only_local) or not host:
            return True
        return _is_own(_name(host)) or self._holds(_name(host))

    def stranger(self, hosts: Iterable[str]) -> str:
        """Return the first of several Host headers that a stranger may have led here, or empty.

        Strangers can't have addresses lead here, nor names without a dot or with an end that is
        kept for networks of one's own; nor are they who is in `names`.
        """
        for host in filter(None, hosts):
            name = _name(host)
            is_internal = "." not in name or name.endswith(_INTERNAL)
            if not (is_internal or _is_own(name) or self._holds(name)):
                return one_line(name[:_LONGEST])
        return ""

    def _holds(self, name: str) -> bool:
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


def _is_own(name: str) -> bool:
    return is_address(name) or name == _LOCAL or name.endswith(f".{_LOCAL}")


def _matches(name: str, pattern: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return name == pattern
