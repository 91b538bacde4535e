"""Sketch: how durations are spread, for quantiles within 2 %; sketches merge exactly. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import ceil, log

import msgspec

#: A quantile is at most this share above or below a value of that rank.
RELATIVE_ERROR = 0.02
#: Shorter durations count as 0: there the error is absolute.
LEAST_S = 1e-4

_BASE = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_SCALE = 1 / log(_BASE)
_LEAST = ceil(log(LEAST_S) * _SCALE)


class Sketch(msgspec.Struct, array_like=True, gc=False):
    """Durations counted in buckets, each 4 % wider than the one before, and their sum.

    The method is DDSketch's (Masson, Rim, Lee: VLDB 2019). Buckets are never joined, so the order
    of merges does not matter; durations of events (up to 2**33 s) fall in at most 803 of them.
    """

    buckets: dict[int, int] = {}
    total_s: float = 0.0

    @property
    def count(self) -> int:
        """How many durations there are."""
        return sum(self.buckets.values())

    def add(self, duration_s: float) -> None:
        """Count one duration, which is not negative; a fraction of a microsecond."""
        bucket = ceil(log(duration_s) * _SCALE) if duration_s > LEAST_S else _LEAST
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.total_s += duration_s

    def merge(self, other: "Sketch") -> None:
        """Take in the durations of another sketch."""
        buckets = self.buckets
        for bucket, count in other.buckets.items():
            buckets[bucket] = buckets.get(bucket, 0) + count
        self.total_s += other.total_s

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """Return the durations (s) that so many of all, 0 to 1, do not exceed; needs a duration.

        They are estimates, but for a single duration, which is its own.
        """
        buckets = sorted(self.buckets)
        up_to = list(accumulate(map(self.buckets.__getitem__, buckets)))
        if up_to[-1] == 1:
            return [self.total_s] * len(shares)
        ranks = (max(1, ceil(share * up_to[-1])) for share in shares)
        return [_middle_s(buckets[bisect_left(up_to, rank)]) for rank in ranks]


def _middle_s(bucket: int) -> float:
    """Return what is equally far, as a share, from both ends of a bucket."""
    return 0.0 if bucket == _LEAST else 2 * _BASE**bucket / (_BASE + 1)
