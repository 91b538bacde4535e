"""Throttle bounds how often passwords are guessed, by who asks and by whose password it is.

On the loop.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

from flower_ng.errors import TooManyRequests

#: Wrong passwords in this time, from one address and for one name. A name has more, so that a
#: guesser can't easily keep its owner out.
WINDOW_S: Final = 60.0
MOST_BY_PEER: Final = 10
MOST_BY_NAME: Final = 60
#: Addresses and names that are remembered, each; the ones that failed last.
MOST_KEYS: Final = 10_000
#: Bits of an address of IPv6 that its owner can choose.
_OWN_BITS: Final = 64


class Throttle:
    """Counts wrong passwords; `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_peer = _Failures(MOST_BY_PEER)
        self._by_name = _Failures(MOST_BY_NAME)

    def check(self, peer: str, name: str) -> None:
        """Raise TooManyRequests, before anything is compared, where too many were wrong."""
        now = self._clock()
        waits = (self._by_peer.wait_s(network_of(peer), now), self._by_name.wait_s(name, now))
        if any(waits):
            wait_s = math.ceil(max(waits))
            raise TooManyRequests(
                f"Too many wrong passwords: try again in {wait_s} s", retry_after_s=wait_s
            )

    def failed(self, peer: str, name: str) -> None:
        """Count a wrong password."""
        now = self._clock()
        self._by_peer.add(network_of(peer), now)
        self._by_name.add(name, now)

    def take_back(self, peer: str, name: str) -> None:
        """Count the last password no more: it was right."""
        self._by_peer.take_back(network_of(peer))
        self._by_name.take_back(name)


def network_of(peer: str) -> str:
    """Return whom an address stands for: of IPv6, everybody has 2**64 of them."""
    try:
        ip = ip_address(peer.partition("%")[0])
    except ValueError:
        return peer  # a Unix socket has none
    if not isinstance(ip, IPv6Address):
        return peer
    return str(ip.ipv4_mapped or int(ip) >> _OWN_BITS)


class _Failures:
    def __init__(self, most: int) -> None:
        self._most = most
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, key: str, now: float) -> float:
        """Return how long it takes until one more may fail."""
        times = self._times.get(key)
        if times is None or len(times) < self._most:
            return 0.0
        return max(0.0, times[0] + WINDOW_S - now)

    def add(self, key: str, now: float) -> None:
        times = self._times.setdefault(key, deque(maxlen=self._most))
        times.append(now)
        self._times.move_to_end(key)
        if len(self._times) > MOST_KEYS:
            self._times.popitem(last=False)

    def take_back(self, key: str) -> None:
        times = self._times.get(key)
        if times:
            times.pop()
